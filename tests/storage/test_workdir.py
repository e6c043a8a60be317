"""Working folders: only those with our marker are cleared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gptprep.storage.files import MARKER
from tests.helpers.cli import Run


@pytest.mark.parametrize("planted", ["link", "pipe", "folder"])
def test_marker_that_is_not_a_file_makes_no_folder_ours(run: Run, tmp_path: Path, planted: str) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "s.partial").mkdir()
    marker = tmp_path / "s.partial" / MARKER
    match planted:
        case "link":
            marker.symlink_to(tmp_path / "victim")
        case "pipe":
            os.mkfifo(marker)
        case _:
            marker.mkdir()
    done = run("window", "a.txt", "-o", "s", "-L", "8", "-q")
    assert (done.code, "s.partial already exists and was not written by gptprep" in done.err) == (1, True)
    assert (tmp_path / "victim").read_text() == "precious"
