"""`embed`: shards to token + position embeddings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gptprep.errors import GptprepError, MissingExtra, WrongUsage
from gptprep.files import MANIFEST, is_own_folder, require_free_space, sha256_file, write_manifest
from gptprep.pipelines.progress import Progress, no_progress
from gptprep.publishing import check_folder_output, publish_folder
from gptprep.shards import ArrayFile, ArrayWriter, ShardFolder, open_shards

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from gptprep.embeddings import Init, Position, TokenPositionEmbedding

WEIGHTS = "weights.safetensors"
_FORMAT = "gptprep-embeddings"
_VERSION = 1
_SHARD_BYTES = 1 << 30
"""The largest embeddings file, header aside."""
_BATCH_BYTES = 1 << 24
"""Float32 embeddings computed at a time, where the user does not say: they fit in a processor's cache."""


@dataclass(frozen=True)
class EmbedOptions:
    """What to embed and how. `split` and `limit` (windows of each split) are None for all."""

    shards: str
    output: str
    dim: int = 768
    position: Position = "learned"
    init: Init = "normal"
    seed: int = 0
    device: str = "auto"
    dtype: Literal["float32", "float16"] = "float32"
    split: str | None = None
    limit: int | None = None
    batch_size: int | None = None
    force: bool = False


@dataclass(frozen=True)
class EmbedPlan:
    """What a run will read and write; `windows` by split, `bytes` of all files to be written."""

    options: EmbedOptions
    folder: ShardFolder
    windows: dict[str, int]
    shape: tuple[int, int, int]
    """(N, L, D) of all windows together."""
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """The plan for machines."""
        return {
            "output": self.options.output,
            "windows": self.windows,
            "shape": self.shape,
            "dtype": self.options.dtype,
            "bytes": self.bytes,
        }


@dataclass(frozen=True)
class EmbedReport:
    """What was written."""

    output: str
    device: str
    windows: dict[str, int]
    shape: tuple[int, int, int]
    dtype: str
    bytes: int


def plan_embed(options: EmbedOptions) -> EmbedPlan:
    """Check all that can be checked before the work, torch aside, and compute its size.

    Raises:
        WrongUsage: an option makes no embeddings.
        GptprepError: the shards or the output cannot be used, or the disk is too small.
        DamagedData: the shard folder's manifest is damaged.
    """
    for name, value in (("dim", options.dim), ("limit", options.limit), ("batch-size", options.batch_size)):
        if value is not None and value < 1:
            raise WrongUsage(f"--{name} is {value}", fix="give 1 or more")
    if not -(1 << 63) <= options.seed < 1 << 64:
        raise WrongUsage(f"--seed is {options.seed}", fix="give a number of 64 bits")
    folder = open_shards(options.shards)
    check_folder_output(options.output, force=options.force, is_ours=is_embeddings_folder)
    splits = folder.manifest.splits
    if options.split is not None and options.split not in splits:
        raise WrongUsage(
            f"{options.shards} has no split {options.split!r}", fix=f"it has {', '.join(splits)}"
        )
    names = [options.split] if options.split else list(splits)
    windows = {name: min(splits[name].windows, options.limit or splits[name].windows) for name in names}
    shape = (sum(windows.values()), folder.manifest.context_length, options.dim)
    size = shape[0] * shape[1] * shape[2] * np.dtype(options.dtype).itemsize + _weights_bytes(options, folder)
    try:
        require_free_space(options.output, size)
    except GptprepError as error:
        fix = "give --limit, --split or --dtype float16 to write less, or another disk"
        raise GptprepError(error.what, error.why, fix) from None
    return EmbedPlan(options, folder, windows, shape, size)


def _weights_bytes(options: EmbedOptions, folder: ShardFolder) -> int:
    manifest = folder.manifest
    rows = manifest.tokenizer.n_vocab + (manifest.context_length if options.position != "none" else 0)
    return rows * options.dim * 4


def run_embed(plan: EmbedPlan, progress: Progress = no_progress) -> EmbedReport:
    """Write the embeddings, the tables that made them, and the manifest.

    Raises:
        MissingExtra: torch or safetensors is not installed.
        GptprepError: the device or the output cannot be used; nothing is left at the output's name.
        DamagedData: a shard is not what its manifest says.
    """
    options, source = plan.options, plan.folder.manifest
    with _torch_or_missing():
        from gptprep.embeddings import TokenPositionEmbedding, choose_device, save_weights

    device = choose_device(options.device)
    with publish_folder(options.output, force=options.force, is_ours=is_embeddings_folder) as folder:
        with _enough_memory(plan):
            model = TokenPositionEmbedding(
                source.tokenizer.n_vocab,
                options.dim,
                source.context_length,
                options.position,
                options.init,
                options.seed,
            ).to(device)
            weights = save_weights(model, os.path.join(folder, WEIGHTS))
            files = _write_all(plan, model, device, folder, progress)
        write_manifest(folder, _manifest(plan, weights, files))
    return EmbedReport(options.output, str(device), plan.windows, plan.shape, options.dtype, plan.bytes)


