"""The numbers of windows that a user asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gptprep.errors import WindowIndexTypeError, WindowNumberError
from gptprep.windows.index import window_numbers


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda numbers: np.array(numbers, np.uint8)])
def test_whole_numbers_of_any_type_are_taken(kind: Any) -> None:
    assert window_numbers(kind([3, 0, 3]), 4).tolist() == [3, 0, 3]
    assert window_numbers(np.int8(-1), 300, from_end=True).tolist() == 299
    assert window_numbers([], 4).tolist() == []


@pytest.mark.parametrize(
    "wrong",
    [np.ones(5, bool), [True], 1.0, [0.5], "1", ["1"], [[0, 1]], np.zeros((0, 2)), [[0], [1, 2]], None],
    ids=str,
)
def test_index_that_is_no_whole_number_is_refused(wrong: Any) -> None:
    with pytest.raises(WindowIndexTypeError, match="windows are chosen by whole numbers") as caught:
        window_numbers(wrong, 5)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    "wrong", [4, -1, [0, 4], 1 << 70, [0, 1 << 70], -(1 << 70), np.uint64((1 << 64) - 1)]
)
def test_number_beyond_the_split_is_refused(wrong: Any) -> None:
    with pytest.raises(WindowNumberError, match="of 4") as caught:
        window_numbers(wrong, 4)
    assert isinstance(caught.value, IndexError)
