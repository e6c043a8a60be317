"""Windows against the book's loop."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep import sliding_windows, windows
from gptprep.errors import WrongUsage

LENGTHS = st.integers(1, 12)


def book(ids: list[int], context_length: int, stride: int) -> tuple[list[list[int]], list[list[int]]]:
    """The loop of GPTDatasetV1: Raschka, "Build a Large Language Model (From Scratch)", section 2.6."""
    inputs, targets = [], []
    for start in range(0, len(ids) - context_length, stride):
        inputs.append(ids[start : start + context_length])
        targets.append(ids[start + 1 : start + context_length + 1])
    return inputs, targets


@given(st.lists(st.integers(0, 999), max_size=60), LENGTHS, st.integers(1, 20))
def test_windows_are_those_of_the_book(ids: list[int], context_length: int, stride: int) -> None:
    inputs, targets = sliding_windows(np.array(ids, np.uint16), context_length, stride)
    assert (inputs.tolist(), targets.tolist()) == book(ids, context_length, stride)
    assert windows.count(len(ids), context_length, stride) == len(inputs)


@given(st.integers(0, 60), LENGTHS, st.integers(1, 20))
def test_dropped_ids_are_those_in_no_window(n_ids: int, context_length: int, stride: int) -> None:
    inputs, targets = book(list(range(n_ids)), context_length, stride)
    used = {token_id for window in inputs + targets for token_id in window}
    end = max(used, default=-1) + 1
    lost = windows.dropped(n_ids, context_length, stride)
    assert lost == (n_ids - end, end - len(used))


@given(st.integers(0, 10_000), st.fractions(0, Fraction(99, 100)))
def test_the_tail_split_is_exact(n_ids: int, fraction: Fraction) -> None:
    n_val = n_ids - windows.split_tail(n_ids, fraction)
    assert n_val <= n_ids * fraction < n_val + 1


def test_a_split_is_cut_where_floats_would_err() -> None:
    assert 100 * 0.29 < 29
    assert windows.split_tail(100, Fraction("0.29")) == 71


def test_windows_take_no_memory() -> None:
    ids = np.zeros(1_000_000, np.uint16)
    inputs, targets = sliding_windows(ids, 1024, 1)
    assert np.shares_memory(inputs, ids)
    assert np.shares_memory(targets, ids)


@pytest.mark.parametrize(("context_length", "stride"), [(0, 1), (1, 0), (-3, 1), (4, -1)])
def test_lengths_below_one_are_refused(context_length: int, stride: int) -> None:
    with pytest.raises(WrongUsage, match=r"is (0|-)"):
        sliding_windows([1, 2, 3], context_length, stride)


def test_only_a_flat_sequence_has_windows() -> None:
    with pytest.raises(WrongUsage, match="2 dimensions"):
        sliding_windows([[1, 2], [3, 4]], 1, 1)
