"""Windows of a stream, against the loop of the book."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from gptprep import sliding_windows
from gptprep.errors import UsageError
from gptprep.windows.strided import StridedWindows, count
from tests.helpers import book

LENGTHS = st.integers(1, 12)


@given(st.lists(st.integers(0, 999), max_size=60), LENGTHS, st.integers(1, 20))
def test_sliding_windows_are_those_of_the_book(ids: list[int], context_length: int, stride: int) -> None:
    inputs, targets = sliding_windows(np.array(ids, np.uint16), context_length, stride)
    assert (inputs.tolist(), targets.tolist()) == book.windows(ids, context_length, stride)
    assert count(len(ids), context_length, stride) == len(inputs)


@given(st.integers(0, 60), LENGTHS, st.integers(1, 20))
def test_dropped_ids_are_those_in_no_window_of_the_book(n_ids: int, context_length: int, stride: int) -> None:
    inputs, targets = book.windows(list(range(n_ids)), context_length, stride)
    used = {token_id for window in inputs + targets for token_id in window}
    stop = max(used, default=-1) + 1
    dropped = StridedWindows(n_ids, context_length, stride).dropped
    assert dropped == (n_ids - stop, stop - len(used))


def test_sliding_windows_take_no_memory() -> None:
    ids = np.zeros(1_000_000, np.uint16)
    inputs, targets = sliding_windows(ids, 1024, 1)
    assert np.shares_memory(inputs, ids)
    assert np.shares_memory(targets, ids)


@pytest.mark.parametrize(("context_length", "stride"), [(0, 1), (1, 0), (-3, 1), (4, -1)])
def test_lengths_below_one_are_usage_errors(context_length: int, stride: int) -> None:
    with pytest.raises(UsageError, match=r"is (0|-)"):
        sliding_windows([1, 2, 3], context_length, stride)


def test_ids_of_two_dimensions_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="2 dimensions"):
        sliding_windows([[1, 2], [3, 4]], 1, 1)


@pytest.mark.parametrize("ids", [[1.0, 2.0, 3.0], ["a", "b", "c"], [True, False, True]], ids=str)
def test_ids_that_are_no_whole_numbers_are_refused(ids: ArrayLike) -> None:
    with pytest.raises(UsageError, match="not whole numbers"):
        sliding_windows(ids, 1, 1)
