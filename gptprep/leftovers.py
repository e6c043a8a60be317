"""Working folders of ours, and what a killed run left of them: known by a mark, and cleared."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress

from gptprep.files import MARKER


def is_marked(folder: str) -> bool:
    """Whether it has the mark of our working folders: a file, and no link that somebody put there."""
    try:
        return stat.S_ISREG(os.lstat(os.path.join(folder, MARKER)).st_mode)
    except OSError:
        return False


def is_leftover(folder: str) -> bool:
    """Whether a killed run of ours left it: it has the mark, or not even that any more."""
    return os.path.isdir(folder) and (is_marked(folder) or not os.listdir(folder))


def mark(folder: str) -> None:
    """Say that a folder is ours to be cleared."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    os.close(os.open(os.path.join(folder, MARKER), flags, 0o666))


def empty(folder: str, keep: str = "") -> None:
    """Remove all but the marker and what is kept from a working folder; another run may be at it too."""
    for name in os.listdir(folder):
        full = os.path.join(folder, name)
        if name == keep and os.path.isdir(full) and not os.path.islink(full):
            continue
        if os.path.isdir(full) and not os.path.islink(full):
            remove(full)
        elif name != MARKER:
            with suppress(FileNotFoundError):
                os.unlink(full)


def remove(folder: str) -> None:
    """Remove a folder and all in it; another run may be at it too."""
    while os.path.lexists(folder):
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def discard(folder: str) -> None:
    """Remove a folder; the marker goes last, so that a removal cut off by a kill is known and resumed."""
    with suppress(FileNotFoundError):
        mark(folder)
        empty(folder)
        os.unlink(os.path.join(folder, MARKER))
        os.rmdir(folder)
