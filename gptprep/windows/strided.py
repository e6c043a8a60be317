"""Windows that run across documents: window i starts at id `i * stride`.

The starts are those of the book's loop `for s in range(0, n - L, stride)` (Raschka, "Build a Large Language
Model (From Scratch)", section 2.6). A window needs L + 1 ids, because its targets are `ids[s + 1 : s + L +
1]`.

Shape letters: N windows, L context length.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from gptprep.errors import UsageError
from gptprep.windows.index import LENGTHS_DTYPE, Dropped, Located, WindowIndex, check_lengths


def count(n_ids: int, context_length: int, stride: int) -> int:
    """How many windows `n_ids` ids give: `len(range(0, n_ids - L, stride))`."""
    return len(range(0, n_ids - context_length, stride))


class StridedWindows(WindowIndex):
    """The windows of `n_ids` ids."""

    has_lengths = False
    padding = 0

    def __init__(self, n_ids: int, context_length: int, stride: int) -> None:
        self.context_length, self._stride = context_length, stride
        self._count = count(n_ids, context_length, stride)
        self.dropped = Dropped(n_ids, 0)
        if self._count:
            last_start = (self._count - 1) * stride
            gap = max(0, stride - context_length - 1)
            self.dropped = Dropped(n_ids - last_start - context_length - 1, (self._count - 1) * gap)

    def __len__(self) -> int:
        return self._count

    def locate(self, numbers: NDArray[np.int64]) -> Located:
        return Located(numbers * self._stride, np.full(len(numbers), self.context_length, LENGTHS_DTYPE))

    def count_before(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.minimum(-(-positions // self._stride), self._count)

    def evenly_spaced(self, start: int) -> tuple[int, int] | None:
        is_near = self._stride <= 2 * self.context_length
        return (start * self._stride, self._stride) if is_near else None


def sliding_windows(ids: ArrayLike, context_length: int, stride: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs and targets of a stream of ids, as read-only views that take no memory.

    Args:
        ids: one-dimensional, n ids.
        context_length: L, ids in a window.
        stride: ids between window starts.

    Returns:
        `inputs_NL, targets_NL`, both (N, L) in the dtype of `ids`; N is 0 if n <= L.

    Raises:
        UsageError: `ids` is not one-dimensional or not of integers, or a length is below 1.

    >>> inputs, targets = sliding_windows([10, 11, 12, 13, 14, 15], context_length=3, stride=2)
    >>> inputs.tolist(), targets.tolist()
    ([[10, 11, 12], [12, 13, 14]], [[11, 12, 13], [13, 14, 15]])
    """
    check_lengths(context_length, stride)
    stream = np.asarray(ids)
    if stream.ndim != 1:
        raise UsageError(f"the ids have {stream.ndim} dimensions", fix="give one flat sequence of ids")
    if stream.size and stream.dtype.kind not in "iu":
        raise UsageError(f"the ids are {stream.dtype}, not whole numbers", fix="give integers")
    if len(stream) <= context_length:
        empty = np.empty((0, context_length), stream.dtype)
        return empty, empty
    inputs_NL = sliding_window_view(stream[:-1], context_length)[::stride]
    targets_NL = sliding_window_view(stream[1:], context_length)[::stride]
    return inputs_NL, targets_NL
