"""Files that may hold anything are read well, or there is an error that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.children import Ended
from tests.hostile import KINDS, MEMORY, wrong
from tests.trials import Trials

pytestmark = pytest.mark.faults
WHAT = "hostile files"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_file_does_no_harm(folder: Path, trials: Trials, kind: str) -> None:
    trials.drive(WHAT, "hostile", folder, kind, trials.planned(WHAT, len(KINDS)), 1)


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
        (Ended(0, "", 0), True, "as whole"),
    ],
)
def test_harm_is_noticed(ended: Ended, must_fail: bool, what: str) -> None:
    found = wrong(ended, b"x", must_fail)
    assert what in found
    assert bool(found) == bool(what)
