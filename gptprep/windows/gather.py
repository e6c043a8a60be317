"""Reading windows from a token stream: inputs, targets, and padding where a window is short.

Shape letters: B windows of one call, L context length.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gptprep.tokens.stream import TokenStream
from gptprep.units import MIB
from gptprep.windows.index import LENGTHS_DTYPE, WindowIndex
from gptprep.windows.splits import SplitIds

BLOCK_BYTES = MIB
"""Ids read for one block: small enough for a processor's cache, large enough for few system calls."""


Ids = SplitIds | TokenStream
"""The ids of a split, before and after they are in shards."""


class Windows(NamedTuple):
    """Some windows. After its length, a window's inputs and targets are padding."""

    inputs: NDArray[Any]
    """(B, L)."""
    targets: NDArray[Any]
    """(B, L)."""
    lengths: NDArray[Any]
    """(B,) uint32: how many inputs of each window are not padding."""


def take(ids: Ids, index: WindowIndex, numbers: NDArray[np.int64], padding_id: int) -> Windows:
    """The windows with the given numbers; inputs and targets may share memory."""
    starts, lengths = index.locate(numbers)
    windows = ids.gather(starts, index.context_length + 1)
    inputs, targets = windows[:, :-1], windows[:, 1:]
    if index.has_lengths:
        is_padding = np.arange(index.context_length) >= lengths[:, None]
        fill = windows.dtype.type(padding_id)
        inputs, targets = np.where(is_padding, fill, inputs), np.where(is_padding, fill, targets)
    return Windows(inputs, targets, lengths)


def take_range(ids: Ids, index: WindowIndex, start: int, stop: int, padding_id: int) -> Windows:
    """Windows `start` to `stop`; inputs and targets may share memory."""
    if (spacing := index.evenly_spaced(start)) is None:
        return take(ids, index, np.arange(start, stop), padding_id)
    first, stride = spacing
    length = index.context_length
    found = ids.read(first, first + (stop - 1 - start) * stride + length + 1)
    windows = sliding_window_view(found, length + 1)[::stride]
    return Windows(windows[:, :-1], windows[:, 1:], np.full(stop - start, length, LENGTHS_DTYPE))


def blocks(start: int, stop: int, row_bytes: int) -> Iterator[tuple[int, int]]:
    """Divide rows `start` to `stop` into blocks of about `BLOCK_BYTES`."""
    rows = max(1, BLOCK_BYTES // row_bytes)
    for first in range(start, stop, rows):
        yield first, min(stop, first + rows)
