"""Free space, and what a folder holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from gptprep.errors import GptprepError
from gptprep.storage.files import foreign_entry, require_free_space, walk
from tests.helpers.deep_trees import DeepTree


def test_missing_disk_space_is_an_error(tmp_path: Path) -> None:
    require_free_space(str(tmp_path / "not" / "there"), 1)
    with pytest.raises(GptprepError, match="not enough disk space"):
        require_free_space(str(tmp_path / "x"), 1 << 62)


def test_folder_with_links_or_empty_folders_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("x")
    assert foreign_entry(str(tmp_path), ["sub/a"]) == ""
    (tmp_path / "empty").mkdir()
    assert foreign_entry(str(tmp_path), ["sub/a"]) == "empty"
    (tmp_path / "empty").rmdir()
    (tmp_path / "link").symlink_to("sub")
    assert foreign_entry(str(tmp_path), ["sub/a"]) == "link"


def test_file_at_the_place_of_a_named_folder_is_foreign_and_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "sub").write_text("mine")
    assert foreign_entry(str(tmp_path), ["sub/a"]) == "sub"
    (tmp_path / "sub").unlink()
    (tmp_path / "sub" / "a").mkdir(parents=True)
    assert foreign_entry(str(tmp_path), ["sub/a"]) == "sub/a"


def test_files_that_desktops_leave_are_not_foreign(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in (".DS_Store", "sub/.DS_Store", "sub/Thumbs.db"):
        (tmp_path / name).write_text("x")
    assert foreign_entry(str(tmp_path), ["sub/a"]) == ""


def test_walk_goes_to_any_depth_that_a_path_can_have(deep_tree: DeepTree) -> None:
    top = deep_tree(1000, "d")
    assert [files for _, _, files in walk(str(top)) if files] == [["a.txt"]]
    too_deep = deep_tree(1000, "folder")
    with pytest.raises(GptprepError, match="paths of files in it are longer than the system allows"):
        list(walk(str(too_deep)))
