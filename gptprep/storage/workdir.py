"""Our working folders, and what a killed run left in them: known by a marker, and cleared."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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
    """Remove a folder and everything in it; another run may be doing the same.

    Folders below it are moved up until they are directly in it, so that neither their depth nor the length of
    their paths matters. All is done by descriptors: a link that somebody puts in their place is not followed.

    Raises:
        OSError: something in it cannot be removed.
    """
    with suppress(FileNotFoundError):
        with _opened(folder) as top:
            while names := os.listdir(top):
                for name in names:
                    _remove_entry(top, name)
        os.rmdir(folder)


def _remove_entry(top: int, name: str) -> None:
    """Remove one entry of an open folder; the folders in it become entries of the open folder."""
    try:
        os.unlink(name, dir_fd=top)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):  # Linux and macOS answer differently
        if not stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
            raise
        with suppress(FileNotFoundError):
            with _opened(name, top) as inner:
                for entry in os.listdir(inner):
                    _empty_entry(top, inner, entry)
            with suppress(NotADirectoryError):
                os.rmdir(name, dir_fd=top)


def _empty_entry(top: int, inner: int, name: str) -> None:
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(name, dir_fd=inner).st_mode):
            os.rename(name, f"moved-{secrets.token_hex(8)}", src_dir_fd=inner, dst_dir_fd=top)
        else:
            os.unlink(name, dir_fd=inner)


@contextmanager
def _opened(folder: str, parent: int | None = None) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def discard(folder: str) -> None:
    """Remove a working folder, its marker last: if the removal is killed, the next run can finish it."""
    with suppress(FileNotFoundError):
        mark(folder)
        empty(folder)
        os.unlink(os.path.join(folder, MARKER))
        os.rmdir(folder)
