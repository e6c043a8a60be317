"""Which script the text of each id is in, from the bytes of the text and of its tokens.

An id counts for the script of the character in which it starts; the space before a word is not looked at,
because most tokenizers keep it together with the word.
"""

import unicodedata
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SCRIPTS = {
    "LATIN": "Latin",
    "CYRILLIC": "Cyrillic",
    "GREEK": "Greek",
    "CJK": "Han",
    "HIRAGANA": "Kana",
    "KATAKANA": "Kana",
    "HANGUL": "Hangul",
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "DEVANAGARI": "Devanagari",
    "BENGALI": "Bengali",
    "GURMUKHI": "Gurmukhi",
    "GUJARATI": "Gujarati",
    "TAMIL": "Tamil",
    "TELUGU": "Telugu",
    "KANNADA": "Kannada",
    "MALAYALAM": "Malayalam",
    "SINHALA": "Sinhala",
    "THAI": "Thai",
    "LAO": "Lao",
    "KHMER": "Khmer",
    "MYANMAR": "Myanmar",
    "TIBETAN": "Tibetan",
    "GEORGIAN": "Georgian",
    "ARMENIAN": "Armenian",
    "ETHIOPIC": "Ethiopic",
}
"""Scripts by a word in the Unicode names of their characters."""
_WIDTHS = ("FULLWIDTH", "HALFWIDTH")
_BY_CATEGORY = {"N": "digits", "P": "punctuation", "Z": "white space", "S": "symbols"}
_SPACE = 0x20


class ScriptCount(NamedTuple):
    """The ids of one script."""

    script: str
    """A script, "digits", "punctuation", "symbols", "white space" or "other"."""
    bytes: int
    ids: int


@cache
def script_of(code_point: int) -> str:
    """The script of a character, or what else it is.

    >>> [script_of(ord(character)) for character in "aйé你の٣,+🙂\\n\\x00"]
    ['Latin', 'Cyrillic', 'Latin', 'Han', 'Kana', 'digits', 'punctuation', 'punctuation', 'symbols', \
'white space', 'other']
    """
    character = chr(code_point)
    if character.isspace():
        return "white space"
    category = unicodedata.category(character)[0]
    if category == "S" and character.isascii():
        return "punctuation"
    if category in _BY_CATEGORY:
        return _BY_CATEGORY[category]
    words = unicodedata.name(character, "").replace("-", " ").split()
    first = words[1:2] if words[:1] and words[0] in _WIDTHS else words[:1]
    return SCRIPTS.get(first[0], "other") if first else "other"


def count_scripts(text: bytes, lengths: NDArray[Any]) -> dict[str, tuple[int, int]]:
    """The bytes and ids of each script in the start of a text.

    Args:
        text: valid UTF-8, as long as its ids or longer.
        lengths: (n,) the bytes of each id, in order.
    """
    if not len(lengths):
        return {}
    data = np.frombuffer(text, np.uint8)
    starts = np.cumsum(lengths) - lengths
    starts += (data[starts] == _SPACE) & (lengths > 1)
    code_points = _code_points(data, starts)
    n_ids, n_bytes = np.bincount(code_points), np.bincount(code_points, lengths)  # faster than np.unique
    found: dict[str, tuple[int, int]] = {}
    for code_point in n_ids.nonzero()[0].tolist():
        script = script_of(code_point)
        before = found.get(script, (0, 0))
        found[script] = (before[0] + int(n_bytes[code_point]), before[1] + int(n_ids[code_point]))
    return found


def _code_points(data: NDArray[Any], positions: NDArray[Any]) -> NDArray[Any]:
    """The characters (n,) that contain the bytes at some positions of a valid UTF-8 text."""
    for _ in range(3):
        positions = positions - ((data[positions] & 0xC0) == 0x80)
    first: NDArray[Any] = data[positions].astype(np.uint32)
    is_long = first >= 0x80
    if not is_long.any():
        return first
    first[is_long] = _long_code_points(data, positions[is_long])
    return first


def _long_code_points(data: NDArray[Any], positions: NDArray[Any]) -> NDArray[Any]:
    """Characters (n,) of two to four bytes that start at some positions."""
    lead = data[positions].astype(np.uint32)
    more = 1 + (lead >= 0xE0).astype(np.uint32) + (lead >= 0xF0)
    value: NDArray[Any] = lead & (0x3F >> more)
    for step in range(1, 4):
        following = data[np.minimum(positions + step, len(data) - 1)] & np.uint32(0x3F)
        value = np.where(more >= step, value << 6 | following, value)
    return value
