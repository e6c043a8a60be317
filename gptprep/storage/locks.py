"""Locks on what a run writes: flock(2), which the system releases with the process that holds it.

A lock is on the file or folder itself, not on a name: it stays when the temporary name becomes the final one.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gptprep.errors import InUseError


@contextmanager
def locked_folder(folder: str, path: str) -> Iterator[None]:
    """Lock a working folder, creating it if needed.

    Args:
        path: the output, for messages.

    Raises:
        InUseError: another run has locked it.
    """
    is_locked = False
    while not is_locked:
        os.makedirs(folder, exist_ok=True)
        with suppress(FileNotFoundError):  # another run has just published it
            lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
            is_locked = _lock(lock, folder, path)
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def locked_if_exists(folder: str, path: str) -> Iterator[None]:
    """Lock a finished folder, if it exists: its writer holds the lock until the old folder is removed.

    Raises:
        GptprepError: as `locked_folder`.
    """
    lock: int | None = None
    with suppress(FileNotFoundError):
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    if lock is not None and not _lock(lock, folder, path):
        lock = None
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


@contextmanager
def locked_file(path: str) -> Iterator[bool]:
    """Lock a file for the block, if no other process has locked it; gives whether it has not.

    Network file systems pass on locks of files that are open for writing, which those of folders are not.
    """
    with open(path, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def open_locked_file(partial: str, path: str) -> int:
    """Open a temporary file for writing, creating it if needed, and lock it.

    A leftover file that has a second name was published by a run that was killed right then: only its
    temporary name is removed.

    Raises:
        InUseError: another run has locked it.
    """
    while True:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        if not _lock(descriptor, partial, path):
            continue
        if os.fstat(descriptor).st_nlink == 1:
            return descriptor
        os.unlink(partial)
        os.close(descriptor)


def has_name(descriptor: int, name: str) -> bool:
    """Whether an open file or folder still has a name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(name))
    except FileNotFoundError:
        return False


def _lock(descriptor: int, name: str, path: str) -> bool:
    """Lock an open file or folder; False, and it is closed, if another run has renamed it meanwhile."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if has_name(descriptor, name):
            return True
    except BlockingIOError as error:
        os.close(descriptor)
        fix = "wait for the other run to end, or choose another output"
        raise InUseError(f"{path} is being written by another run", fix=fix) from error
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return False
