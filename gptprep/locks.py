"""Locks on what a run writes: flock(2), which the system drops with the process that holds it.

A lock is on the file or folder itself, whatever it is called: it goes along when its temporary name becomes
the final one.
"""

from __future__ import annotations

import fcntl
import os
import stat
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
    lock = open_locked(folder, path, os.O_RDONLY)
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def locked_if_there(folder: str, path: str) -> Iterator[None]:
    """Hold a finished folder: the run that wrote it does until it has removed what it replaced.

    Raises:
        GptprepError: as `locked_folder`.
    """
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield
        return
    try:
        _lock(lock, path)
        yield
    finally:
        os.close(lock)


def open_locked(partial: str, path: str, flags: int) -> int:
    """Open the temporary name and lock it, making sure that the lock is on what still has that name.

    A leftover that has another name too was published by a run that was killed right then: it is let go.

    Args:
        flags: with `O_CREAT` it is a file, else a folder.

    Raises:
        GptprepError: another run holds it.
    """
    while True:
        try:
            if not flags & os.O_CREAT:
                os.makedirs(partial, exist_ok=True)
            descriptor = os.open(partial, flags | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:
            continue  # the other run has published it in between
        try:
            _lock(descriptor, path)
            status = os.fstat(descriptor)
            if os.path.samestat(status, os.stat(partial)):
                if stat.S_ISDIR(status.st_mode) or status.st_nlink == 1:
                    return descriptor
                os.unlink(partial)
        except FileNotFoundError:
            pass  # the other run has just published it: the name is free again
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, path: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        fix = "wait for the other run to end, or choose another output"
        raise GptprepError(f"{path} is being written by another run", fix=fix) from error
