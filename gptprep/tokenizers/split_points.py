"""Split points: places where a document can be divided so that both sides, encoded alone, give the same ids.

The patterns of GPT-2 and its successors divide a text into pre-tokens before any merge. A split point is
exact if every possible text has a pre-token boundary there: just before a run of white space, after a
character that does not take white space with it. For GPT-2 that is any character but white space; in cl100k
and o200k, punctuation takes the line ends after it, so only a letter or digit will do. White space here is
space, tab and newline.

Chinese and Japanese have few spaces. All three patterns also have a boundary between a letter or digit and
one of the marks `、` `。` `，`, which are part of no contraction.

`_SPLIT_RULES` in bpe.py says which pattern has which rule. word.py and char.py have rules of their own.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable

from gptprep.tokenizers.unicode_guard import is_newer

_CANDIDATE = re.compile(
    rb"(?:[!-~]|[\xc2-\xf4][\x80-\xbf]{1,3})(?=(?P<space>[ \t\n])|\xe3\x80[\x81\x82]|\xef\xbc\x8c)"
)
"""The character before a possible split point."""
_TAIL = 256
"""Bytes at the end of a text that are searched first: nearly every text has a split point there."""


def after_any_character(character: str) -> bool:
    """The rule for GPT-2's pattern: white space after anything but white space starts a pre-token."""
    return not character.isspace()


def after_letter_or_digit(character: str) -> bool:
    """The rule for cl100k and o200k: white space after a letter or digit starts a pre-token."""
    return unicodedata.category(character)[0] in "LN" and not is_newer(character)


class SplitPoints:
    """Finds the split points of a tokenizer; this one finds none, so that documents are encoded whole."""

    def last(self, text: bytearray, start: int) -> int:  # noqa: ARG002
        """The last split point of a UTF-8 text after byte `start`; 0 if there is none.

        It stays a split point whatever text follows.
        """
        return 0

    def first(self, text: bytes, start: int) -> int:  # noqa: ARG002
        """The first split point of a text at or after byte `start`; -1 if there is none.

        The text may start and stop inside a character and hold invalid bytes.
        """
        return -1

    @property
    def exist(self) -> bool:
        """Whether any text has split points."""
        return self.first(b"a b\nc d", 1) >= 0


class PatternSplitPoints(SplitPoints):
    """The split points of a pattern.

    Args:
        is_safe_after: whether white space after a character starts a pre-token.
    """

    def __init__(self, is_safe_after: Callable[[str], bool]) -> None:
        self._is_safe_after = is_safe_after

    def last(self, text: bytearray, start: int) -> int:
        for tail in (_TAIL, _TAIL**2, len(text)):
            low = max(start, len(text) - tail)
            candidates = [(match.span(), match["space"]) for match in _CANDIDATE.finditer(text, low)]
            for (before_start, point), space in reversed(candidates):
                before = text[before_start:point].decode()
                if (self._is_safe_after if space else after_letter_or_digit)(before):
                    return point
        return 0

    def first(self, text: bytes, start: int) -> int:
        for match in _CANDIDATE.finditer(text, max(0, start - 4)):
            if match.end() >= start:
                try:
                    before = match[0].decode()
                except UnicodeDecodeError:
                    continue
                if (self._is_safe_after if match["space"] else after_letter_or_digit)(before):
                    return match.end()
        return -1


def of_pattern(is_safe_after: Callable[[str], bool] | None, special_tokens: Iterable[str]) -> SplitPoints:
    """The split points of a pattern; none if its rule is unknown, or if one could be in a special token."""
    in_special = any(
        character.isspace() or character in "\u3001\u3002\uff0c" for character in "".join(special_tokens)
    )
    return SplitPoints() if in_special or is_safe_after is None else PatternSplitPoints(is_safe_after)
