"""Full disks and limits on the size of files are errors, and nothing half-written is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.cli import GPTPREP
from tests.helpers.trials import Trials

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


@pytest.fixture(scope="module")
def may_mount(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether this system lets a test mount a file system."""
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(tmp_path_factory.mktemp("mount"))]
    try:
        return subprocess.run([*OWN_MOUNTS, *mount], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("command", COMMANDS)
def test_file_size_limit_is_an_error(folder: Path, trials: Trials, command: str) -> None:
    assert trials.drive("full disks", "small_disks", folder, "limit", *command.split()) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_full_disk_is_an_error(folder: Path, trials: Trials, may_mount: bool, command: str) -> None:
    if not may_mount:
        pytest.skip("this system does not let a test mount a file system")
    arguments = command.split()
    assert trials.drive("full disks", "small_disks", folder, "disk", *arguments, within=OWN_MOUNTS) >= 3


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
@pytest.mark.parametrize(
    ("arguments", "code"), [("encode nowhere", 1), ("encode -t x -o x.gz", 2), ("verify .", 1)]
)
def test_error_that_cannot_be_written_does_not_change_the_exit_code(
    tmp_path: Path, arguments: str, code: int
) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*GPTPREP, *arguments.split()], cwd=tmp_path, stderr=full)
    assert done.returncode == code
