"""Counting pre-tokens: what GPT-2's pattern divides a text into, and what byte-level BPE merges within.

gigatoken counts if it is installed; otherwise Python's regular expressions do, about 30 times slower.
gigatoken's counts are made to follow tiktoken's version of Unicode. Python's may be another version, which
matters to the newest characters only.
"""

import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from gptprep.tokenizers import literals, split_points
from gptprep.tokenizers.gigatoken import is_installed
from gptprep.tokenizers.published import WHITE_SPACE
from gptprep.tokenizers.rust import filtered
from gptprep.tokenizers.unicode_guard import NEWER_RANGES, may_differ
from gptprep.units import MIB

MAX_PRETOKEN = 256
"""Bytes: a longer pre-token is counted in slices of this size. No useful token is longer, and the work of
training grows with the square of this number."""

_BATCH_BYTES = 16 * MIB
"""Bytes of text that are counted at once."""
_SEPARATOR = b"\xff"
"""Between texts; no valid UTF-8 contains it."""
_MESSAGES = re.compile(rb"(?:Using \d+ threads? for pretokenization|Pretokenization took [^\n]*)\n")


class PretokenCounter:
    """Counts pre-tokens, text by text; memory grows with the distinct ones only.

    Args:
        special_tokens: they separate texts and are not counted.
    """

    def __init__(self, special_tokens: tuple[str, ...] = ()) -> None:
        self._specials = literals.pattern_of(special_tokens) if special_tokens else None
        self.split_points = split_points.of_pattern(split_points.after_any_character, special_tokens)
        self._counts: defaultdict[bytes, int] = defaultdict(int)
        self._texts: list[bytes] = []
        self._batch_bytes = 0

    def add(self, text: bytes) -> None:
        """Count the pre-tokens of a valid UTF-8 text; may be deferred until `counts`."""
        self._texts.append(self._specials.sub(_SEPARATOR, text) if self._specials else text)
        self._batch_bytes += len(text) + 1
        if self._batch_bytes >= _BATCH_BYTES:
            self._count()

    def add_documents(self, texts: Sequence[bytes]) -> None:
        """Count the pre-tokens of several valid UTF-8 texts."""
        self.add(_SEPARATOR.join(texts))

    def counts(self) -> Counter[bytes]:
        """How often each pre-token occurs."""
        self._count()
        return Counter(self._counts)

    def _count(self) -> None:
        text = _SEPARATOR.join(self._texts)
        self._texts.clear()
        self._batch_bytes = 0
        counts = list(_fast_counts(text) if is_installed() else _slow_counts(text))
        if long := [one for one in counts if len(one[0]) > MAX_PRETOKEN]:
            counts = [one for one in counts if len(one[0]) <= MAX_PRETOKEN]
            counts += [(slice_, n) for pretoken, n in long for slice_ in _slices(pretoken)]
        total = self._counts
        for pretoken, n in counts:
            total[pretoken] += n


def _slices(pretoken: bytes) -> Iterator[bytes]:
    """Slices of `MAX_PRETOKEN` bytes, or a little less so that no character is divided."""
    start = 0
    while start < len(pretoken):
        stop = min(start + MAX_PRETOKEN, len(pretoken))
        while stop < len(pretoken) and pretoken[stop] & 0xC0 == 0x80:
            stop -= 1
        yield pretoken[start:stop]
        start = stop


def _fast_counts(text: bytes) -> Iterable[tuple[bytes, int]]:
    """gigatoken's counts, with the characters that only its newer Unicode knows replaced meanwhile."""
    if not may_differ(text):
        return _gigatoken_counts(text)
    decoded = text.decode("utf-8", "surrogateescape")
    replacements = _private_characters(decoded)
    originals = {replacement: character for character, replacement in replacements.items()}
    counts = _gigatoken_counts(decoded.translate(replacements).encode("utf-8", "surrogateescape"))
    return ((pretoken.decode().translate(originals).encode(), n) for pretoken, n in counts)


def _private_characters(text: str) -> dict[int, int]:
    """For each newer character a private-use one that is not in the text; those are no letters or digits."""
    newer = [code for first, last in NEWER_RANGES for code in range(first, last + 1)]
    used = {ord(character) >> 13 for character in set(text)}
    blocks = (*range(0xF0000 >> 13, 0x110000 >> 13), 0xE000 >> 13)
    block = next(block for block in blocks if block not in used)
    return {code: (block << 13) + number for number, code in enumerate(newer)}


def _gigatoken_counts(text: bytes) -> Iterable[tuple[bytes, int]]:
    from gigatoken.gigatoken_rs import pretokenized_counts

    counts: list[tuple[bytes, int]]
    counts = filtered(lambda: pretokenized_counts(text, _SEPARATOR), lambda _: _MESSAGES)
    return counts


def _slow_counts(text: bytes) -> Iterable[tuple[bytes, int]]:
    counts: Counter[str] = Counter()
    for one_text in text.split(_SEPARATOR):
        counts.update(_pattern().findall(one_text.decode()))
    return ((pretoken.encode(), n) for pretoken, n in counts.items())


@cache
def _pattern() -> re.Pattern[str]:
    """GPT-2's pattern for `re`, which has no `\\p` and whose `\\s` includes U+001C to U+001F."""
    letters, numbers = _characters("L"), _characters("N")
    return re.compile(
        rf"'(?:[sdmt]|ll|ve|re)| ?[{letters}]+| ?[{numbers}]+| ?[^{WHITE_SPACE}{letters}{numbers}]+"
        rf"|[{WHITE_SPACE}]+(?![^{WHITE_SPACE}])|[{WHITE_SPACE}]+"
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
