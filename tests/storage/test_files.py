"""Free space, and what a folder holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from gptprep.errors import GptprepError
from gptprep.storage.files import holds_only, require_free_space


def test_missing_disk_space_is_an_error(tmp_path: Path) -> None:
    require_free_space(str(tmp_path / "not" / "there"), 1)
    with pytest.raises(GptprepError, match="not enough disk space"):
        require_free_space(str(tmp_path / "x"), 1 << 62)


def test_folder_with_links_or_empty_folders_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("x")
    assert holds_only(str(tmp_path), ["sub/a"])
    (tmp_path / "empty").mkdir()
    assert not holds_only(str(tmp_path), ["sub/a"])
    (tmp_path / "empty").rmdir()
    (tmp_path / "link").symlink_to("sub")
    assert not holds_only(str(tmp_path), ["sub/a"])
