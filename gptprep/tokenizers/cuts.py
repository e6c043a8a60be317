"""Where a large document may be cut so that its parts, encoded alone, give the ids of the whole.

The patterns of GPT-2 and its successors split a text into pre-tokens before any merge. A cut is exact where
every possible text has a border: just before a run of white space, after a character that takes no white
space with it. For GPT-2 that is any character that is not white space; cl100k and o200k let punctuation take
the line ends after it, so only a letter or a digit will do. White space here is space, tab and newline.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_BEFORE_WHITE_SPACE = re.compile(rb"(?:[!-~]|[\xc2-\xf4][\x80-\xbf]{1,3})(?=[ \t\n])")
_TAIL = 4096
"""Bytes at the end of a text that are searched first: nearly every text has a cut there."""


def after_any_character(character: str) -> bool:
    """The rule for GPT-2's pattern: the white space follows anything but white space."""
    return not character.isspace()


def after_letter_or_digit(character: str) -> bool:
    """The rule that holds for cl100k and o200k too: the white space follows a letter or a digit."""
    return unicodedata.category(character)[0] in "LN"


def last_cut(text: bytearray, start: int, is_safe_after: Callable[[str], bool]) -> int:
    """The last cut of a UTF-8 text at or after byte `start`; 0 where there is none."""
    tail = max(start, len(text) - _TAIL)
    for low in (tail, start) if tail > start else (start,):
        ends = [(match.start(), match.end()) for match in _BEFORE_WHITE_SPACE.finditer(text, low)]
        for begin, end in reversed(ends):
            if is_safe_after(text[begin:end].decode()):
                return end
    return 0
