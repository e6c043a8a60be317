"""A fault at every step at which a run changes the disk, and an end at a random moment.

Old output or none is visible, nothing is lost, no process stays, and the next run ends well.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SAMPLES
from tests.trials import Trials

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="only there the workers of a killed run end at once"),
]

WINDOW = "window c -o out -T v.json -L 32 -q --workers"
COMMANDS = {
    "window": f"{WINDOW} 1",
    "window, two workers": f"{WINDOW} 2",
    "window --force": f"{WINDOW} 1 --force --layout tokens --boundary document --shuffle --val-fraction 0.2",
    "encode": "encode c/poem.txt -o out.npy -T v.json -q",
    "encode --force": "encode c/poem.txt -o out.npy -T v.json -q --force",
    "encode, large": "encode c -o out.bin -T v.json -q --workers 1",
    "vocab": "vocab c -o out.json -q --workers 1",
    "embed": "embed shards -o out --dim 4 --device cpu -q",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two texts, a vocabulary, shards, and what was there before a run with --force."""
    (tmp_path / "c").mkdir()
    for sample in ("poem.txt", "letters_crlf.txt"):
        shutil.copy(SAMPLES / sample, tmp_path / "c")
    for command in (
        "vocab c -o v.json",
        "window c -o shards -L 32 -T v.json",
        "window c -o old -L 16 -T v.json",
        "encode c -o old.npy -T v.json",
    ):
        subprocess.run([sys.executable, "-m", "gptprep", *command.split(), "-q"], cwd=tmp_path, check=True)
    return tmp_path


def prepared(folder: Path, name: str) -> list[str]:
    """A command whose output was another before."""
    if name == "encode --force":
        shutil.rmtree(folder / "old")
        (folder / "old.npy").rename(folder / "old")
    return COMMANDS[name].split()


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("kill", "SIGKILL before a step that changes the disk"),
        ("full", "no space at a step that changes the disk"),
    ],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_lost_whatever_step_fails(
    folder: Path, trials: Trials, name: str, kind: str, what: str
) -> None:
    assert trials.drive(what, "faults", folder, kind, *prepared(folder, name)) >= 5


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("kill", "SIGKILL at a random moment"),
        ("interrupt", "SIGINT at a random moment"),
        ("terminate", "SIGTERM at a random moment"),
    ],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_lost_whenever_a_run_is_ended(
    folder: Path, trials: Trials, name: str, kind: str, what: str
) -> None:
    count = trials.planned(what, len(COMMANDS))
    trials.drive(what, "moments", folder, kind, count, 1, *prepared(folder, name))


def test_a_worker_that_dies_is_an_error(folder: Path, trials: Trials) -> None:
    what = "SIGKILL to a worker"
    command = COMMANDS["window, two workers"].split()
    trials.drive(what, "moments", folder, "worker", trials.planned(what), 1, *command)
