"""A regular expression for many literal texts, such as the special tokens of a vocabulary."""

import re
from collections.abc import Iterable
from itertools import groupby
from os.path import commonprefix

_MAX_DEPTH = 32
"""Groups within groups: Python's compiler of regular expressions recurses into them."""


def pattern_of(texts: Iterable[str]) -> re.Pattern[bytes]:
    """A pattern that finds the UTF-8 of any of the texts, at each place the longest.

    Texts with the same start are in one group, because Python tries alternatives one after the other: with
    100,000 of them, each place that looks like the start of one would take a millisecond.
    """
    return re.compile(_alternatives(sorted({text.encode() for text in texts}), 0, 0) or b"(?!)")


def stands_apart(token: str, tokens: Iterable[str]) -> bool:
    """Whether a token between any two texts without tokens is found there, and no other token is.

    Not so if another token contains it, or if a token ends with a start of it: after a text that ends with
    `<`, the token `<<` is found one character too early.

    Args:
        tokens: all that are searched for, `token` among them.
    """
    starts = tuple(token[:length] for length in range(1, len(token)))
    return not any(other.endswith(starts) or (token in other and token != other) for other in tokens)


def _alternatives(texts: list[bytes], start: int, depth: int) -> bytes:
    """A pattern for what different texts, sorted, have from a position on."""
    groups = []
    for _, same_start in groupby((text for text in texts if len(text) > start), lambda text: text[start]):
        groups.append(_group(list(same_start), start, depth))
    return b"|".join(groups)


def _group(texts: list[bytes], start: int, depth: int) -> bytes:
    """A pattern for texts with the same byte at `start`."""
    if len(texts) == 1 or depth == _MAX_DEPTH:
        return b"|".join(re.escape(text[start:]) for text in sorted(texts, key=len, reverse=True))
    stop = start + len(commonprefix([texts[0][start:], texts[-1][start:]]))  # noqa: RUF071, not of paths
    rest = _alternatives(texts, stop, depth + 1)
    end = b"?" if len(texts[0]) == stop else b""  # a text may end here: only if no longer one matches
    return re.escape(texts[0][start:stop]) + b"(?:" + rest + b")" + end
