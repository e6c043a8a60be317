"""Disks and limits that are too small: `python -m tests.small_disks FOLDER KIND ARGS`.

KIND is "disk": a file system in memory (tmpfs) that has room for 0, 1, 2, ... pages more, until a run ends
well; or "limit": files may have no more than so many bytes (RLIMIT_FSIZE). After each run room is made, and
the same command is run again. Prints what was tried and what did not hold, as JSON.

A "disk" needs a name space of its own for mounts: `unshare -rm`.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gptprep.pipelines import parts
from tests import children
from tests.disturbed import Disturbed, adopt_orphans
from tests.faults import PART_BYTES

_ROOM = 1 << 26
_PAGE = resource.getpagesize()


def disks(arguments: list[str]) -> Iterator[list[str]]:
    """What did not hold, for each disk; the current folder moves to it."""
    here = Path.cwd()
    disk = here / "disk"
    disk.mkdir()
    _mount(disk, f"size={_ROOM}")
    for path in here.iterdir():
        if path != disk:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, disk / path.name)
    children.messages_file = str(here / "messages")
    os.chdir(disk)
    disturbed = Disturbed(arguments)
    code, pages = 1, 0
    while code:
        disturbed.begin()
        status = os.statvfs(disk)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        _mount(disk, f"remount,size={used + pages * _PAGE}")
        ended = children.run(arguments)
        yield disturbed.wrong(ended, {0, 1}, lambda: _mount(disk, f"remount,size={_ROOM}"))
        _mount(disk, f"remount,size={_ROOM}")
        code, pages = ended.code, pages + 1


def _mount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], check=True)


def limits(arguments: list[str]) -> Iterator[list[str]]:
    """What did not hold, for each limit."""
    disturbed = Disturbed(arguments)
    code, size = 1, 512  # the error is written to a file too
    while code:
        disturbed.begin()
        ended = children.wait(children.start(partial(_limited, size, arguments)))
        yield disturbed.wrong(ended, {0, 1})
        code, size = ended.code, size + max(_PAGE // 8, size // 16)


def _limited(size: int, arguments: list[str]) -> int:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return children.gptprep(arguments)


if __name__ == "__main__":
    adopt_orphans()
    os.chdir(sys.argv[1])
    children.load([*sys.argv[3:], "--force"])
    parts.PART_BYTES = PART_BYTES
    found = list((disks if sys.argv[2] == "disk" else limits)(sys.argv[3:]))
    sys.stdout.write(json.dumps({"tried": len(found), "wrong": [line for wrong in found for line in wrong]}))
