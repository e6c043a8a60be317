"""Sizes as people write them."""

import pytest

from gptprep.cli.numbers import parse_size
from gptprep.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("1.5 MB", 1_500_000),
        ("2g", 2 * 10**9),
        ("1TiB", 1 << 40),
    ],
)
def test_size_has_decimal_or_binary_units(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "1XB", "1iB", "-1", "1e9", "9" * 400, "1.2.3"])
def test_other_text_is_not_a_size(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        parse_size(text)
