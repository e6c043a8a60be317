"""Counting pre-tokens, the pieces of a text that byte-level BPE merges within, with GPT-2's pattern.

gigatoken counts, where it is installed; Python's own regular expressions, about a thirtieth as fast, where it
is not. gigatoken's counts are made to follow tiktoken's version of Unicode; Python's may be another, which
matters to the youngest characters only.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from gptprep.tokenizers import cuts
from gptprep.tokenizers.gigatoken import is_installed
from gptprep.tokenizers.unicode_guard import NEWER_RANGES, may_differ

MAX_PRETOKEN = 256
"""Bytes: of a longer pre-token its stretches of so many are counted. No useful token is longer, and the work
of training grows with the square of this."""

_BATCH = 1 << 24
"""Bytes of text counted at once."""
_BORDER = b"\xff"
"""Parts texts; no valid UTF-8 holds it."""
_CHATTER = re.compile(rb"(?:Using \d+ threads? for pretokenization|Pretokenization took [^\n]*)\n")
_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


class PretokenCounter:
    """Counts pre-tokens, text by text; memory grows with the distinct ones only.

    Args:
        special_tokens: they part texts and are not counted.
    """

    def __init__(self, special_tokens: tuple[str, ...] = ()) -> None:
        longest_first = sorted((token.encode() for token in special_tokens), key=len, reverse=True)
        self._specials = re.compile(b"|".join(map(re.escape, longest_first))) if longest_first else None
        self._cut_inside = any(map(cuts.may_be_cut, special_tokens))
        self._counts: Counter[bytes] = Counter()
        self._texts: list[bytes] = []
        self._waiting = 0

    def last_cut(self, text: bytearray, start: int) -> int:
        """Where a document may be cut, as `Tokenizer.last_cut`."""
        return 0 if self._cut_inside else cuts.last_cut(text, start, cuts.after_any_character)

    def first_cut(self, text: bytes, start: int) -> int:
        """Where a document may be cut, as `Tokenizer.first_cut`."""
        return -1 if self._cut_inside else cuts.first_cut(text, start, cuts.after_any_character)

    @property
    def can_cut(self) -> bool:
        """As `Tokenizer.can_cut`."""
        return not self._cut_inside

    def add(self, text: bytes) -> None:
        """Count the pre-tokens of a valid UTF-8 text; may put it off."""
        self._texts.append(self._specials.sub(_BORDER, text) if self._specials else text)
        self._waiting += len(text) + 1
        if self._waiting >= _BATCH:
            self._count()

    def counts(self) -> Counter[bytes]:
        """How often each pre-token was met."""
        self._count()
        return self._counts

    def _count(self) -> None:
        text = _BORDER.join(self._texts)
        self._texts.clear()
        self._waiting = 0
        get = self._counts.get
        for pretoken, n in _fast_counts(text) if is_installed() else _slow_counts(text):
            if len(pretoken) <= MAX_PRETOKEN:
                self._counts[pretoken] = get(pretoken, 0) + n
            else:
                for stretch in _stretches(pretoken):
                    self._counts[stretch] = get(stretch, 0) + n


def _stretches(pretoken: bytes) -> Iterator[bytes]:
    """Stretches of `MAX_PRETOKEN` bytes, or a little less to spare a character."""
    begin = 0
    while begin < len(pretoken):
        end = min(begin + MAX_PRETOKEN, len(pretoken))
        while end < len(pretoken) and pretoken[end] & 0xC0 == 0x80:
            end -= 1
        yield pretoken[begin:end]
        begin = end


def _fast_counts(text: bytes) -> Iterable[tuple[bytes, int]]:
    """gigatoken's counts; characters that are letters or digits only for its newer Unicode stand aside."""
    if not may_differ(text):
        return _gigatokens_counts(text)
    decoded = text.decode("utf-8", "surrogateescape")
    aside = _stand_ins(decoded)
    back = {stand_in: character for character, stand_in in aside.items()}
    counts = _gigatokens_counts(decoded.translate(aside).encode("utf-8", "surrogateescape"))
    return ((pretoken.decode().translate(back).encode(), n) for pretoken, n in counts)


def _stand_ins(text: str) -> dict[int, int]:
    """For each newer character one for private use, no letter and no digit either, that the text has not."""
    newer = [code for first, last in NEWER_RANGES for code in range(first, last + 1)]
    met = {ord(character) >> 13 for character in set(text)}
    block = next(block for block in (*range(0xF0000 >> 13, 0x110000 >> 13), 0xE000 >> 13) if block not in met)
    return {code: (block << 13) + number for number, code in enumerate(newer)}


def _gigatokens_counts(text: bytes) -> Iterable[tuple[bytes, int]]:
    from gigatoken.gigatoken_rs import pretokenized_counts

    with _without_chatter():
        counts: list[tuple[bytes, int]] = pretokenized_counts(text, _BORDER)
        return counts


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep gigatoken's own words off standard error; what anything else writes there comes a little later."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        screen = os.dup(2)
    except OSError:  # it is closed: there is nothing to keep clean
        yield
        return
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(screen, 2)
            os.close(screen)
            aside.seek(0)
            if others := _CHATTER.sub(b"", aside.read()):
                os.write(2, others)


def _slow_counts(text: bytes) -> Iterable[tuple[bytes, int]]:
    counts: Counter[str] = Counter()
    for part in text.split(_BORDER):
        counts.update(_pattern().findall(part.decode()))
    return ((pretoken.encode(), n) for pretoken, n in counts.items())


@cache
def _pattern() -> re.Pattern[str]:
    """GPT-2's pattern for `re`, which has no `\\p` and whose `\\s` holds U+001C to U+001F."""
    letters, numbers = _characters("L"), _characters("N")
    return re.compile(
        rf"'(?:[sdmt]|ll|ve|re)| ?[{letters}]+| ?[{numbers}]+| ?[^{_SPACE}{letters}{numbers}]+"
        rf"|[{_SPACE}]+(?![^{_SPACE}])|[{_SPACE}]+"
    )


def _characters(category: str) -> str:
    """All characters of a general category, as ranges for a character class."""
    ranges: list[list[int]] = []
    for code_point in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code_point))[0] == category:
            if ranges and ranges[-1][1] == code_point - 1:
                ranges[-1][1] = code_point
            else:
                ranges.append([code_point, code_point])
    return "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in ranges)
