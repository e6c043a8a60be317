"""Disks and limits that are too small: `python -m tests.helpers.small_disks FOLDER KIND ARGS`.

KIND is "disk": a file system in memory (tmpfs) with room for 0, 1, 2, ... more pages, until a run succeeds.
Or it is "limit": files may have at most so many bytes (RLIMIT_FSIZE). After each run room is made, and the
same command is run again. Prints what was tried and what did not hold.

A "disk" needs its own namespace for mounts: `unshare -rm`.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gptprep.units import MIB
from tests.helpers import forked, survival

_ROOM = 64 * MIB
_PAGE = resource.getpagesize()
_MS_REMOUNT = 32
"""In <sys/mount.h>."""


def disks(arguments: list[str]) -> Iterator[list[str]]:
    """What did not hold, for each disk; the current folder moves to it."""
    here = Path.cwd()
    disk = here / "disk"
    disk.mkdir()
    _mount(disk, _ROOM)
    for path in here.iterdir():
        if path != disk:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, disk / path.name)
    forked.messages_file = str(here / "messages")
    os.chdir(disk)
    command = survival.Command(arguments)
    code, pages = 1, 0
    while code:
        command.reset()
        status = os.statvfs(disk)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        _mount(disk, used + pages * _PAGE, _MS_REMOUNT)
        ended = forked.run(arguments)
        yield command.problems(ended, {0, 1}, lambda: _mount(disk, _ROOM, _MS_REMOUNT))
        _mount(disk, _ROOM, _MS_REMOUNT)
        code, pages = ended.code, pages + 1


def _mount(disk: Path, size: int, flags: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", bytes(disk), b"tmpfs", ctypes.c_ulong(flags), b"size=%d" % size):
        raise OSError(ctypes.get_errno(), "mount", str(disk))


def limits(arguments: list[str]) -> Iterator[list[str]]:
    """What did not hold, for each limit."""
    command = survival.Command(arguments)
    code, size = 1, 512  # the error is written to a file too
    while code:
        command.reset()
        ended = forked.wait(forked.start(partial(_limited, size, arguments)))
        yield command.problems(ended, {0, 1})
        code, size = ended.code, size + max(_PAGE // 8, size // 16)


def _limited(size: int, arguments: list[str]) -> int:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return forked.gptprep(arguments)


def main(arguments: list[str]) -> None:
    """Run the driver."""
    folder, kind, *command = arguments
    survival.prepare(folder, command)
    survival.report((disks if kind == "disk" else limits)(command))


if __name__ == "__main__":
    main(sys.argv[1:])
