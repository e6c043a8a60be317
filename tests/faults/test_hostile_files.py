"""Files that may hold anything are read, or there is an error that says what is wrong."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.helpers.forked import Ended, run_each
from tests.helpers.hostile_files import KINDS, MEMORY, Kind, readers, wrong
from tests.helpers.mutations import bytes_changed
from tests.helpers.trials import Trials

pytestmark = pytest.mark.faults
WHAT = "hostile files"


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("kind", KINDS)
def test_changed_file_does_no_harm(hostile_folder: Path, trials: Trials, kind: str) -> None:
    trials.drive(WHAT, "hostile_files", hostile_folder, kind, trials.planned(WHAT, len(KINDS)), 1)


@pytest.mark.parametrize(
    ("ended", "must_fail", "what"),
    [
        (Ended(0, "", 0), False, ""),
        (Ended(3, "error: x", MEMORY), False, ""),
        (Ended(3, "error: x", MEMORY + 21), False, "MB"),
        (Ended(1, "Traceback ...\nerror: x", 0), False, "traceback"),
        (Ended(1, "ouch", 0), False, "no error"),
        (Ended(-11, "", 0), False, "-11"),
        (Ended(-14, "", 0), False, "more than"),
        (Ended(0, "", 0), True, "accepted"),
    ],
)
def test_harm_is_noticed(ended: Ended, must_fail: bool, what: str) -> None:
    found = wrong(ended, b"x", must_fail)
    assert what in found
    assert bool(found) == bool(what)


def test_next_files_are_read_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def crash() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    ends = list(run_each([lambda: 0, crash, lambda: 3, lambda: os.write(1, b"said")]))
    assert [ended.code for ended in ends] == [0, -signal.SIGKILL, 3, 4]
    assert [ended.messages for ended in ends] == ["", "", "", "said"]


def test_command_that_reads_no_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="unchanged files are not read"):
        readers(Kind(["no-such-folder/manifest.json"], bytes_changed, ["verify DIR"]))
