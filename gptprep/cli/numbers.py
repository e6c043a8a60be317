"""Numbers and names for people, and numbers from people."""

import re
from fractions import Fraction

from gptprep.errors import UsageError
from gptprep.units import size as size

_POWERS = ((4, "T"), (3, "G"), (2, "M"), (1, "K"))


def exact_size(n_bytes: int) -> str:
    """A size as `parse_size` reads it, in the largest unit that gives a whole number.

    >>> exact_size(256_000_000), exact_size(1_500_000), exact_size(1 << 20), exact_size(1_000_001)
    ('256MB', '1500KB', '1MiB', '1000001')
    """
    units = ((f"{letter}{i}B", (1024 if i else 1000) ** n) for n, letter in _POWERS for i in ("i", ""))
    return next((f"{n_bytes // unit}{name}" for name, unit in units if n_bytes % unit == 0), str(n_bytes))


def plural(number: int, noun: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def times(number: int) -> str:
    """`once`, `2,000 times`."""
    return "once" if number == 1 else f"{number:,} times"


def seconds(time: float) -> str:
    """`0.2 s`, `3 min 20 s`."""
    if time < 60:
        return f"{time:.1f} s"
    minutes, rest = divmod(round(time), 60)
    return f"{minutes} min {rest} s"


def clock(time: float) -> str:
    """`0:07`, `1:05:20`.

    >>> clock(6.6), clock(3920)
    ('0:07', '1:05:20')
    """
    minutes, rest = divmod(round(time), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def about(time: float) -> str:
    """A time that is estimated.

    >>> about(0.2), about(37.7), about(213), about(4000)
    ('about 1 s', 'about 40 s', 'about 4 min', 'about 1 h 5 min')
    """
    if time < 100:
        return f"about {max(1, round(time) if time < 20 else 5 * round(time / 5))} s"
    minutes = round(time / 60)
    if minutes < 60:
        return f"about {minutes} min"
    hours, minutes = divmod(5 * round(minutes / 5), 60)
    return f"about {hours:,} h {minutes} min"


def printable(text: str) -> str:
    """Names and texts with control characters made harmless.

    >>> printable("a\\x1b[31m\\nb")
    'a\\\\x1b[31m\\\\nb'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def parse_size(text: str) -> int:
    """A size in bytes: `256MB`, `1.5 GiB`, `1000000`.

    Raises:
        UsageError: it is not a size.
    """
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([KMGT]?)(i?)B?", text.strip(), re.IGNORECASE)
    if not match or (match[3] and not match[2]):
        raise UsageError(f"{text[:40]!r} is not a size", fix="write it as 256MB, 1GiB or 1000000")
    power = "KMGT".find(match[2].upper()) + 1 if match[2] else 0
    return int(Fraction(match[1]) * (1024 if match[3] else 1000) ** power)
