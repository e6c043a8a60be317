"""Sizes in bytes. (Sizes that are counts of ids say so where they are used.)"""

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def size(n_bytes: int) -> str:
    """A size in decimal units: `82.7 KB`.

    >>> size(1), size(999), size(82_675), size(1_500_000_000)
    ('1 byte', '999 bytes', '82.7 KB', '1.5 GB')
    """
    if n_bytes < 1000:
        return "1 byte" if n_bytes == 1 else f"{n_bytes} bytes"
    number = float(n_bytes)
    for unit in ("KB", "MB", "GB"):
        number /= 1000
        if number < 999.95:
            return f"{number:.1f} {unit}"
    return f"{number / 1000:.1f} TB"
