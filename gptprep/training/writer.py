"""Writing the embeddings of windows: several files at a time, one thread for each.

A thread computes a block that fits in a processor's cache, then hashes and writes it; all of that releases
the GIL. Memory does not grow with the number of windows.

Shape letters: N windows of all splits, L context length, D embedding width.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep.choices import FloatDtype
from gptprep.errors import CorruptDataError
from gptprep.parallel import threads
from gptprep.parallel.workers import usable_cores
from gptprep.progress import Progress, SharedProgress
from gptprep.shards.arrays import ArrayFile, ArrayWriter, file_name
from gptprep.shards.folder import ShardFolder
from gptprep.training.embedding import TokenPositionEmbedding, embed_blocks, single_threaded
from gptprep.units import GIB, MIB

_FILE_BYTES = 256_000_000
"""The largest file of embeddings, without its header."""
_THREADS_PER_CORE = 2
"""While one waits for the disk another computes."""
_GPU_THREADS = 8
"""The GPU is fast; they hash and write."""
_MEMORY, _COPIES = GIB, 4
"""Bytes that all threads together may use for blocks, and how many copies of a block a thread has."""
_BLOCK_BYTES, _GPU_BLOCK_BYTES = 4 * MIB, 16 * MIB
"""Float32 embeddings computed at a time by default; the smaller blocks fit in a cache."""


class _File(NamedTuple):
    """One file to write: windows `start` to `stop` of a split."""

    split: str
    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class EmbeddingFiles:
    """Which embeddings are written, and how."""

    shards: ShardFolder
    windows: dict[str, int]
    """How many of each split."""
    dim: int
    dtype: FloatDtype
    batch_size: int | None
    """Windows computed at a time; None for a block that fits in a cache."""

    @property
    def window_size(self) -> int:
        """How many numbers the embeddings of one window are: L * D."""
        return self.shards.manifest.context_length * self.dim

    def write(
        self, model: TokenPositionEmbedding, folder: str, progress: Progress
    ) -> dict[str, list[ArrayFile]]:
        """Write all embeddings into a folder; returns the files of each split, for the manifest.

        Raises:
            CorruptDataError: a shard is not what its manifest says, or has an id that is not in the
                vocabulary.
        """
        files = list(self._files())
        for split in dict.fromkeys(file.split for file in files):
            os.mkdir(os.path.join(folder, split))
        window_bytes = self.window_size * np.dtype(self.dtype).itemsize
        total = sum(self.windows.values()) * window_bytes
        done = SharedProgress(progress, "embedding", total, "bytes")

        def write(file: _File, check: Callable[[], None]) -> ArrayFile:
            def on_windows(count: int) -> None:
                check()
                done.add(count * window_bytes)

            return self._write_file(model, folder, file, on_windows)

        n_threads = self.n_threads(model)
        with single_threaded() if min(n_threads, len(files)) > 1 else nullcontext():
            arrays = threads.run(write, files, n_threads)
        written: dict[str, list[ArrayFile]] = {split: [] for split in self.windows}
        for file, array in zip(files, arrays, strict=True):
            written[file.split].append(array)
        return written

    def n_threads(self, model: TokenPositionEmbedding) -> int:
        """Threads that together use no more than `_MEMORY` for blocks."""
        device = model.tok_emb.weight.device.type
        if device == "mps":  # two threads on it end the process
            return 1
        most = _GPU_THREADS if device == "cuda" else _THREADS_PER_CORE * usable_cores()
        block_bytes = self._block_windows(model) * self.window_size * 4
        return max(1, min(most, _MEMORY // (_COPIES * block_bytes)))

    def _block_windows(self, model: TokenPositionEmbedding) -> int:
        block_bytes = _BLOCK_BYTES if model.tok_emb.weight.device.type == "cpu" else _GPU_BLOCK_BYTES
        return self.batch_size or max(1, block_bytes // (self.window_size * 4))

    def _files(self) -> Iterator[_File]:
        step = max(1, _FILE_BYTES // (self.window_size * np.dtype(self.dtype).itemsize))
        for split, count in self.windows.items():
            for number, start in enumerate(range(0, count, step)):
                yield _File(split, file_name(split, "embeddings", number), start, min(start + step, count))

    def _write_file(
        self, model: TokenPositionEmbedding, folder: str, file: _File, on_windows: Callable[[int], None]
    ) -> ArrayFile:
        dtype = np.dtype(self.dtype)
        shape = file.stop - file.start, self.shards.manifest.context_length, self.dim
        with ArrayWriter(folder, file.name, shape, dtype, direct=True) as writer:
            for block in embed_blocks(model, self._ids(file, self._block_windows(model)), dtype):
                writer.write(block)
                on_windows(len(block))
            return writer.finish()

    def _ids(self, file: _File, step: int) -> Iterator[NDArray[np.int64]]:
        """The inputs of a file's windows in blocks of (step, L), checked against the vocabulary."""
        reader, n_vocab = self.shards.windows(file.split), self.shards.manifest.tokenizer.n_vocab
        for start in range(file.start, file.stop, step):
            block = reader.take(np.arange(start, min(start + step, file.stop))).inputs.astype(np.int64)
            wrong = (block < 0) | (block >= n_vocab)
            if wrong.any():
                row, column = np.argwhere(wrong)[0].tolist()
                what = f"{self.shards.path} holds an id that is not in the vocabulary"
                where = f"window {start + row} of {file.split} has {block[row, column]} at position {column}"
                why = f"{where}, and the vocabulary has the ids 0 to {n_vocab - 1}"
                raise CorruptDataError(what, why, "write the shards again")
            yield block
