"""The index of a split's windows: how many there are, and where each one starts and how long it is.

Shape letters: N windows of a split, B windows of one call, L context length.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep.errors import UsageError

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
            raise UsageError(f"the {name} is {value:,}", fix=f"give at most {MAX_LENGTH:,}")


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

    def evenly_spaced(self, start: int) -> tuple[int, int] | None:  # noqa: ARG002
        """The position of window `start` and the stride from there on, if one read can give many windows.

        They must be full, equally far apart, and near each other.
        """
        return None
