"""The seeded permutation, against its description computed one index at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.windows.shuffle import hash_numbers, permute, unpermute
from tests.helpers.slow_windows import MASK, permuted

FIRST_OF_A_TRILLION = [
    620693115112,
    520182630826,
    532719872764,
    711404337218,
    724754341203,
    6168999583,
    419662916727,
    896642193328,
]
"""With seed 7; the same in every version."""


@given(n=st.integers(1, 300), seed=st.integers(0, MASK))
def test_permutation_is_a_bijection_as_documented(n: int, seed: int) -> None:
    order = permute(range(n), n, seed).tolist()
    assert sorted(order) == list(range(n))
    assert order == [permuted(index, n, seed) for index in range(n)]


def test_permutation_never_changes_between_versions() -> None:
    assert permute(range(8), 10**12, 7).tolist() == FIRST_OF_A_TRILLION


def test_permutation_looks_random() -> None:
    order = permute(range(100_000), 100_000, 1)
    assert abs(np.corrcoef(order, np.arange(100_000))[0, 1]) < 0.02
    assert abs(np.abs(np.diff(order)).mean() / 100_000 - 1 / 3) < 0.01


def test_hashes_are_uniform() -> None:
    assert abs((hash_numbers(range(100_000), 3) < np.uint64(1 << 63)).mean() - 0.5) < 0.01


@pytest.mark.parametrize("n", [1, 2, 3, 5, 16, 17, 1000, 4097])
@pytest.mark.parametrize("seed", [0, 7, MASK])
def test_unpermute_is_the_inverse(n: int, seed: int) -> None:
    numbers = np.arange(n)
    assert unpermute(permute(numbers, n, seed), n, seed).tolist() == numbers.tolist()
    assert permute(unpermute(numbers, n, seed), n, seed).tolist() == numbers.tolist()
