"""What a folder of embeddings holds: its splits, norms, tables, neighbours and positions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.pipelines.inspect.tables import (
    FileRows,
    Near,
    Norms,
    Positions,
    TableReport,
    norms,
    position_table,
    row_norms,
    row_of,
    token_table,
)
from gptprep.shards.arrays import ArrayFile
from gptprep.shards.embeddings_folder import WEIGHTS, EmbeddingsManifest, read_embeddings_manifest
from gptprep.storage.files import is_file
from gptprep.storage.npy import open_array
from gptprep.storage.safetensors import read_tensor_formats
from gptprep.tokenizers import Tokenizer, load_tokenizer
from gptprep.tokenizers.published import KNOWN
from gptprep.training.table_names import check_table, find_table
from gptprep.units import MIB

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLED_WINDOWS, _SAMPLED_BYTES = 64, 32 * MIB
"""Of each split: the windows whose norms are computed, and how many bytes they have at most, if not one."""
_BLOCK_BYTES = 4 * MIB
_MISSING = "write the folder again"


class SplitReport(NamedTuple):
    """A split."""

    split: str
    windows: int
    files: int
    bytes: int
    """Of its numbers."""
    sampled: int
    """The windows whose embeddings have the norms; they are spread evenly."""
    norms: Norms


@dataclass(frozen=True)
class EmbeddingsReport:
    """What a folder of embeddings holds."""

    path: str
    tokenizer: str
    n_vocab: int
    context_length: int
    dim: int
    dtype: str
    position: str
    splits: tuple[SplitReport, ...]
    token_table: TableReport
    position_table: TableReport | None
    near: Near | None
    positions: Positions | None


@dataclass(frozen=True)
class EmbeddingsOptions:
    """What to show of a folder of embeddings."""

    path: str
    near: str | None = None
    """A token or an id."""
    tokenizer: str | None = None
    """None for the one that the folder names."""
    default_tokenizer: str | None = None
    """Used if the folder names none that can be found, and it is the one that made the shards."""


def inspect_embeddings(options: EmbeddingsOptions) -> EmbeddingsReport:
    """Describe a folder that `embed` wrote.

    Raises:
        UsageError: `near` is not one token.
        GptprepError: a file cannot be read, or the tokenizer is another.
        CorruptDataError: the manifest is damaged, or a file is missing or not what it says.
    """
    path, manifest = options.path, read_embeddings_manifest(options.path)
    weights = _present(path, WEIGHTS)
    formats = read_tensor_formats(weights)
    shapes = {name: tensor.shape for name, tensor in formats.items()}

    def table(kind: str) -> FileRows:
        name = find_table(weights, shapes, kind, None)
        check_table(weights, name, shapes[name], formats[name].dtype)
        return FileRows(weights, name, formats[name])

    token, tokenizer, row = table("token"), None, None
    if options.near is not None:
        tokenizer = _tokenizer(path, manifest, options)
        row = row_of(options.near, tokenizer, token)
    token_report, near = token_table(token, row, tokenizer)
    position_report, positions = (
        (None, None) if manifest.position == "none" else position_table(table("position"))
    )
    return EmbeddingsReport(
        path=path,
        tokenizer=manifest.tokenizer.name,
        n_vocab=manifest.n_vocab,
        context_length=manifest.context_length,
        dim=manifest.dim,
        dtype=manifest.dtype,
        position=manifest.position,
        splits=tuple(_split(path, manifest, name) for name in manifest.windows),
        token_table=token_report,
        position_table=position_report,
        near=near,
        positions=positions,
    )


def _present(folder: str, file: str) -> str:
    """The path of a file that the manifest names.

    Raises:
        CorruptDataError: it is missing.
    """
    path = os.path.join(folder, file)
    if not is_file(path):
        raise CorruptDataError(f"{path} is missing", "the manifest names it", _MISSING)
    return path


def _tokenizer(folder: str, manifest: EmbeddingsManifest, options: EmbeddingsOptions) -> Tokenizer | None:
    """The tokenizer that the user names, or that of the folder if it has the name of an encoding."""
    made_with, given = manifest.tokenizer, options.tokenizer
    own = made_with.name if made_with.name in KNOWN else None
    name = given or own or options.default_tokenizer or "gpt2"
    tokenizer = load_tokenizer(name)
    if tokenizer.fingerprint == made_with.fingerprint:
        return tokenizer
    if given is None:
        return None
    what, why = f"{folder} was not made with {tokenizer.name}", "their fingerprints differ"
    raise GptprepError(what, why, f"give the file of {made_with.name} with -T")


def _split(folder: str, manifest: EmbeddingsManifest, name: str) -> SplitReport:
    files = [array for array in manifest.arrays if array.file.startswith(f"{name}/")]
    n_windows = manifest.windows[name]
    window_bytes = manifest.context_length * manifest.dim * np.dtype(manifest.dtype).itemsize
    number = min(n_windows, max(1, min(_SAMPLED_WINDOWS, _SAMPLED_BYTES // window_bytes)))
    chosen = sampled_windows(n_windows, number)
    lengths = norms(_norms(folder, files, manifest.dtype, chosen))
    return SplitReport(name, n_windows, len(files), n_windows * window_bytes, number, lengths)


def sampled_windows(n_windows: int, number: int) -> list[int]:
    """A number of windows from the first to the last, evenly spread."""
    return [i * (n_windows - 1) // max(1, number - 1) for i in range(number)]


def _norms(folder: str, files: list[ArrayFile], dtype: str, chosen: list[int]) -> Iterator[NDArray[Any]]:
    """The norms of the embeddings of some windows, in order."""
    first = 0
    for array in files:
        stored = open_array(_present(folder, array.file), array.shape, np.dtype(dtype))
        stop = first + array.shape[0]
        for window in (window for window in chosen if first <= window < stop):
            step = max(1, _BLOCK_BYTES // (4 * array.shape[2]))
            for start in range(0, array.shape[1], step):
                yield row_norms(stored[window - first, start : start + step].astype(np.float32))
        first = stop
