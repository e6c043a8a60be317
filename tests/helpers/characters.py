"""Every code point, and contexts in which its class shows."""

from collections.abc import Iterator

CONTEXTS = (
    "{}",
    "a{}",
    "{}a",
    "A{}",
    "{}'s",
    "{}'LL",
    "'{}",
    "1{}",
    "{}1",
    ".{}",
    "{}.",
    " {} ",
    "{}\n",
    "\n{}x",
    "{}/",
)
EMPTY_PLANES = (*range(4, 14), 15, 16)
"""Planes of 65,536 code points in which Unicode has no characters."""
CLASS_CONTEXT = "a{0}1{0}{0}a"
"""Shows whether a pattern takes a code point as a letter of any kind, a mark, a number or white space."""


def rows(*planes: int) -> Iterator[list[str]]:
    """All characters of some planes, 64 in a row; `may_differ` is the same for nearly every row."""
    for plane in planes:
        for first in range(plane << 16, (plane + 1) << 16, 64):
            if not 0xD800 <= first <= 0xDFFF:
                yield [chr(code) for code in range(first, first + 64)]
