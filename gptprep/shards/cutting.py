"""Cutting the windows of a split from its stream of ids, in blocks, in order or shuffled.

Legend: N windows, B those of one block, L context length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gptprep import shuffling
from gptprep.tokenstore import TokenStream

BLOCK_BYTES = 1 << 20
"""Ids read for one block: small enough for a processor's cache, large enough for few system calls."""

Block = dict[str, NDArray[Any]]
"""Arrays of as many rows, by the role that they have in a shard."""


@dataclass(frozen=True)
class SplitWindows:
    """The windows of a split, by number; small enough to be sent to another process.

    Window `n` begins at id `first + n * stride` of the stream, or where `table` says. With a seed the order
    is that of `shuffling.permute`.
    """

    index: str
    """The file of a `TokenStream` that was saved."""
    count: int
    context_length: int
    stride: int
    first: int = 0
    seed: int | None = None
    table: WindowTable | None = None

    @cached_property
    def ids(self) -> TokenStream:
        """The stream."""
        return TokenStream.load(self.index)

    def blocks(self, begin: int, end: int, dtype: np.dtype[Any]) -> Iterator[Block]:
        """Windows `begin` to `end`: inputs (B, L), targets (B, L) and, with a table, lengths (B,)."""
        rows = max(1, BLOCK_BYTES // (max(self.stride, self.context_length) * dtype.itemsize))
        for first in range(begin, end, rows):
            yield self.block(first, min(end, first + rows))

    def block(self, begin: int, end: int) -> Block:
        """Some windows together."""
        if self.seed is None and self.table is None:
            return self._consecutive(begin, end)
        numbers = np.arange(begin, end)
        if self.seed is not None:
            numbers = shuffling.permute(numbers, self.count, self.seed)
        return self.table.cut(self, numbers) if self.table else _sides(self.gather(self.starts(numbers)))

    def starts(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where windows begin that lie at equal distances."""
        return self.first + numbers * self.stride

    def gather(self, starts: NDArray[np.int64]) -> NDArray[Any]:
        """The inputs and last targets of windows that begin anywhere, (B, L + 1)."""
        return self.ids.gather(starts, self.context_length + 1)

    def _consecutive(self, begin: int, end: int) -> Block:
        start, stop = self.first + begin * self.stride, self.first + (end - 1) * self.stride
        ids = self.ids.read(start, stop + self.context_length + 1)
        return _sides(np.lib.stride_tricks.sliding_window_view(ids, self.context_length + 1)[:: self.stride])


def _sides(windows: NDArray[Any]) -> Block:
    return {"inputs": windows[:, :-1], "targets": windows[:, 1:]}


def padded(windows: NDArray[Any], lengths: NDArray[Any], padding: int) -> Block:
    """Windows (B, L + 1) of which only so many inputs are real, with their lengths."""
    is_padding = np.arange(windows.shape[1] - 1) >= lengths[:, None]
    fill = windows.dtype.type(padding)
    sides = {role: np.where(is_padding, fill, ids) for role, ids in _sides(windows).items()}
    return {**sides, "lengths": lengths}


@dataclass(frozen=True)
class WindowTable:
    """Where windows begin that never cross documents, and how many ids of each are real: two files.

    Beyond its real ids a window is filled with `padding`.
    """

    path: str
    count: int
    padding: int

    @property
    def starts_path(self) -> str:
        """int64 for each window."""
        return self.path + "-starts.bin"

    @property
    def lengths_path(self) -> str:
        """uint32 for each window."""
        return self.path + "-lengths.bin"

    def cut(self, windows: SplitWindows, numbers: NDArray[np.int64]) -> Block:
        """The windows of some numbers."""
        lengths = self.lengths.gather(numbers, 1)[:, 0]
        return padded(windows.gather(self.starts.gather(numbers, 1)[:, 0]), lengths, self.padding)

    @cached_property
    def starts(self) -> TokenStream:
        """The column of starts."""
        return TokenStream([(self.starts_path, self.count)], np.dtype("<i8"), self.count, keep_mapped=False)

    @cached_property
    def lengths(self) -> TokenStream:
        """The column of lengths."""
        return TokenStream([(self.lengths_path, self.count)], np.dtype("<u4"), self.count, keep_mapped=False)
