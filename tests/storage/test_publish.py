"""Publishing: complete or not at all, whatever goes wrong."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO, Self

import pytest

from gptprep.errors import GptprepError, UsageError
from gptprep.storage.files import MARKER
from gptprep.storage.publish import (
    check_file_output,
    check_folder_output,
    kept_bytes,
    publish_file,
    publish_folder,
)
from tests.helpers.cli import Run
from tests.helpers.publishing import NEW, not_ours, publish, texts, write_files

# Files


def test_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "x.bin"
    with publish_file(str(target)) as file:
        file.write(b"abc")
        assert not target.exists()
    assert target.read_bytes() == b"abc"
    assert os.listdir(target.parent) == ["x.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failed_block_keeps_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise error

    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(error), publish_file(str(tmp_path / "x"), force=True) as file:
        fail(file)
    assert texts(tmp_path) == {"x": "old"}


def test_existing_file_is_replaced_only_with_force(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"a long old text")
    with pytest.raises(GptprepError, match="already exists"), publish_file(str(target)):
        pass
    with publish_file(str(target), force=True) as file:
        file.write(b"new")
    assert texts(tmp_path) == {"x": "new"}


def test_folder_device_and_file_below_a_file_are_refused(tmp_path: Path) -> None:
    for target, what in ((tmp_path, "is a folder"), (Path(os.devnull), "is not a regular file")):
        with pytest.raises(GptprepError, match=what), publish_file(str(target), force=True):
            pass
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GptprepError, match="cannot write"), publish_file(str(tmp_path / "file" / "x")):
        pass


def test_link_to_the_output_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with publish_file(str(tmp_path / "link"), force=True) as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("output", ["/dev/stdout", "/proc/nothing.npy", "/dev/fd/1"])
@pytest.mark.skipif(sys.platform != "linux", reason="the files of /proc are those of Linux")
def test_pipes_and_impossible_files_are_refused_as_output(run: Run, tmp_path: Path, output: str) -> None:
    (tmp_path / "a.txt").write_text("one two three")
    for arguments in (("encode", "a.txt"), ("decode", "1", "2"), ("window", "a.txt")):
        done = run(*arguments, "-o", output)
        assert (done.code, "error: " in done.err, "Traceback" in done.err) == (1, True, False)


# Folders


def test_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    publish(tmp_path / "a" / "out")
    assert texts(tmp_path / "a") == {"out/ours": "new", "out/sub/data": "new"}


def test_empty_folder_is_replaced_without_force(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    publish(tmp_path / "out")
    assert texts(tmp_path / "out") == NEW


def test_force_replaces_only_folders_that_are_ours(tmp_path: Path) -> None:
    target = tmp_path / "out"
    publish(target, "old")
    with pytest.raises(GptprepError, match="already exists"):
        publish(target)
    assert texts(target)["ours"] == "old"
    publish(target, force=True)
    assert os.listdir(tmp_path) == ["out"]
    assert texts(target) == NEW
    (target / "ours").unlink()
    with pytest.raises(GptprepError, match="was not written by gptprep"):
        publish(target, force=True)
    assert texts(tmp_path) == {"out/sub/data": "new"}


def test_failed_block_keeps_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "out"
    publish(target, "old")

    def fail(folder: str) -> None:
        write_files(folder)
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        publish_folder(str(target), force=True, not_ours=not_ours) as folder,
    ):
        fail(folder)
    assert os.listdir(tmp_path) == ["out"]
    assert texts(target)["ours"] == "old"


@pytest.mark.parametrize("force", [False, True])
def test_users_folder_with_the_partial_name_is_not_touched(tmp_path: Path, force: bool) -> None:
    publish(tmp_path / "out.partial", "a finished dataset of ours")
    publish(tmp_path / "other")
    before = texts(tmp_path)
    with pytest.raises(GptprepError, match="was not written by gptprep"):
        publish(tmp_path / "out", force=force)
    assert texts(tmp_path) == before


def test_users_folder_with_the_replaced_name_is_not_touched(tmp_path: Path) -> None:
    target, users = tmp_path / "out", tmp_path / "out.replaced"
    publish(users, "a finished dataset of ours")
    publish(target)
    for _ in range(2):
        with pytest.raises(GptprepError, match=r"out.replaced already exists and was not written by gptprep"):
            publish(target, "newer", force=True)
        assert texts(users)["ours"] == "a finished dataset of ours"


def test_read_only_output_is_refused_before_the_work(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    window = ("window", "a.txt", "-o", "s", "-L", "8", "-q")
    assert run(*window).code == 0
    (tmp_path / "s").chmod(0o555)
    done = run(*window, "--force")
    if os.geteuid():
        assert (done.code, "cannot be replaced" in done.err) == (1, True)
    else:  # nothing is read-only for root
        assert (done.code, (tmp_path / "s").stat().st_mode & 0o777) == (0, 0o555)
    assert not (tmp_path / "s.partial").exists()


# Files and folders


def test_second_run_to_an_output_is_refused(tmp_path: Path) -> None:
    other, target = "is being written by another run", str(tmp_path / "d")
    with publish_file(str(tmp_path / "x")) as file:
        with pytest.raises(GptprepError, match=other), publish_file(str(tmp_path / "x")):
            pass
        file.write(b"first")
    with publish_folder(target, force=False, not_ours=not_ours) as folder:
        write_files(folder, "first")
        with pytest.raises(GptprepError, match=other), publish_folder(target, force=True, not_ours=not_ours):
            pass
    assert texts(tmp_path) == {"x": "first", "d/ours": "first", "d/sub/data": "first"}


def test_output_that_appears_during_the_run_is_not_replaced(tmp_path: Path) -> None:
    def late_folder(folder: str) -> None:
        write_files(folder)
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "ours").write_text("late")

    with (
        pytest.raises(GptprepError, match="already exists"),
        publish_folder(str(tmp_path / "out"), force=False, not_ours=not_ours) as folder,
    ):
        late_folder(folder)
    appeared = "already exists: it appeared during this run"
    with pytest.raises(GptprepError, match=appeared), publish_file(str(tmp_path / "x")) as file:
        file.write(b"new")
        (tmp_path / "x").write_bytes(b"late")
    assert texts(tmp_path) == {"out/ours": "late", "x": "late"}


def test_kept_files_that_vanish_are_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept_bytes(str(tmp_path / "out"), "work") == 0
    work = tmp_path / "out.partial" / "work"
    work.mkdir(parents=True)
    for name in ("a", "b"):
        (work / name).write_bytes(b"123")
    assert kept_bytes(str(tmp_path / "out"), "work") == 6
    scandir = os.scandir

    class Listed(list[os.DirEntry[str]]):
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

    def listed_before_another_run_ends(path: str) -> Listed:
        with scandir(path) as entries:
            found = Listed(entries)
        (work / "a").unlink()
        return found

    monkeypatch.setattr(os, "scandir", listed_before_another_run_ends)
    assert kept_bytes(str(tmp_path / "out"), "work") == 3


def test_planted_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / f".x{MARKER}").symlink_to("victim")
    (tmp_path / "folder").mkdir()
    (tmp_path / "out.partial").symlink_to("folder")
    with pytest.raises(GptprepError, match="symbolic links"), publish_file(str(tmp_path / "x")):
        pass
    with pytest.raises(GptprepError, match=r"symbolic links|Not a directory"):
        publish(tmp_path / "out")
    assert (tmp_path / "victim").read_text() == "precious"


def test_replaced_output_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o600)
    (tmp_path / "out").mkdir(mode=0o700)
    with publish_file(str(tmp_path / "x"), force=True) as file:
        file.write(b"new")
    publish(tmp_path / "out")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("x", "out")] == [0o600, 0o700]


def test_parent_folders_of_a_failed_output_are_removed(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError), publish_file(str(tmp_path / "a" / "b" / "x")):
        fail()
    with (
        pytest.raises(ValueError),
        publish_folder(str(tmp_path / "a" / "b" / "out"), force=False, not_ours=not_ours),
    ):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_output_that_is_an_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    (tmp_path / "link").symlink_to("a")
    for name in ("a", "link"):
        with pytest.raises(GptprepError, match="is read by this run"):
            check_file_output(str(tmp_path / name), force=True, inputs=[str(tmp_path / "a")])


def test_output_folder_that_holds_an_input_is_refused(tmp_path: Path) -> None:
    publish(tmp_path / "out")
    for name in ("out/ours", "out/sub/data"):
        inputs = [str(tmp_path / name)]
        with pytest.raises(GptprepError, match=r"the input .* is in"):
            check_folder_output(str(tmp_path / "out"), force=True, not_ours=not_ours, inputs=inputs)


def test_output_without_a_usable_name_is_a_usage_error() -> None:
    for wrong in ("", "-"):
        with pytest.raises(UsageError):
            check_folder_output(wrong, force=True, not_ours=not_ours)
    with pytest.raises(UsageError, match="no name"):
        check_file_output("", force=True)


def test_current_folder_and_mount_point_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (".", str(tmp_path), str(tmp_path.parent)):
        with pytest.raises(GptprepError, match="the current folder is in"):
            check_folder_output(folder, force=True, not_ours=not_ours)
    with pytest.raises(GptprepError, match="is a mount point"):
        check_folder_output("/proc", force=True, not_ours=not_ours)


@pytest.mark.parametrize("name", ["x", "x/out", "y"])
def test_link_that_leads_back_to_itself_is_no_output(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").symlink_to("y")
    (tmp_path / "y").symlink_to("x")
    path = str(tmp_path / name)
    with pytest.raises(GptprepError, match="is a link that leads back to itself"):
        check_file_output(path, force=True)
    with pytest.raises(GptprepError, match="is a link that leads back to itself"):
        check_folder_output(path, force=True, not_ours=not_ours)
