"""Writing shards as `.npy`: block by block, one thread for each file, hashed on the way.

Legend: N windows, L context length.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gptprep import npy
from gptprep.errors import WrongUsage
from gptprep.longfiles import CachedFile, DirectFile
from gptprep.shards.cutting import BLOCK_BYTES, Block, SplitWindows
from gptprep.shards.manifest import LENGTHS_DTYPE, STARTS_DTYPE, ArrayFile, Shard

OnRows = Callable[[int], None]
"""Called with the number of rows after each block."""


class ArrayWriter:
    """Writes one array of known shape to a `.npy` file, block by block.

    Args:
        folder: the shard folder.
        file: relative to it, with `/`.
        direct: write past the page cache.
    """

    def __init__(
        self, folder: str, file: str, shape: tuple[int, ...], dtype: np.dtype[Any], *, direct: bool = False
    ) -> None:
        self._name, self._shape, self._dtype = file, shape, dtype
        self._rows = np.empty((0, *shape[1:]), dtype)
        self._hash, self._n_rows = hashlib.sha256(), 0
        self._file = (DirectFile if direct else CachedFile)(os.path.join(folder, file))
        self._write(npy.header(shape, dtype))

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: NDArray[Any]) -> None:
        """Append a block of rows.

        Raises:
            ValueError: they are not of the array's shape.
        """
        if block.shape[1:] != self._shape[1:]:
            raise ValueError(f"{self._name} has rows of shape {self._shape[1:]}, not {block.shape[1:]}")
        self._n_rows += len(block)
        if block.dtype == self._dtype and block.flags.c_contiguous:
            self._write(block.reshape(-1).data.cast("B"))
            return
        if len(self._rows) < len(block):  # the same memory for every block: new memory costs time
            self._rows = np.empty(block.shape, self._dtype)
        rows = self._rows[: len(block)]
        np.copyto(rows, block, casting="same_kind")
        self._write(rows.data.cast("B"))

    def _write(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        self._file.write(data)

    def finish(self) -> ArrayFile:
        """Flush to the disk; the file's record for the manifest.

        Raises:
            ValueError: it has other rows than its header says.
        """
        if self._n_rows != self._shape[0]:
            raise ValueError(f"{self._name} has {self._n_rows} rows of {self._shape[0]}")
        self._file.sync()
        return ArrayFile(self._name, self._shape, self._hash.hexdigest())


def rows_per_shard(shard_size: int, context_length: int, dtype: np.dtype[Any]) -> int:
    """How many windows fit in a file of `shard_size` bytes, header included.

    Raises:
        WrongUsage: not even one does.
    """
    row_bytes = context_length * dtype.itemsize
    rows = (shard_size - len(npy.header((0, context_length), dtype))) // row_bytes
    if rows < 1:
        raise WrongUsage(
            f"a shard of {shard_size:,} bytes has no room for a window of {row_bytes:,}",
            fix="give a larger --shard-size",
        )
    return rows


@dataclass(frozen=True)
class ShardTask:
    """One shard that a worker writes: rows `begin` to `end` of what a split holds."""

    folder: str
    split: str
    number: int
    begin: int
    end: int
    dtype: str
    windows: SplitWindows

    def rows(self) -> int:
        """How many rows it has."""
        return self.end - self.begin

    def shapes(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Shape and dtype of each file, by role."""
        side = (self.rows(), self.windows.context_length), self.dtype
        lengths = {"lengths": ((self.rows(),), LENGTHS_DTYPE)} if self.windows.table else {}
        return {"inputs": side, "targets": side, **lengths}

    def bytes(self) -> int:
        """Of all its files, headers aside."""
        return sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in self.shapes().values())

    def blocks(self) -> Iterator[Block]:
        """What goes into the files."""
        return self.windows.blocks(self.begin, self.end, np.dtype(self.dtype))


class TokensTask(ShardTask):
    """A shard of the layout that stores every id once; rows are ids, from `windows.first` on."""

    def shapes(self) -> dict[str, tuple[tuple[int, ...], str]]:
        return {"tokens": ((self.rows(),), self.dtype)}

    def blocks(self) -> Iterator[Block]:
        stream, first = self.windows.ids, self.windows.first
        step = BLOCK_BYTES // stream.dtype.itemsize
        for begin in range(first + self.begin, first + self.end, step):
            yield {"tokens": stream.read(begin, min(begin + step, first + self.end))}


class TableTask(ShardTask):
    """A shard of the table that says where the windows of stored ids begin, and how many ids are real."""

    def shapes(self) -> dict[str, tuple[tuple[int, ...], str]]:
        return {"starts": ((self.rows(),), STARTS_DTYPE), "lengths": ((self.rows(),), LENGTHS_DTYPE)}

    def blocks(self) -> Iterator[Block]:
        table, first = self.windows.table, self.windows.first
        step = BLOCK_BYTES // 8
        if table is None:
            return
        for begin in range(self.begin, self.end, step):
            end = min(begin + step, self.end)
            yield {"starts": table.starts.read(begin, end) - first, "lengths": table.lengths.read(begin, end)}


def write_shard(task: ShardTask, on_rows: OnRows = lambda _: None) -> Shard:
    """Write the files of one shard, each in a thread: hashing and writing let go of the interpreter."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        writers = {
            role: stack.enter_context(
                ArrayWriter(task.folder, f"{task.split}/{role}-{task.number:05d}.npy", shape, np.dtype(dtype))
            )
            for role, (shape, dtype) in task.shapes().items()
        }
        under_way: list[Future[None]] = []
        for block in task.blocks():
            _wait(under_way)
            under_way = [pool.submit(writers[role].write, rows) for role, rows in block.items()]
            on_rows(len(next(iter(block.values()))))
        _wait(under_way)
        return dict(zip(writers, pool.map(ArrayWriter.finish, writers.values()), strict=True))


def _wait(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        future.result()


def shard_tasks(
    kind: type[ShardTask], folder: str, split: str, count: int, rows: int, dtype: str, windows: SplitWindows
) -> list[ShardTask]:
    """Tasks for `count` rows, `rows` of them in each shard but the last."""
    return [
        kind(folder, split, number, begin, min(begin + rows, count), dtype, windows)
        for number, begin in enumerate(range(0, count, rows))
    ]
