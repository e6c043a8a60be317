"""Working folders: only those with our marker are cleared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gptprep.storage.files import MARKER
from gptprep.storage.workdir import remove
from tests.helpers.cli import Run
from tests.helpers.deep_trees import DeepTree


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


@pytest.mark.parametrize("name", ["d", "folder"])
def test_deep_trees_are_removed_whatever_their_paths_length(deep_tree: DeepTree, name: str) -> None:
    top = deep_tree(1500, name)
    remove(str(top))
    assert not top.exists()


def test_links_in_a_removed_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a").write_text("x")
    for folder in (tmp_path / "top", tmp_path / "top" / "sub"):
        folder.mkdir()
        (folder / "link").symlink_to(tmp_path / "kept")
    remove(str(tmp_path / "top"))
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "a"]


@pytest.mark.parametrize("planted", ["s.partial/deep", "s.partial/parts/deep"])
def test_deep_tree_in_a_working_folder_is_cleared(
    run: Run, tmp_path: Path, deep_tree: DeepTree, planted: str
) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    deep_tree(1500, "folder", planted)
    (tmp_path / "s.partial" / MARKER).touch()
    done = run("window", "a.txt", "-o", "s", "-L", "8", "-q")
    assert (done.code, done.err) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "s"]