@contextmanager
def _torch_or_missing() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise MissingExtra(
            "embed needs torch and safetensors",
            f"{error.name or error} is not installed",
            "pip install 'gptprep[torch]'",
        ) from error


@contextmanager
def _enough_memory(plan: EmbedPlan) -> Iterator[None]:
    """torch says that memory has run out, on a CPU or a GPU, as a RuntimeError among others."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and "alloc" not in str(error) and "memory" not in str(error):
            raise
        tables = _weights_bytes(plan.options, plan.folder)
        raise GptprepError(
            "not enough memory",
            f"the tables take {tables:,} bytes, and a batch of windows comes on top",
            "give a smaller --dim or --batch-size, or another --device",
        ) from error


def _write_all(
    plan: EmbedPlan, model: TokenPositionEmbedding, device: torch.device, folder: str, progress: Progress
) -> dict[str, list[ArrayFile]]:
    done, total = 0, plan.shape[0]

    def on_rows(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        progress("embedding", done, total, "windows")

    files: dict[str, list[ArrayFile]] = {}
    for split in plan.windows:
        os.mkdir(os.path.join(folder, split))
        files[split] = []
        for path, ids_NL in _stretches(plan, split):
            name = f"{split}/embeddings-{len(files[split]):05d}.npy"
            files[split].append(_write_file(plan, model, device, folder, name, path, ids_NL, on_rows))
    return files


def _stretches(plan: EmbedPlan, split: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """The windows of a split, in stretches whose embeddings fit in one file, each with its shard's path."""
    _, length, dim = plan.shape
    rows = max(1, _SHARD_BYTES // (length * dim * np.dtype(plan.options.dtype).itemsize))
    left = plan.windows[split]
    if plan.folder.manifest.layout == "tokens":
        reader = plan.folder.windows(split)
        for first in range(0, left, rows):
            yield plan.folder.path, reader.take(np.arange(first, min(first + rows, left))).inputs
        return
    for inputs_NL, _ in plan.folder.arrays(split):
        if left == 0:
            break
        where = str(getattr(inputs_NL, "filename", plan.folder.path))
        inputs_NL = inputs_NL[:left]
        left -= len(inputs_NL)
        for first in range(0, len(inputs_NL), rows):
            yield where, inputs_NL[first : first + rows]


def _write_file(
    plan: EmbedPlan,
    model: TokenPositionEmbedding,
    device: torch.device,
    folder: str,
    name: str,
    path: str,
    ids_NL: NDArray[Any],
    on_rows: Callable[[int], None],
) -> ArrayFile:
    from gptprep.embeddings import embed_blocks

    _, length, dim = plan.shape
    dtype = np.dtype(plan.options.dtype)
    rows = plan.options.batch_size or max(1, _BATCH_BYTES // (length * dim * 4))
    with ArrayWriter(folder, name, (len(ids_NL), length, dim), dtype) as writer:

        def on_block(block: Any) -> None:
            writer.write(block)
            on_rows(len(block))

        embed_blocks(model, ids_NL, rows, device, dtype, path, on_block)
        return writer.finish()


def _manifest(plan: EmbedPlan, weights_sha256: str, files: dict[str, list[ArrayFile]]) -> dict[str, Any]:
    options, source = plan.options, plan.folder.manifest
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "shards_sha256": sha256_file(os.path.join(plan.folder.path, MANIFEST)),
        "tokenizer": source.tokenizer._asdict(),
        "n_vocab": source.tokenizer.n_vocab,
        "context_length": source.context_length,
        "dim": options.dim,
        "position": options.position,
        "init": options.init,
        "seed": options.seed,
        "dtype": options.dtype,
        "weights": {"file": WEIGHTS, "sha256": weights_sha256},
        "splits": {
            name: {"windows": plan.windows[name], "embeddings": [array._asdict() for array in arrays]}
            for name, arrays in files.items()
        },
    }


def is_embeddings_folder(path: str) -> bool:
    """Whether a folder is the work of `embed`, and nothing else lies in it."""
    return is_own_folder(path, _FORMAT, _named_files)


def _named_files(manifest: Any) -> list[str]:
    arrays = (array for split in manifest["splits"].values() for array in split["embeddings"])
    return [manifest["weights"]["file"], *(array["file"] for array in arrays)]
