"""The options that say which windows a corpus gives."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gptprep.windows.spec import train_ids


@given(st.integers(0, 10_000), st.fractions(0, Fraction(99, 100)))
def test_tail_split_is_exact(n_ids: int, fraction: Fraction) -> None:
    n_val = n_ids - train_ids(n_ids, fraction)
    assert n_val <= n_ids * fraction < n_val + 1


def test_tail_split_is_exact_where_floats_are_not() -> None:
    assert 100 * 0.29 < 29
    assert train_ids(100, Fraction("0.29")) == 71
