"""Publishing that is killed between any two of its steps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pytest

from gptprep.publishing import publish_file
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
