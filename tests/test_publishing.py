"""Publishing: whole or not at all, whatever goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from gptprep import files
from gptprep.errors import GptprepError, WrongUsage
from gptprep.publishing import check_file_output, check_folder_output, publish_file, publish_folder


def is_ours(path: str) -> bool:
    return os.path.exists(os.path.join(path, "ours"))


def make(folder: str, text: str = "new") -> None:
    for name in ("ours", "sub/data"):
        path = Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def tree(top: Path) -> dict[str, str]:
    """The files below a folder, without the mark that a kill can leave."""
    paths = (path for path in sorted(top.rglob("*")) if path.is_file() and path.name != files.MARKER)
    return {str(path.relative_to(top)): path.read_text() for path in paths}


# Files


def test_a_file_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "x.bin"
    with publish_file(str(target)) as file:
        file.write(b"abc")
        assert not target.exists()
    assert target.read_bytes() == b"abc"
    assert os.listdir(target.parent) == ["x.bin"]


def test_a_failed_block_leaves_nothing_and_keeps_the_old(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"old")
    for error in (ValueError, KeyboardInterrupt):

        def fail(file: BinaryIO, error: type[BaseException] = error) -> None:
            file.write(b"half")
            raise error

        with pytest.raises(error), publish_file(str(target), force=True) as file:
            fail(file)
    assert tree(tmp_path) == {"x": "old"}


def test_an_existing_file_needs_force(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"a long old text")
    with pytest.raises(GptprepError, match="already exists"), publish_file(str(target)):
        pass
    with publish_file(str(target), force=True) as file:
        file.write(b"new")
    assert tree(tmp_path) == {"x": "new"}


def test_outputs_that_cannot_be(tmp_path: Path) -> None:
    for target, what in ((tmp_path, "is a folder"), (Path(os.devnull), "is not a regular file")):
        with pytest.raises(GptprepError, match=what), publish_file(str(target), force=True):
            pass
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GptprepError, match="cannot write"), publish_file(str(tmp_path / "file" / "x")):
        pass


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with publish_file(str(tmp_path / "link"), force=True) as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_leftovers_of_a_killed_run_are_written_over(tmp_path: Path) -> None:
    target = tmp_path / "x"
    code = f"""
import os, signal
from gptprep.publishing import publish_file
with publish_file({str(target)!r}) as file:
    file.write(b"a long half of a file"); file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    assert not target.exists()
    with publish_file(str(target)) as file:
        file.write(b"whole")
    assert tree(tmp_path) == {"x": "whole"}


def test_two_runs_to_one_output(tmp_path: Path) -> None:
    other = "is being written by another run"
    with publish_file(str(tmp_path / "x")) as file:
        with pytest.raises(GptprepError, match=other), publish_file(str(tmp_path / "x")):
            pass
        file.write(b"first")
    with publish_folder(str(tmp_path / "d"), force=False, is_ours=is_ours) as folder:
        make(folder, "first")
        with (
            pytest.raises(GptprepError, match=other),
            publish_folder(str(tmp_path / "d"), force=True, is_ours=is_ours),
        ):
            pass
    assert tree(tmp_path) == {"x": "first", "d/ours": "first", "d/sub/data": "first"}


# Folders


def publish(target: Path, text: str = "new", *, force: bool = False) -> None:
    with publish_folder(str(target), force=force, is_ours=is_ours) as folder:
        make(folder, text)
        assert not target.exists() or force or not os.listdir(target)


NEW = {"ours": "new", "sub/data": "new"}


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    publish(tmp_path / "a" / "out")
    assert tree(tmp_path / "a") == {"out/ours": "new", "out/sub/data": "new"}


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    publish(tmp_path / "out")
    assert tree(tmp_path / "out") == NEW


def test_force_replaces_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out"
    publish(target, "old")
    with pytest.raises(GptprepError, match="already exists"):
        publish(target)
    assert tree(target)["ours"] == "old"
    publish(target, force=True)
    assert os.listdir(tmp_path) == ["out"]
    assert tree(target) == NEW
    (target / "ours").unlink()
    with pytest.raises(GptprepError, match="is not gptprep's"):
        publish(target, force=True)
    assert tree(tmp_path) == {"out/sub/data": "new"}


