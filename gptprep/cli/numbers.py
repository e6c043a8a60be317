"""Numbers and names for people."""

from __future__ import annotations


def size(n_bytes: int) -> str:
    """A size in decimal units: `82.7 KB`.

    >>> size(999), size(82_675), size(1_500_000_000)
    ('999 bytes', '82.7 KB', '1.5 GB')
    """
    number = float(n_bytes)
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if number < 999.95 or unit == "TB":
            return f"{n_bytes} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")


def plural(number: int, noun: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def seconds(time: float) -> str:
    """`0.2 s`, `3 min 20 s`."""
    if time < 60:
        return f"{time:.1f} s"
    minutes, rest = divmod(round(time), 60)
    return f"{minutes} min {rest} s"


def printable(text: str) -> str:
    """Names and texts with control characters made harmless.

    >>> printable("a\\x1b[31m\\nb")
    'a\\\\x1b[31m\\\\nb'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
