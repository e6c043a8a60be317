"""Publishing that is killed, interrupted or started twice between any two of its steps."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from gptprep.errors import GptprepError
from gptprep.storage import publish as publishing
from gptprep.storage.publish import publish_file
from gptprep.storage.workdir import discard
from tests.helpers.children import run_in_child
from tests.helpers.publishing import NEW, OLD, publish, texts

pytestmark = pytest.mark.faults
STEPS = [(os, name) for name in ("rename", "unlink", "rmdir", "replace", "fsync", "makedirs")]


def kill_self() -> None:
    """End this process as a power failure would."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_before_step(step: int) -> None:
    """Let this process be killed when it is about to make its nth change of names."""
    left = step

    def killing(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                kill_self()
            return function(*arguments, **options)

        return wrapper

    for module, name in [*STEPS, (shutil, "rmtree")]:
        setattr(module, name, killing(getattr(module, name)))


def test_old_or_new_folder_survives_a_kill_between_any_two_steps(tmp_path: Path) -> None:
    target = tmp_path / "out"

    def is_killed_before(step: int) -> bool:
        def replace() -> None:
            kill_before_step(step)
            publish(target, force=True)

        code = run_in_child(replace, tmp_path).code
        assert code in (0, -signal.SIGKILL)
        return code != 0

    kills, was_killed = 0, True
    while was_killed:
        publish(target, "old", force=True)
        was_killed = is_killed_before(kills)
        visible = texts(target) if target.exists() else texts(tmp_path / "out.replaced")
        assert visible in (NEW, OLD)
        publish(target, force=True)
        assert texts(target) == NEW
        assert os.listdir(tmp_path) == ["out"]
        kills += was_killed
    assert kills >= 10


def test_leftover_file_of_a_killed_run_is_written_over(tmp_path: Path) -> None:
    target = tmp_path / "x"

    def write_half() -> None:
        with publish_file(str(target)) as file:
            file.write(b"a long half of a file")
            file.flush()
            kill_self()

    assert run_in_child(write_half, tmp_path).code == -signal.SIGKILL
    assert not target.exists()
    with publish_file(str(target)) as file:
        file.write(b"whole")
    assert texts(tmp_path) == {"x": "whole"}


def test_file_of_a_run_killed_between_link_and_unlink_stays_published(tmp_path: Path) -> None:
    target = tmp_path / "x"

    def killed_after_link() -> None:
        link = os.link

        def link_and_kill(*names: str) -> None:
            link(*names)
            kill_self()

        os.link = link_and_kill  # type: ignore[assignment]
        with publish_file(str(target)) as file:
            file.write(b"published")

    assert run_in_child(killed_after_link, tmp_path).code == -signal.SIGKILL
    assert target.stat().st_nlink == 2

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise ValueError

    with pytest.raises(ValueError), publish_file(str(target), force=True) as file:
        fail(file)
    assert texts(tmp_path) == {"x": "published"}
    assert target.stat().st_nlink == 1


def test_second_run_is_refused_while_the_first_still_removes_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    publish(target, "old")
    messages: list[str] = []

    def second_run_first(folder: str) -> None:
        if folder.endswith(".replaced") and not messages:
            messages.append("")
            messages.append(run_in_child(lambda: publish(target, "newer", force=True), tmp_path).messages)
        discard(folder)

    monkeypatch.setattr(publishing, "discard", second_run_first)
    publish(target, force=True)
    assert len(messages) == 2
    assert "out is being written by another run" in messages[1]
    assert os.listdir(tmp_path) == ["out"]
    assert texts(target) == NEW


@pytest.mark.parametrize("interrupts", [1, 2])
def test_interrupt_arrives_when_the_new_folder_is_in_place_and_the_old_one_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupts: int
) -> None:
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
    assert texts(target) == NEW
    assert os.listdir(tmp_path) == ["out"]


def test_old_folder_stays_until_the_new_name_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    publish(target, "old")

    def failing_sync(folder: str) -> None:
        if folder == str(tmp_path):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(publishing, "sync_folder", failing_sync)
    with pytest.raises(GptprepError, match="Input/output error"):
        publish(target, force=True)
    assert texts(tmp_path / "out.replaced") == OLD
    monkeypatch.undo()
    publish(target, "newer", force=True)
    assert os.listdir(tmp_path) == ["out"]
