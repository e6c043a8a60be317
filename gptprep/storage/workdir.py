"""Our working folders, and what a killed run left in them: known by a marker, and cleared."""

import os
import shutil
import stat
from contextlib import suppress

from gptprep.storage.files import MARKER


def is_marked(folder: str) -> bool:
    """Whether a folder has the marker of our working folders: a file, not a link that somebody planted."""
    try:
        return stat.S_ISREG(os.lstat(os.path.join(folder, MARKER)).st_mode)
    except OSError:
        return False


def is_leftover(folder: str) -> bool:
    """Whether a killed run of ours left this folder: it has the marker, or is empty."""
    return os.path.isdir(folder) and (is_marked(folder) or not os.listdir(folder))


def mark(folder: str) -> None:
    """Put the marker into a folder: gptprep may clear it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    os.close(os.open(os.path.join(folder, MARKER), flags, 0o666))


def empty(folder: str, keep: str = "") -> None:
    """Remove everything in a working folder but the marker and the folder `keep`.

    Another run may be doing the same.
    """
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
    """Remove a folder and everything in it; another run may be doing the same."""
    while os.path.lexists(folder):
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def discard(folder: str) -> None:
    """Remove a working folder, its marker last: if the removal is killed, the next run can finish it."""
    with suppress(FileNotFoundError):
        mark(folder)
        empty(folder)
        os.unlink(os.path.join(folder, MARKER))
        os.rmdir(folder)
