"""A fault at every step at which a run changes the disk.

The output is the old one or none, nothing is lost, no process is left, and the next run succeeds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.helpers.survival import COMMANDS, arguments
from tests.helpers.trials import Trials

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="only there the workers of a killed run end at once"),
]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("kill", "SIGKILL before a step that changes the disk"),
        ("full", "no space at a step that changes the disk"),
    ],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_failed_step_loses_nothing(folder: Path, trials: Trials, name: str, kind: str, what: str) -> None:
    assert trials.drive(what, "disk_steps", folder, kind, *arguments(name, folder)) >= 5
