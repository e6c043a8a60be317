"""Publishing that is killed, interrupted or doubled between any two of its steps."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pytest

from gptprep import publishing
from gptprep.errors import GptprepError
from gptprep.leftovers import discard
from gptprep.publishing import publish_file
from tests.conftest import TOP
from tests.test_publishing import NEW, publish, tree


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
from tests.test_publishing import publish
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


def test_a_run_killed_between_link_and_unlink_costs_nothing(tmp_path: Path) -> None:
    target = tmp_path / "x"
    code = f"""
import os, signal
from gptprep.publishing import publish_file
link = os.link
def kill(*names):
    link(*names)
    os.kill(os.getpid(), signal.SIGKILL)
os.link = kill
with publish_file({str(target)!r}) as file:
    file.write(b"published")
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    assert target.stat().st_nlink == 2

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise ValueError

    with pytest.raises(ValueError), publish_file(str(target), force=True) as file:
        fail(file)
    assert tree(tmp_path) == {"x": "published"}
    assert target.stat().st_nlink == 1


def test_a_run_that_still_removes_what_it_replaced_is_not_disturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new folder has its name already, and the old one is going: a second run has to wait."""
    target = tmp_path / "out"
    publish(target, "old")
    refused: list[bool] = []

    def second_run_first(folder: str) -> None:
        code = f"from tests.test_publishing import *; publish(Path({str(target)!r}), 'newer', force=True)"
        if folder.endswith(".replaced") and not refused:
            second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=TOP)
            refused.append("out is being written by another run" in second.stderr)
        discard(folder)

    monkeypatch.setattr(publishing, "discard", second_run_first)
    publish(target, force=True)
    assert refused == [True]
    assert os.listdir(tmp_path) == ["out"]
    assert tree(target) == NEW


@pytest.mark.parametrize("interrupts", [1, 2])
def test_an_interrupt_while_the_old_folder_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupts: int
) -> None:
    """It comes through when the new folder has its name and the old one is gone."""
    target = tmp_path / "out"
    publish(target, "old")
    left = list(range(interrupts))

    def interrupted(folder: str) -> None:
        while folder.endswith(".replaced") and left:
            left.pop()
            signal.raise_signal(signal.SIGINT)
        discard(folder)

    monkeypatch.setattr(publishing, "discard", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish(target, force=True)
    assert tree(target) == NEW
    assert os.listdir(tmp_path) == ["out"]


def test_what_was_replaced_stays_until_the_new_name_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    publish(target, "old")

    def broken(folder: str) -> None:
        if folder == str(tmp_path):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(publishing, "sync_folder", broken)
    with pytest.raises(GptprepError, match="Input/output error"):
        publish(target, force=True)
    assert tree(tmp_path / "out.replaced") == dict.fromkeys(NEW, "old")
    monkeypatch.undo()
    publish(target, "newer", force=True)
    assert os.listdir(tmp_path) == ["out"]
