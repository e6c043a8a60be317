"""What the terminal is like: its width, and whether styles are wanted on it."""

import os
import shutil
import sys
from contextlib import suppress
from typing import TextIO

_MIN_WIDTH, _MAX_WIDTH = 20, 500
"""Nothing can be read on a narrower terminal, and a wider one is a mistake in COLUMNS."""


def columns(stream: TextIO | None = None) -> int:
    """The width of a stream's terminal; 80 if it has none. COLUMNS overrides it.

    Args:
        stream: None for standard output.
    """
    width = shutil.get_terminal_size().columns
    stream = stream or sys.__stdout__
    if stream and not os.environ.get("COLUMNS", "").strip("0").isdecimal():
        with suppress(OSError, ValueError):
            width = os.get_terminal_size(stream.fileno()).columns or width
    return max(_MIN_WIDTH, min(width, _MAX_WIDTH))


def rows() -> int | None:
    """The height of the terminal on standard output; None if it is none. LINES overrides it."""
    if not sys.stdout or not sys.stdout.isatty():
        return None
    height = shutil.get_terminal_size().lines
    if not os.environ.get("LINES", "").strip("0").isdecimal():
        with suppress(OSError, ValueError):
            height = os.get_terminal_size(sys.stdout.fileno()).lines or height
    return height


def has_blocks() -> bool:
    """Whether standard output can show block characters, of which bars are made."""
    return can_show("█", sys.stdout)


def can_show(characters: str, stream: TextIO | None) -> bool:
    """Whether the encoding of a stream has some characters."""
    try:
        characters.encode((stream and stream.encoding) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def is_plain() -> bool:
    """Whether text goes out without colours and other styles: NO_COLOR, --no-color or TERM=dumb."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def discard_errors() -> None:
    """Send standard error to /dev/null from now on, with what is buffered, after it could not be written.

    The output and the exit code are what counts; Python would fail again when it exits.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
