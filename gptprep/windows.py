"""Sliding windows over a stream of ids: pure arithmetic and numpy views.

Window number `i` starts at id `i * stride`. Its inputs are `ids[s : s + L]`, its targets the same ids one
further on, `ids[s + 1 : s + L + 1]`, so it needs `L + 1` ids. The starts are those of the book's loop
`for s in range(0, n - L, stride)` (Raschka, "Build a Large Language Model (From Scratch)", section 2.6).

Legend: N windows, L context length.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from gptprep.errors import WrongUsage

MAX_LENGTH = (1 << 32) - 1
"""Of windows and strides: lengths are stored in 32 bits."""


def check(context_length: int, stride: int) -> None:
    """Refuse lengths that make no windows.

    Raises:
        WrongUsage: one of them is below 1, or larger than a shard folder can tell of.
    """
    for name, value in (("context length", context_length), ("stride", stride)):
        if value < 1:
            raise WrongUsage(f"the {name} is {value}", fix=f"give a {name} of 1 or more")
        if value > MAX_LENGTH:
            raise WrongUsage(f"the {name} is {value:,}", fix=f"give at most {MAX_LENGTH:,}")


def count(n_ids: int, context_length: int, stride: int) -> int:
    """How many windows a stream of `n_ids` ids gives: `len(range(0, n_ids - L, stride))`."""
    return len(range(0, n_ids - context_length, stride))


class Dropped(NamedTuple):
    """Ids of a stream that are in no window."""

    tail: int
    """After the last window."""
    gaps: int
    """Between windows, when the stride is larger than a window."""


def dropped(n_ids: int, context_length: int, stride: int) -> Dropped:
    """How many ids no window holds, neither as an input nor as a target."""
    n_windows = count(n_ids, context_length, stride)
    if n_windows == 0:
        return Dropped(n_ids, 0)
    end = (n_windows - 1) * stride + context_length + 1
    return Dropped(n_ids - end, (n_windows - 1) * max(0, stride - context_length - 1))


def document_windows(
    begins: NDArray[np.int64], ends: NDArray[np.int64], context_length: int, stride: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Windows that never cross documents: their starts, and how many ids of each are real.

    A document of `n` ids, its end-of-text id among them, has `n - 1` inputs with a target. Its windows
    start at every `stride`th id until one reaches its end; that one may be short: whoever writes it pads it.

    Args:
        begins: where documents begin in their stream, (M,).
        ends: where they end.

    Returns:
        `starts_N, lengths_N`; a document of fewer than two ids has no window.

    >>> starts, lengths = document_windows(np.array([0, 7]), np.array([7, 10]), context_length=4, stride=4)
    >>> starts.tolist(), lengths.tolist()
    ([0, 4, 7], [4, 2, 2])
    """
    pairs = ends - begins - 1
    reach = np.minimum(pairs, pairs - context_length + stride)  # windows start before this
    counts = np.where(pairs < 1, 0, np.maximum(1, -(-reach // stride)))
    first = np.cumsum(counts) - counts
    starts = np.repeat(begins - first * stride, counts) + np.arange(counts.sum()) * stride
    lengths = np.minimum(context_length, np.repeat(ends, counts) - 1 - starts)
    return starts, lengths


def sliding_windows(ids: ArrayLike, context_length: int, stride: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs and targets of a stream of ids, as read-only views that take no memory.

    Args:
        ids: one-dimensional, n ids.
        context_length: L, ids in a window.
        stride: ids between window starts.

    Returns:
        `inputs_NL, targets_NL`, both (N, L) in the dtype of `ids`; N is 0 when n <= L.

    Raises:
        WrongUsage: `ids` is not one-dimensional, or a length is below 1.

    >>> inputs, targets = sliding_windows([10, 11, 12, 13, 14, 15], context_length=3, stride=2)
    >>> inputs.tolist(), targets.tolist()
    ([[10, 11, 12], [12, 13, 14]], [[11, 12, 13], [13, 14, 15]])
    """
    check(context_length, stride)
    stream = np.asarray(ids)
    if stream.ndim != 1:
        raise WrongUsage(f"the ids have {stream.ndim} dimensions", fix="give one flat sequence of ids")
    if len(stream) <= context_length:
        empty = np.empty((0, context_length), stream.dtype)
        return empty, empty
    inputs_NL = sliding_window_view(stream[:-1], context_length)[::stride]
    targets_NL = sliding_window_view(stream[1:], context_length)[::stride]
    return inputs_NL, targets_NL


def split_tail(n_ids: int, val_fraction: Fraction) -> int:
    """How many ids go to train when the last `val_fraction` of a stream goes to val.

    Windows are cut on either side of that border, so no id of a val target is in a train window.
    """
    return n_ids - math.floor(n_ids * val_fraction)
