"""Job arrays whose processes are killed at random moments and started again give what one process gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.trials import Trials

WHAT = "SIGKILL to processes of a job array"


@pytest.mark.faults
def test_killed_job_arrays_give_what_one_process_gives(tmp_path: Path, trials: Trials) -> None:
    assert trials.drive(WHAT, "job_arrays", tmp_path, trials.planned(WHAT)) >= trials.planned(WHAT)
