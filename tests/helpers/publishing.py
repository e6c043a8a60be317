"""Small folders published in one call."""

from __future__ import annotations

import os
from pathlib import Path

from gptprep.storage.files import MARKER
from gptprep.storage.publish import publish_folder

FILES = ("ours", "sub/data")
NEW = dict.fromkeys(FILES, "new")
OLD = dict.fromkeys(FILES, "old")


def not_ours(path: str) -> str:
    """Why a folder is not one of `publish`, which have the file `ours`."""
    return "" if os.path.exists(os.path.join(path, "ours")) else "it has no ours"


def write_files(folder: str, text: str = "new") -> None:
    """Write what `publish` publishes."""
    for name in FILES:
        path = Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def publish(target: Path, text: str = "new", *, force: bool = False) -> None:
    """Publish a folder in which each file holds `text`."""
    with publish_folder(str(target), force=force, not_ours=not_ours) as folder:
        write_files(folder, text)
        assert not target.exists() or force or not os.listdir(target)


def texts(top: Path) -> dict[str, str]:
    """The texts of all files in a folder, by name, without the marker that a killed run can leave."""
    files = (path for path in sorted(top.rglob("*")) if path.is_file() and path.name != MARKER)
    return {str(path.relative_to(top)): path.read_text() for path in files}
