"""Disks that are really full, and limits on the size of files: an error, and nothing half-written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SAMPLES
from tests.trials import Trials

pytestmark = pytest.mark.faults
COMMANDS = [
    "window c -o out -T v.json -L 32 -q --workers 1",
    "window c.jsonl -o out -T v.json -L 32 -q --workers 2",
    "window c.jsonl -o out -T v.json -L 32 -q --force --shuffle --layout tokens --boundary document",
    "encode c.jsonl -o out.npy -T v.json -q",
    "vocab c -o out.json -q",
    "embed shards -o out --dim 8 --device cpu -q",
]
OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Text as files and as JSON lines (of which no plan knows how much they give), and shards."""
    (tmp_path / "c").mkdir()
    texts = []
    for sample in ("poem.txt", "letters_crlf.txt", "dialogue.txt"):
        texts.append((SAMPLES / sample).read_bytes().decode())
        shutil.copy(SAMPLES / sample, tmp_path / "c")
    (tmp_path / "c.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    for command in (
        "vocab c -o v.json",
        "window c -o shards -L 32 -T v.json",
        "window c -o old -L 16 -T v.json",
    ):
        subprocess.run([sys.executable, "-m", "gptprep", *command.split(), "-q"], cwd=tmp_path, check=True)
    return tmp_path


def may_mount(folder: Path) -> bool:
    """Whether this system lets us have file systems of our own."""
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(folder)]
    try:
        return subprocess.run([*OWN_MOUNTS, *mount], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("command", COMMANDS)
def test_a_limit_that_is_too_small(folder: Path, trials: Trials, command: str) -> None:
    assert trials.drive("full disks", "small_disks", folder, "limit", *command.split()) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_that_is_too_small(folder: Path, trials: Trials, command: str) -> None:
    if not may_mount(folder):
        pytest.skip("this system does not let a test mount a file system")
    arguments = command.split()
    assert trials.drive("full disks", "small_disks", folder, "disk", *arguments, within=OWN_MOUNTS) >= 3


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_errors_that_cannot_be_written_change_no_exit_code(tmp_path: Path) -> None:
    for arguments, code in (("encode nowhere", 1), ("encode -t x -o x.gz", 2), ("verify .", 1)):
        command = [sys.executable, "-m", "gptprep", *arguments.split()]
        with open("/dev/full", "wb") as full:
            assert subprocess.run(command, cwd=tmp_path, stderr=full).returncode == code