def test_a_failed_block_keeps_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "out"
    publish(target, "old")

    def fail(folder: str) -> None:
        make(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), publish_folder(str(target), force=True, is_ours=is_ours) as folder:
        fail(folder)
    assert os.listdir(tmp_path) == ["out"]
    assert tree(target)["ours"] == "old"


@pytest.mark.parametrize("name", ["out.partial", "out.replaced"])
def test_a_users_folder_with_our_temporary_name_is_not_touched(tmp_path: Path, name: str) -> None:
    users = tmp_path / name
    publish(users, "a finished dataset of ours")
    publish(tmp_path / "other")
    before = tree(tmp_path)
    for target, force in ((tmp_path / "out", False), (tmp_path / "out", True)):
        if name == "out.partial":
            with pytest.raises(GptprepError, match="is not gptprep's"):
                publish(target, force=force)
            assert tree(tmp_path) == before
            continue
        publish(target, force=force) if not force else None
        with pytest.raises(GptprepError, match=r"out.replaced already exists and is not gptprep's"):
            publish(target, "newer", force=True)
        assert tree(users)["ours"] == "a finished dataset of ours"


def test_what_comes_during_the_run_is_not_replaced(tmp_path: Path) -> None:
    def late_folder(folder: str) -> None:
        make(folder)
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "ours").write_text("late")

    with (
        pytest.raises(GptprepError, match="already exists"),
        publish_folder(str(tmp_path / "out"), force=False, is_ours=is_ours) as folder,
    ):
        late_folder(folder)
    with pytest.raises(GptprepError, match="came while this run"), publish_file(str(tmp_path / "x")) as file:
        file.write(b"new")
        (tmp_path / "x").write_bytes(b"late")
    assert tree(tmp_path) == {"out/ours": "late", "x": "late"}


def test_planted_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / f".x{files.MARKER}").symlink_to("victim")
    (tmp_path / "folder").mkdir()
    (tmp_path / "out.partial").symlink_to("folder")
    with pytest.raises(GptprepError, match="symbolic links"), publish_file(str(tmp_path / "x")):
        pass
    with pytest.raises(GptprepError, match=r"symbolic links|Not a directory"):
        publish(tmp_path / "out")
    assert (tmp_path / "victim").read_text() == "precious"


def test_modes_are_kept(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o600)
    (tmp_path / "out").mkdir(mode=0o700)
    with publish_file(str(tmp_path / "x"), force=True) as file:
        file.write(b"new")
    publish(tmp_path / "out")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("x", "out")] == [0o600, 0o700]


def test_folders_made_for_a_failed_output_go_again(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError), publish_file(str(tmp_path / "a" / "b" / "x")):
        fail()
    with (
        pytest.raises(ValueError),
        publish_folder(str(tmp_path / "a" / "b" / "out"), force=False, is_ours=is_ours),
    ):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_are_inputs_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("text")
    (tmp_path / "link").symlink_to("a")
    for name in ("a", "link"):
        with pytest.raises(GptprepError, match="is one of the inputs"):
            check_file_output(str(tmp_path / name), force=True, inputs=[str(tmp_path / "a")])
    monkeypatch.chdir(tmp_path)
    for wrong in ("", "-"):
        with pytest.raises(WrongUsage):
            check_folder_output(wrong, force=True, is_ours=is_ours)
    with pytest.raises(WrongUsage, match="no name"):
        check_file_output("", force=True)
    for folder in (".", str(tmp_path), str(tmp_path.parent)):
        with pytest.raises(GptprepError, match="the current folder is in"):
            check_folder_output(folder, force=True, is_ours=is_ours)
    with pytest.raises(GptprepError, match="is a mount point"):
        check_folder_output("/proc", force=True, is_ours=is_ours)


def test_links_and_empty_folders_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("x")
    assert files.holds_only(str(tmp_path), ["sub/a"])
    (tmp_path / "empty").mkdir()
    assert not files.holds_only(str(tmp_path), ["sub/a"])
    (tmp_path / "empty").rmdir()
    (tmp_path / "link").symlink_to("sub")
    assert not files.holds_only(str(tmp_path), ["sub/a"])


def test_an_output_folder_never_holds_an_input(tmp_path: Path) -> None:
    publish(tmp_path / "out")
    for name in ("out/ours", "out/sub/data"):
        inputs = [str(tmp_path / name)]
        with pytest.raises(GptprepError, match=r"the input .* is in"):
            check_folder_output(str(tmp_path / "out"), force=True, is_ours=is_ours, inputs=inputs)
