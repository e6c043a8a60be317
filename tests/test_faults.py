"""A fault at every step at which a run changes the disk: old output or none is visible, and nothing is lost.

What was tried is counted in the last line of each driver's output; see `tests/faults.py`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SAMPLES, TOP

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


@pytest.mark.parametrize("kind", ["kill", "full"])
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_lost_whatever_step_fails(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "c").mkdir()
    for sample in ("poem.txt", "letters_crlf.txt"):
        shutil.copy(SAMPLES / sample, tmp_path / "c")
    before = {
        "embed": ["window", "c", "-o", "shards", "-L", "32", "-T", "v.json"],
        "window --force": ["window", "c", "-o", "old", "-L", "16", "-T", "v.json"],
        "encode --force": ["encode", "c", "-o", "old.npy", "-T", "v.json"],
    }
    for arguments in (["vocab", "c", "-o", "v.json"], before.get(name)):
        if arguments:
            command = [sys.executable, "-m", "gptprep", *arguments, "-q"]
            subprocess.run(command, cwd=tmp_path, check=True)
    if name == "encode --force":
        (tmp_path / "old.npy").rename(tmp_path / "old")
    command = [sys.executable, "-m", "tests.faults", str(tmp_path), kind, *COMMANDS[name].split()]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["wrong"] == []
    assert found["tried"] >= 5
