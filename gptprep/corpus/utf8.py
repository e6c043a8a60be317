"""Checking that text is UTF-8."""

import codecs

from gptprep.units import KIB

_SMALL = 64 * KIB
"""Bytes that are decoded as a whole: NumPy would take longer to import."""
_SPARSE = 16
"""Text is decoded as a whole if more than one in this many bytes is not ASCII: that is then faster."""


def valid_bytes(data: bytes, *, final: bool) -> int:
    """The length of valid UTF-8: that of the data, or less if the start of a character is at its end.

    Most text has few characters that are not ASCII. Then these are decoded alone, with a space between those
    that do not touch, which takes a third of the time.

    Args:
        final: whether nothing follows, so that the start of a character is an error as well.

    Raises:
        UnicodeDecodeError: the data are not valid; it has the place.
    """
    if data.isascii():
        return len(data)
    if len(data) >= _SMALL and (incomplete := _incomplete_bytes(data, final=final)) is not None:
        return len(data) - incomplete
    return codecs.utf_8_decode(data, "strict", final)[1]


def _incomplete_bytes(data: bytes, *, final: bool) -> int | None:
    """How many bytes at the end start a character; None if the data are not sparse or not valid."""
    import numpy as np

    values = np.frombuffer(data, np.uint8)
    is_other = values >= 0x80
    if np.count_nonzero(is_other) * _SPARSE > len(data):
        return None
    places = np.flatnonzero(is_other)
    gaps = np.flatnonzero(np.diff(places) > 1) + 1
    spaced = np.insert(values[places], gaps, 0x20).tobytes()
    may_end_inside = not final and places[-1] == len(data) - 1
    try:
        return len(spaced) - codecs.utf_8_decode(spaced, "strict", not may_end_inside)[1]
    except UnicodeDecodeError:
        return None
