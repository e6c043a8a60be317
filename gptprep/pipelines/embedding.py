"""The tables of an `embed` run, and writing what they give: several files at a time, one thread each.

A thread computes a block that fits in a processor's cache, then hashes and writes it: all of that lets go of
the interpreter. Memory does not grow with the number of windows.

Legend: L context length, D embedding width.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gptprep.errors import DamagedData
from gptprep.executors import threads
from gptprep.executors.local import usable_cores
from gptprep.pipelines.progress import Progress, SharedProgress
from gptprep.shards import ArrayFile, ArrayWriter, ShardFolder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gptprep.embeddings import TokenPositionEmbedding
    from gptprep.pipelines.embed import EmbedPlan

_FILE_BYTES = 256_000_000
"""The largest embeddings file, header aside."""
_THREADS_A_CORE = 2
"""While one waits for the disk another computes."""
_GPU_THREADS = 8
"""The GPU is fast; they hash and write."""
_MEMORY, _COPIES = 1 << 30, 4
"""Bytes that all threads together may have under way, and how often one has a block."""
_BLOCK_BYTES, _GPU_BLOCK_BYTES = 1 << 22, 1 << 24
"""Float32 embeddings computed at a time, where the user does not say; the smaller ones fit in a cache."""


def table_rows(plan: EmbedPlan) -> tuple[int, int]:
    """Rows of the token and of the position table."""
    manifest, tables = plan.folder.manifest, plan.tables
    if plan.options.position == "none":
        n_positions = 0
    else:
        n_positions = tables.position.rows if tables and tables.position else manifest.context_length
    return tables.token.rows if tables else manifest.tokenizer.n_vocab, n_positions


def make_model(plan: EmbedPlan) -> TokenPositionEmbedding:
    """The tables that the options ask for: those of a file, or random ones."""
    from gptprep.embeddings import TokenPositionEmbedding

    options, tables, (_, length, dim) = plan.options, plan.tables, plan.shape
    if tables is None:
        n_vocab, _ = table_rows(plan)
        return TokenPositionEmbedding(
            n_vocab, dim, length, options.position, options.init or "normal", options.seed
        )
    if options.position == "sinusoidal":
        return TokenPositionEmbedding.from_tables(tables.token.read(), length)
    return TokenPositionEmbedding.from_tables(
        tables.token.read(), tables.position.read() if tables.position else None
    )


def overflow(model: TokenPositionEmbedding, dtype: str) -> Iterator[str]:
    """A note if embeddings may be larger than the dtype holds, from the largest numbers of the tables."""
    if dtype != "float16":
        return
    ends = [(table.min().item(), table.max().item()) for table in model.state_dict().values()]
    largest = sum(max(-low, high) for low, high in ends)
    if not largest <= float(np.finfo(np.float16).max):
        yield f"the tables hold numbers up to {largest:.3g}: beyond 65,504 a float16 is infinite"


class _File(NamedTuple):
    """One file to be written: windows `begin` to `end` of a split."""

    split: str
    name: str
    begin: int
    end: int


def write_embeddings(
    plan: EmbedPlan, model: TokenPositionEmbedding, folder: str, progress: Progress
) -> dict[str, list[ArrayFile]]:
    """Write the embeddings of all windows that are wanted; the files of each split, for the manifest.

    Raises:
        DamagedData: a shard is not what its manifest says, or has an id that is not in the vocabulary.
    """
    from gptprep.embeddings import single_threaded

    files = list(_files(plan))
    for split in dict.fromkeys(file.split for file in files):
        os.mkdir(os.path.join(folder, split))
    written_windows = SharedProgress(progress, "embedding", plan.shape[0], "windows")

    def write(file: _File, check: Callable[[], None]) -> ArrayFile:
        def on_windows(count: int) -> None:
            check()
            written_windows.add(count)

        return _write_file(plan, model, folder, file, on_windows)

    n_threads = _n_threads(plan, model)
    with single_threaded() if min(n_threads, len(files)) > 1 else nullcontext():
        arrays = threads.run(write, files, n_threads)
    written: dict[str, list[ArrayFile]] = {split: [] for split in plan.windows}
    for file, array in zip(files, arrays, strict=True):
        written[file.split].append(array)
    return written


def _n_threads(plan: EmbedPlan, model: TokenPositionEmbedding) -> int:
    """Threads that together hold no more than `_MEMORY` in blocks."""
    device = model.tok_emb.weight.device.type
    if device == "mps":  # two threads on it end the process
        return 1
    most = _GPU_THREADS if device == "cuda" else _THREADS_A_CORE * usable_cores()
    block_bytes = _rows(plan, model) * plan.shape[1] * plan.shape[2] * 4
    return max(1, min(most, _MEMORY // (_COPIES * block_bytes)))


def _rows(plan: EmbedPlan, model: TokenPositionEmbedding) -> int:
    """Windows of a block."""
    _, length, dim = plan.shape
    block_bytes = _BLOCK_BYTES if model.tok_emb.weight.device.type == "cpu" else _GPU_BLOCK_BYTES
    return plan.options.batch_size or max(1, block_bytes // (length * dim * 4))


def _files(plan: EmbedPlan) -> Iterator[_File]:
    _, length, dim = plan.shape
    rows = max(1, _FILE_BYTES // (length * dim * np.dtype(plan.options.dtype).itemsize))
    for split, count in plan.windows.items():
        for number, begin in enumerate(range(0, count, rows)):
            yield _File(split, f"{split}/embeddings-{number:05d}.npy", begin, min(begin + rows, count))


def _write_file(
    plan: EmbedPlan,
    model: TokenPositionEmbedding,
    folder: str,
    file: _File,
    on_windows: Callable[[int], None],
) -> ArrayFile:
    from gptprep.embeddings import embed_blocks

    _, length, dim = plan.shape
    dtype = np.dtype(plan.options.dtype)
    rows = _rows(plan, model)
    shape = file.end - file.begin, length, dim
    with ArrayWriter(folder, file.name, shape, dtype, direct=True) as writer:
        for block in embed_blocks(model, _ids(plan.folder, file, rows), dtype):
            writer.write(block)
            on_windows(len(block))
        return writer.finish()


def _ids(folder: ShardFolder, file: _File, rows: int) -> Iterator[NDArray[np.int64]]:
    """The inputs of a file's windows, in blocks of (rows, L), each id of them in the vocabulary."""
    reader, n_vocab = folder.windows(file.split), folder.manifest.tokenizer.n_vocab
    for begin in range(file.begin, file.end, rows):
        block = reader.take(np.arange(begin, min(begin + rows, file.end))).inputs.astype(np.int64)
        wrong = (block < 0) | (block >= n_vocab)
        if wrong.any():
            row, column = np.argwhere(wrong)[0].tolist()
            raise DamagedData(
                f"{folder.path} holds an id that is not in the vocabulary",
                f"window {begin + row} of {file.split} has {block[row, column]} at {column}, "
                f"and the vocabulary has the ids 0 to {n_vocab - 1}",
                "write the shards again",
            )
        yield block
