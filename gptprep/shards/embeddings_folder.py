"""The folder that `embed` writes: its manifest, read without trusting it, and the checks of its files."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple, get_args

import numpy as np

from gptprep.choices import FloatDtype, Position
from gptprep.errors import CorruptDataError
from gptprep.shards.arrays import ArrayFile, ArrayReader
from gptprep.shards.findings import CheckFile, OnBytes, Problem, Verified, stored_file_problem
from gptprep.shards.manifest import parse_array_file
from gptprep.storage.sealed import MANIFEST, REMOVE, StoredFile, not_ours, read_manifest_json
from gptprep.tokens.provenance import TokenizerRecord
from gptprep.units import MIB

FORMAT, VERSION = "gptprep-embeddings", 3
WEIGHTS = "weights.safetensors"
_BLOCK_BYTES = 4 * MIB


def not_only_embeddings(path: str) -> str:
    """Why a folder is not what `embed` of any version wrote, and nothing else; empty if it is."""
    return not_ours(path, FORMAT, _named_files)


def _named_files(manifest: Any) -> list[str]:
    arrays = (array for split in manifest["splits"].values() for array in split["embeddings"])
    return [manifest["weights"]["file"], *(array["file"] for array in arrays)]


class EmbeddingsManifest(NamedTuple):
    """What a manifest of embeddings says of the files."""

    dtype: str
    context_length: int
    dim: int
    position: str
    n_vocab: int
    tokenizer: TokenizerRecord
    windows: dict[str, int]
    arrays: tuple[ArrayFile, ...]
    weights_bytes: int
    weights_sha256: str
    made_from_sha256: str | None
    """Of the shards, the options and the weights, if the run was to skip the work where they are the same."""


def read_embeddings_manifest(folder: str) -> EmbeddingsManifest:
    """Read the untrusted manifest of a folder of embeddings.

    Raises:
        GptprepError: it cannot be read.
        CorruptDataError: it is damaged, or names files outside the folder.
    """
    value = read_manifest_json(folder, FORMAT, [VERSION]).value
    try:
        return _parse(value)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        path = os.path.join(folder, MANIFEST)
        raise CorruptDataError(f"{path} is damaged", f"{type(error).__name__}: {error}", REMOVE) from error


def _parse(value: dict[str, Any]) -> EmbeddingsManifest:
    if value["dtype"] not in get_args(FloatDtype) or value["weights"]["file"] != WEIGHTS:
        raise ValueError("its dtype or its weights are not those of embeddings")
    row = (value["context_length"], value["dim"])
    if not all(type(size) is int and 1 <= size < 1 << 40 for size in row):
        raise ValueError(f"a window has the shape {row}")
    arrays = []
    for name, split in value["splits"].items():
        found = [
            parse_array_file(name, "embeddings", n, array) for n, array in enumerate(split["embeddings"])
        ]
        if any(array.shape[1:] != row for array in found):
            raise ValueError(f"the shapes of {name} are not those of windows")
        if sum(array.shape[0] for array in found) != split["windows"]:
            raise ValueError(f"the windows of {name} do not add up")
        arrays += found
    windows = {name: int(split["windows"]) for name, split in value["splits"].items()}
    size, sha256 = value["weights"]["bytes"], value["weights"]["sha256"]
    if type(size) is not int or not isinstance(sha256, str):
        raise ValueError(f"its weights have {size!r} bytes and the sha256 {sha256!r}")
    made_from = value.get("made_from_sha256")
    if not isinstance(made_from, str | None):
        raise ValueError(f"made_from_sha256 is {made_from!r}")
    position, n_vocab, tokenizer = _made_with(value)
    return EmbeddingsManifest(
        dtype=value["dtype"],
        context_length=row[0],
        dim=row[1],
        position=position,
        n_vocab=n_vocab,
        tokenizer=tokenizer,
        windows=windows,
        arrays=tuple(arrays),
        weights_bytes=size,
        weights_sha256=sha256,
        made_from_sha256=made_from,
    )


def _made_with(value: dict[str, Any]) -> tuple[str, int, TokenizerRecord]:
    """The kind of positions, the size of the vocabulary and the tokenizer."""
    position, n_vocab, tokenizer = value["position"], value["n_vocab"], value["tokenizer"]
    record = TokenizerRecord(tokenizer["name"], n_vocab, tokenizer["eot"], tokenizer["fingerprint"])
    if position not in get_args(Position) or type(n_vocab) is not int or n_vocab < 1:
        raise ValueError(f"its positions are {position!r}, and its vocabulary has {n_vocab!r} ids")
    if type(record.name) is not str or type(record.fingerprint) is not str:
        raise ValueError(f"its tokenizer is {str(tokenizer)[:80]}")
    return position, n_vocab, record


class EmbeddingsChecks:
    """The checks for a folder of embeddings, as `ShardFolderChecks`."""

    def __init__(self, folder: str, *, hashed: bool) -> None:
        self._folder, self._hashed = folder, hashed
        self._manifest = read_embeddings_manifest(folder)
        self.format, self.windows = FORMAT, self._manifest.windows
        self.files = [WEIGHTS, *(array.file for array in self._manifest.arrays)]

    def of_files(self) -> list[CheckFile]:
        """One check for each file."""
        return [*(partial(self._check_array, array) for array in self._manifest.arrays), self._check_weights]

    def of_all(self, verified: list[Verified]) -> Iterator[Problem]:  # noqa: ARG002
        """Nothing: embeddings are not compared with each other."""
        return iter(())

    def _check_array(self, array: ArrayFile, on_bytes: OnBytes) -> Verified:
        dtype, n_rows = np.dtype(self._manifest.dtype), array.shape[0]
        try:
            with ArrayReader(self._folder, array, dtype, hashed=self._hashed) as file:
                step = max(1, _BLOCK_BYTES // (4 * array.shape[1] * array.shape[2]))
                for start in range(0, n_rows if self._hashed else 0, step):
                    on_bytes(file.read(min(step, n_rows - start)).nbytes)
                what = file.hash_problem() if self._hashed else None
        except CorruptDataError as error:
            return Verified([Problem.of(array.file, error)])
        return Verified([Problem(array.file, what)] if what else [])

    def _check_weights(self, on_bytes: OnBytes) -> Verified:
        stored = StoredFile(WEIGHTS, self._manifest.weights_bytes, self._manifest.weights_sha256)
        what = stored_file_problem(self._folder, stored, on_bytes, hashed=self._hashed)
        return Verified([Problem(WEIGHTS, what)] if what else [])
