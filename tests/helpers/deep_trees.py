"""Folders nested deeper than Python recurses, with paths longer than the system allows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from gptprep.storage.workdir import remove


class DeepTree(Protocol):
    """Makes a folder with folders in it, each in the one before, and a text in the innermost."""

    def __call__(self, depth: int, name: str, top: str | None = None) -> Path: ...


def nest(top: Path, depth: int, name: str) -> None:
    """Make `depth` folders called `name`, each in the one before, and `a.txt` in the innermost."""
    top.mkdir(parents=True)
    here = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    with open("a.txt", "w", opener=lambda path, flags: os.open(path, flags, 0o666, dir_fd=here)) as file:
        file.write("one two three four five six seven eight nine ten " * 9)
    os.close(here)


def clear(top: Path) -> None:
    """Remove a tree; pytest could not."""
    if top.exists():
        remove(str(top))
