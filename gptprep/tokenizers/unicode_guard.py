"""Text for which gigatoken and the reference may give different ids: they follow different Unicodes.

gigatoken 0.10 follows Unicode 17, tiktoken 0.14 and `tokenizers` 0.23 follow Unicode 16. The characters below
are letters, digits or marks only in the newer version; next to an apostrophe, a letter or punctuation they
can give other ids. The list was found by encoding every code point in many contexts with both, over a
vocabulary in which every pair of bytes is a token, so that any difference between pre-tokens shows; tests
repeat this for tiktoken and for `tokenizers`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEWER_RANGES = (
    *((0x88F, 0x88F), (0xC5C, 0xC5C), (0xCDC, 0xCDC), (0x1ACF, 0x1ADD), (0x1AE0, 0x1AEB), (0xA7CE, 0xA7CF)),
    *((0xA7D2, 0xA7D2), (0xA7D4, 0xA7D4), (0xA7F1, 0xA7F1), (0x10940, 0x10959), (0x10EC5, 0x10EC7)),
    *((0x10EFA, 0x10EFB), (0x11B60, 0x11B67), (0x11DB0, 0x11DDB), (0x11DE0, 0x11DE9), (0x16EA0, 0x16EB8)),
    *((0x16EBB, 0x16ED3), (0x16FF2, 0x16FF6), (0x187F8, 0x187FF), (0x18D09, 0x18D1E), (0x18D80, 0x18DF2)),
    *((0x1E6C0, 0x1E6DE), (0x1E6E0, 0x1E6F5), (0x1E6FE, 0x1E6FF), (0x2B73A, 0x2B73F), (0x2CEA2, 0x2CEAD)),
    (0x323B0, 0x33479),
)
"""First and last code points: 4,699 in all, of them 4,657 that matter to GPT-2's and cl100k's pattern."""

_E0_CHARACTERS = ("\u088f".encode(), "\u0c5c".encode(), "\u0cdc".encode())


def is_newer(character: str) -> bool:
    """Whether only the newer Unicode knows a character. (Python's own tables may be as new.)"""
    return any(first <= ord(character) <= last for first, last in NEWER_RANGES)


def may_differ(text: bytes) -> bool:
    """Whether a valid UTF-8 text may hold a character that only the newer Unicode knows.

    It misses no such character; a few old characters whose first bytes are the same count as one too. It is
    written for speed: searching for a byte runs at the speed of memory, and most text has none of these
    bytes.
    """
    if text.isascii():
        return False
    leads = [lead for lead in (0xE0, 0xE1, 0xEA, 0xF0) if lead in text]
    if not leads:
        return False
    import numpy as np

    values = np.frombuffer(text, np.uint8)
    return any(_CHECKS[lead](text, values[:-1] == lead, values) for lead in leads)


def _check_e0(text: bytes, is_lead: NDArray[Any], values: NDArray[Any]) -> bool:
    """U+088F, U+0C5C, U+0CDC: common scripts have the same first bytes, so all bytes are searched."""
    second = values[1:]
    pairs = is_lead & ((second == 0xA2) | ((second & 0xFD) == 0xB1))
    return bool(pairs.any()) and any(character in text for character in _E0_CHARACTERS)


def _check_second(expected: int) -> Callable[[bytes, NDArray[Any], NDArray[Any]], bool]:
    """All characters of a lead byte and a second one."""
    return lambda _, is_lead, values: bool((is_lead & (values[1:] == expected)).any())


def _check_f0(_: bytes, is_lead: NDArray[Any], values: NDArray[Any]) -> bool:
    """Characters beyond U+FFFF, by the first three of their four bytes."""
    places = is_lead.nonzero()[0]
    return bool(_third_bytes()[values[places + 1], values[places + 2]].any())


_CHECKS = {0xE0: _check_e0, 0xE1: _check_second(0xAB), 0xEA: _check_second(0x9F), 0xF0: _check_f0}
"""By lead byte; 0xE1 is for U+1AC0 to U+1AFF, 0xEA for U+A7C0 to U+A7FF."""


@cache
def _third_bytes() -> NDArray[Any]:
    """By the second and third byte of a character that starts with 0xF0: whether it may be a newer one."""
    import numpy as np

    table = np.zeros((256, 256), bool)
    for first, last in NEWER_RANGES:
        for code_point in range(first, last + 1) if first > 0xFFFF else ():
            _, second, third, _ = chr(code_point).encode()
            table[second, third] = True
    return table


# Symbols

NEWER_SYMBOL_RANGES = (
    *((0x20C1, 0x20C1), (0x2B96, 0x2B96), (0xFBC3, 0xFBD2), (0xFD90, 0xFD91), (0xFDC8, 0xFDCE)),
    *((0x10ED0, 0x10ED8), (0x1CCFA, 0x1CCFC), (0x1CEBA, 0x1CED0), (0x1CEE0, 0x1CEF0), (0x1F6D8, 0x1F6D8)),
    *((0x1F777, 0x1F77A), (0x1F8D0, 0x1F8D8), (0x1FA54, 0x1FA57), (0x1FA8A, 0x1FA8A), (0x1FA8E, 0x1FA8E)),
    *((0x1FAC8, 0x1FAC8), (0x1FACD, 0x1FACD), (0x1FAEA, 0x1FAEA), (0x1FAEF, 0x1FAEF), (0x1FBFA, 0x1FBFA)),
)
r"""Punctuation and symbols of the newer Unicode: they matter to patterns with `\p{P}` or `\p{S}`."""

_NEWER_SYMBOLS = frozenset(
    chr(code) for first, last in NEWER_SYMBOL_RANGES for code in range(first, last + 1)
)


def symbols_may_differ(text: bytes) -> bool:
    """Whether a valid UTF-8 text holds a punctuation mark or symbol that only the newer Unicode knows."""
    if text.isascii():
        return False
    if 0xE2 in text and ("\u20c1".encode() in text or "\u2b96".encode() in text):
        return True
    if not (0xEF in text or 0xF0 in text):
        return False
    import numpy as np

    values = np.frombuffer(text, np.uint8)
    places = np.flatnonzero((values == 0xEF) | (values == 0xF0))
    places = places[_symbol_bytes()[values[places + 1], values[places + 2]]]
    return any(text[place : place + 4].decode(errors="ignore")[0] in _NEWER_SYMBOLS for place in places)


@cache
def _symbol_bytes() -> NDArray[Any]:
    """By the second and third byte of a character: whether it may be a newer symbol."""
    import numpy as np

    table = np.zeros((256, 256), bool)
    for symbol in _NEWER_SYMBOLS:
        _, second, third, *_ = symbol.encode()
        table[second, third] = True
    return table
