"""Runs that are ended at a random moment.

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
        ("kill", "SIGKILL at a random moment"),
        ("interrupt", "SIGINT at a random moment"),
        ("terminate", "SIGTERM at a random moment"),
    ],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_ended_run_loses_nothing(folder: Path, trials: Trials, name: str, kind: str, what: str) -> None:
    count = trials.planned(what, len(COMMANDS))
    trials.drive(what, "moments", folder, kind, count, 1, *arguments(name, folder))


def test_killed_worker_is_an_error(folder: Path, trials: Trials) -> None:
    what = "SIGKILL to a worker"
    count = trials.planned(what)
    trials.drive(what, "moments", folder, "worker", count, 1, *arguments("window, two workers", folder))
