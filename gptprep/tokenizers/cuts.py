"""Where a large document may be cut so that its parts, encoded alone, give the ids of the whole.

The patterns of GPT-2 and its successors split a text into pre-tokens before any merge. A cut is exact where
every possible text has a border: just before a run of white space, after a character that takes no white
space with it. For GPT-2 that is any character that is not white space; cl100k and o200k let punctuation take
the line ends after it, so only a letter or a digit will do. White space here is space, tab and newline.

Chinese and Japanese have few spaces. For all three patterns there is a border, too, between a letter or a
digit and one of the ideographic marks `、` `。` `，`, which are no part of any contraction.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from gptprep.tokenizers.unicode_guard import is_newer

_BORDER = re.compile(
    rb"(?:[!-~]|[\xc2-\xf4][\x80-\xbf]{1,3})(?=(?P<space>[ \t\n])|\xe3\x80[\x81\x82]|\xef\xbc\x8c)"
)
_TAIL = 256
"""Bytes at the end of a text that are searched first: nearly every text has a cut there."""


def after_any_character(character: str) -> bool:
    """The rule for GPT-2's pattern: the white space follows anything but white space."""
    return not character.isspace()


def after_letter_or_digit(character: str) -> bool:
    """The rule that holds for cl100k and o200k too: the white space follows a letter or a digit."""
    return unicodedata.category(character)[0] in "LN" and not is_newer(character)


def may_be_cut(special_token: str) -> bool:
    """Whether a text could be cut within a special token: then it must not be cut at all."""
    return any(character.isspace() or character in "\u3001\u3002\uff0c" for character in special_token)


def last_cut(text: bytearray, start: int, is_safe_after: Callable[[str], bool]) -> int:
    """The last cut of a UTF-8 text at or after byte `start`; 0 where there is none.

    Args:
        is_safe_after: whether white space after a character begins a pre-token.
    """
    for tail in (_TAIL, _TAIL**2, len(text)):
        low = max(start, len(text) - tail)
        borders = [(match.span(), match["space"]) for match in _BORDER.finditer(text, low)]
        for (begin, end), space in reversed(borders):
            before = text[begin:end].decode()
            if (is_safe_after if space else after_letter_or_digit)(before):
                return end
    return 0


def first_cut(text: bytes, start: int, is_safe_after: Callable[[str], bool]) -> int:
    """The first cut of a text at or after byte `start`; -1 where there is none. Bad bytes are no matter."""
    for match in _BORDER.finditer(text, max(0, start - 4)):
        if match.end() >= start:
            try:
                before = match[0].decode()
            except UnicodeDecodeError:
                continue
            if (is_safe_after if match["space"] else after_letter_or_digit)(before):
                return match.end()
    return -1
