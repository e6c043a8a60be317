"""Publishing: whole or not at all, whatever goes wrong."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pytest

from gptprep import files
from gptprep.errors import DamagedData, GptprepError, TextError, os_errors
from gptprep.files import publish_file, publish_folder


def is_ours(path: str) -> bool:
    return os.path.exists(os.path.join(path, "ours"))


def make(folder: str, text: str = "new") -> None:
    for name in ("ours", "sub/data"):
        path = Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def tree(top: Path) -> dict[str, str]:
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


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
from gptprep.files import publish_file
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


def test_a_users_folder_with_our_temporary_name_is_not_touched(tmp_path: Path) -> None:
    users = tmp_path / "out.partial"
    users.mkdir()
    (users / "thesis.txt").write_text("precious")
    with pytest.raises(GptprepError, match="is not gptprep's"):
        publish(tmp_path / "out", force=True)
    assert tree(tmp_path) == {"out.partial/thesis.txt": "precious"}


class Steps(NamedTuple):
    """A run of `publish_folder` that is killed when it is about to make its nth change of names."""

    code: str

    def killed_at(self, step: int) -> bool:
        done = subprocess.run([sys.executable, "-c", self.code, str(step)])
        assert done.returncode in (0, -9)
        return done.returncode == -9


@pytest.fixture
def replacing(tmp_path: Path) -> Steps:
    return Steps(
        f"""
import os, shutil, signal, sys
step = int(sys.argv[1])
def killing(function):
    def wrapper(*arguments, **options):
        global step
        step -= 1
        if step < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return wrapper
for name in ("rename", "unlink", "rmdir", "replace", "fsync", "makedirs"):
    setattr(os, name, killing(getattr(os, name)))
shutil.rmtree = killing(shutil.rmtree)
from tests.test_files import publish
from pathlib import Path
publish(Path({str(tmp_path / "out")!r}), "new", force=True)
"""
    )


def test_killed_between_any_two_steps_the_old_or_the_new_folder_survives(
    tmp_path: Path, replacing: Steps
) -> None:
    target = tmp_path / "out"
    step = kills = 0
    while True:
        publish(target, "old", force=True)
        killed = replacing.killed_at(step)
        visible = tree(target) if target.exists() else tree(tmp_path / "out.replaced")
        assert visible in (NEW, dict.fromkeys(NEW, "old"))
        publish(target, force=True)
        assert tree(target) == NEW
        assert os.listdir(tmp_path) == ["out"]
        if not killed:
            break
        step += 1
        kills += 1
    assert kills >= 10


# The rest


def test_free_space(tmp_path: Path) -> None:
    files.require_free_space(str(tmp_path / "not" / "there"), 1)
    with pytest.raises(GptprepError, match="not enough disk space"):
        files.require_free_space(str(tmp_path / "x"), 1 << 62)


def test_json_is_the_same_everywhere() -> None:
    class Pair(NamedTuple):
        a: int
        b: tuple[int, ...]

    assert (
        files.json_bytes({"é": Pair(1, (2,))})
        == '{\n  "é": {\n    "a": 1,\n    "b": [\n      2\n    ]\n  }\n}\n'.encode()
    )


def test_json_of_others(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for data in (b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000):
        path.write_bytes(data)
        with pytest.raises(DamagedData, match="not valid JSON"):
            files.read_json(str(path))
    with pytest.raises(DamagedData, match="too large"):
        files.read_json(str(path), max_bytes=10)


@pytest.mark.parametrize(
    "error", [GptprepError("a", "b", "c"), DamagedData("a"), TextError("a", "b", "c", 7)]
)
def test_errors_cross_process_borders(error: Any) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), vars(copy), str(copy)) == (type(error), vars(error), str(error))


def test_os_errors_say_what_to_do() -> None:
    with pytest.raises(GptprepError) as caught, os_errors("read", "x"):
        raise FileNotFoundError(2, "No such file or directory")
    assert (str(caught.value), caught.value.fix) == (
        "cannot read x: No such file or directory",
        "check the path",
    )
    with pytest.raises(BrokenPipeError), os_errors("write", "x"):
        raise BrokenPipeError
