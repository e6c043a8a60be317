"""The index of a split's windows: how many there are, and where each one starts and how long it is.

Shape letters: N windows of a split, B windows of one call, L context length.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep.errors import UsageError, WindowIndexTypeError, WindowNumberError

STARTS_DTYPE: np.dtype[Any] = np.dtype("<i8")
LENGTHS_DTYPE: np.dtype[Any] = np.dtype("<u4")
MAX_LENGTH = (1 << 32) - 1
"""The longest window and stride: `LENGTHS_DTYPE` has 32 bits."""


def check_lengths(context_length: int, stride: int) -> None:
    """Refuse a context length or stride that gives no windows.

    Raises:
        UsageError: one of them is below 1, or larger than a shard folder can store.
    """
    for name, value in (("context length", context_length), ("stride", stride)):
        if value < 1:
            raise UsageError(f"the {name} is {value}", fix=f"give a {name} of 1 or more")
        if value > MAX_LENGTH:
            raise UsageError(f"the {name} is {value:,}", fix=f"give at most {MAX_LENGTH}")


class Dropped(NamedTuple):
    """The ids of a split that are in no window."""

    tail: int
    """After the last window of the stream or of a document."""
    gaps: int
    """Between windows, if the stride is larger than a window."""


class Located(NamedTuple):
    """Where some windows are."""

    starts: NDArray[np.int64]
    """(B,): the position of each window's first input in the ids of the split."""
    lengths: NDArray[np.uint32]
    """(B,): how many inputs of each window are ids of the split; the rest is padding."""


def window_numbers(index: Any, n_windows: int, *, from_end: bool = False) -> NDArray[np.int64]:
    """The numbers of the windows that an index of a user selects, each in `range(n_windows)`.

    Args:
        index: a whole number, or a one-dimensional sequence of them.
        from_end: whether -1 is the last window, as in a Python list.

    Returns:
        An array with as many dimensions as `index`.

    Raises:
        WindowNumberError: there is no window of a number.
        WindowIndexTypeError: it is anything else, such as a mask: `np.flatnonzero` gives its numbers.
    """
    numbers = _as_array(index)
    if numbers.ndim > 1 or (numbers.size and numbers.dtype.kind not in "iu" and not _are_large(numbers)):
        what, why = "windows are chosen by whole numbers", f"the index has dtype {numbers.dtype}"
        fix = "give np.flatnonzero(mask)" if numbers.dtype == bool else "give a flat list of integers"
        raise WindowIndexTypeError(what, f"{why} and shape {numbers.shape}", fix)
    least = -n_windows if from_end else 0
    if numbers.size and not least <= int(numbers.min()) <= int(numbers.max()) < n_windows:
        wrong = int(numbers.min()) if int(numbers.min()) < least else int(numbers.max())
        raise WindowNumberError(
            f"window {wrong} of {n_windows}", fix=f"give a number from 0 to {n_windows - 1}"
        )
    found = numbers.astype(np.int64)
    return np.where(found < 0, found + n_windows, found)


def _as_array(index: Any) -> NDArray[Any]:
    try:
        return np.asarray(index)
    except ValueError as error:  # lists of different lengths
        why = str(error).partition(".")[0]
        raise WindowIndexTypeError("windows are chosen by whole numbers", why, "give a flat list") from error


def _are_large(numbers: NDArray[Any]) -> bool:
    """Whether these are Python integers that numpy has no type for."""
    return numbers.dtype == object and all(type(number) is int for number in numbers.ravel().tolist())


class WindowIndex(ABC):
    """The windows of a split, by number. A window's targets are the ids one position after its inputs.

    An index is small enough to be sent to another process.
    """

    context_length: int
    """L, the inputs of a window."""
    has_lengths: bool
    """Whether windows may be shorter than L, so that their lengths must be stored."""
    dropped: Dropped
    padding: int
    """How many inputs of all windows together are padding."""

    @abstractmethod
    def __len__(self) -> int:
        """N."""

    @abstractmethod
    def locate(self, numbers: NDArray[np.int64]) -> Located:
        """Where the windows with the given numbers are, (B,) each."""

    @abstractmethod
    def count_before(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many windows, in text order, start before each of some positions in the ids of the split."""

    def evenly_spaced(self, start: int) -> tuple[int, int] | None:  # noqa: ARG002
        """The position of window `start` and the stride from there on, if one read can give many windows.

        They must be full, equally far apart, and near each other.
        """
        return None
