"""Writing windows as `.npy` shards: blocks of rows, one thread for each file, hashed on the way.

Legend: N windows, L context length.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gptprep import npy, windows
from gptprep.errors import WrongUsage
from gptprep.shards.manifest import ArrayFile, Shard, Split
from gptprep.tokenstore import TokenStream

_BLOCK_BYTES = 1 << 22
"""Ids read for one block of rows: small enough for a processor's cache, large enough for few system calls."""


class ArrayWriter:
    """Writes one array of known shape to a `.npy` file, block by block.

    Args:
        folder: the shard folder.
        file: relative to it, with `/`.
    """

    def __init__(self, folder: str, file: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._name, self._shape, self._dtype = file, shape, dtype
        self._hash = hashlib.sha256()
        self._file = open(os.path.join(folder, file), "wb", buffering=0)  # noqa: SIM115  closed by __exit__
        self._write(npy.header(shape, dtype))

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: NDArray[Any]) -> None:
        """Append a block of rows."""
        self._write(np.ascontiguousarray(block, self._dtype).data.cast("B"))

    def _write(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def finish(self) -> ArrayFile:
        """Flush to the disk; the file's record for the manifest."""
        os.fsync(self._file.fileno())
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


def write_split(
    folder: str,
    name: str,
    ids: TokenStream,
    stretch: range,
    context_length: int,
    stride: int,
    rows: int,
    on_rows: Callable[[int], None],
) -> Split:
    """Write the windows of one stretch of a stream as shards of at most `rows` windows.

    Args:
        folder: the shard folder; a folder `name` is made in it.
        ids: the stream.
        stretch: the positions in the stream that belong to this split.
        on_rows: called with the number of windows after each block.
    """
    os.mkdir(os.path.join(folder, name))
    n_windows = windows.count(len(stretch), context_length, stride)
    shards = []
    for index, first in enumerate(range(0, n_windows, rows)):
        starts = range(0, n_windows * stride, stride)[first : first + rows]
        starts = range(starts.start + stretch.start, starts.stop + stretch.start, stride)
        shards.append(
            _write_shard(folder, f"{name}/{{}}-{index:05d}.npy", ids, starts, context_length, on_rows)
        )
    lost = windows.dropped(len(stretch), context_length, stride)
    return Split(len(stretch), n_windows, lost.tail, lost.gaps, tuple(shards))


def _write_shard(
    folder: str,
    pattern: str,
    ids: TokenStream,
    starts: range,
    context_length: int,
    on_rows: Callable[[int], None],
) -> Shard:
    """Inputs and targets side by side: hashing and writing let go of the interpreter."""
    with ThreadPoolExecutor(2) as pool:
        targets = pool.submit(
            _write_array, folder, pattern.format("targets"), ids, starts, 1, context_length, lambda _: None
        )
        inputs = _write_array(folder, pattern.format("inputs"), ids, starts, 0, context_length, on_rows)
        return Shard(inputs, targets.result())


def _write_array(
    folder: str,
    file: str,
    ids: TokenStream,
    starts: range,
    shift: int,
    context_length: int,
    on_rows: Callable[[int], None],
) -> ArrayFile:
    """The windows `ids[start + shift : start + shift + L]` for each start."""
    span = max(starts.step, context_length) * ids.dtype.itemsize
    rows = max(1, _BLOCK_BYTES // span)
    with ArrayWriter(folder, file, (len(starts), context_length), ids.dtype) as writer:
        for first in range(0, len(starts), rows):
            block = starts[first : first + rows]
            stream = ids.read(block[0] + shift, block[-1] + shift + context_length)
            writer.write(np.lib.stride_tricks.sliding_window_view(stream, context_length)[:: starts.step])
            on_rows(len(block))
        return writer.finish()
