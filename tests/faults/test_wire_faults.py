"""Inputs in an object store whose connections break: the bytes are those of the same files on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.trials import Trials

WHAT = "faults on the wire to an object store"
TESTS = 4


@pytest.mark.faults
@pytest.mark.parametrize("number", range(TESTS))
def test_faults_on_the_wire_lose_nothing(tmp_path: Path, trials: Trials, number: int) -> None:
    count = trials.planned(WHAT, TESTS)
    assert trials.drive(WHAT, "wire_faults", tmp_path, number * count, count) == count
