"""Locks on what a run writes: flock(2), which the system drops with the process that holds it.

A lock is on the file or folder itself, whatever it is called: it goes along when its temporary name becomes
the final one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from gptprep.errors import GptprepError


@contextmanager
def locked_folder(folder: str, path: str) -> Iterator[None]:
    """Hold a working folder, made if it is not there.

    Args:
        path: the output, for messages.

    Raises:
        GptprepError: another run holds it.
    """
    lock = _open_folder(folder, path)
    try:
        yield
    finally:
        os.close(lock)


def _open_folder(folder: str, path: str) -> int:
    while True:
        os.makedirs(folder, exist_ok=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # the other run has published it in between
        if _lock(descriptor, folder, path):
            return descriptor


@contextmanager
def locked_if_there(folder: str, path: str) -> Iterator[None]:
    """Hold a finished folder: the run that wrote it does until it has removed what it replaced.

    Raises:
        GptprepError: as `locked_folder`.
    """
    lock: int | None
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        lock = None
    if lock is not None and not _lock(lock, folder, path):
        lock = None
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def open_locked_file(partial: str, path: str) -> int:
    """Open a temporary file for writing, made if it is not there, and hold it.

    A leftover that has another name too was published by a run that was killed right then: it is let go.

    Raises:
        GptprepError: another run holds it.
    """
    while True:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        if not _lock(descriptor, partial, path):
            continue
        if os.fstat(descriptor).st_nlink == 1:
            return descriptor
        os.unlink(partial)
        os.close(descriptor)


def is_at(descriptor: int, name: str) -> bool:
    """Whether what is open still has a name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(name))
    except FileNotFoundError:
        return False


def _lock(descriptor: int, name: str, path: str) -> bool:
    """Lock what is open; False, and it is closed, if another run has published it under another name."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_at(descriptor, name):
            return True
    except BlockingIOError as error:
        os.close(descriptor)
        fix = "wait for the other run to end, or choose another output"
        raise GptprepError(f"{path} is being written by another run", fix=fix) from error
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return False
