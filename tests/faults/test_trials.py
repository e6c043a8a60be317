"""The counts of what is tried, and the page that promises them."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from tests.helpers.paths import TOP
from tests.helpers.trials import PLANNED, Trials, summary


def test_page_promises_what_is_planned() -> None:
    page = (TOP / "docs" / "reliability.md").read_text()
    rows = re.findall(r"^\| (.+) \| ([0-9,]+) \|$", page, re.MULTILINE)
    assert {what: int(number.replace(",", "")) for what, number in rows} == PLANNED


def test_failed_trial_is_counted_and_fails_the_test() -> None:
    recorded: list[tuple[str, object]] = []
    trials = Trials(lambda name, value: recorded.append((name, value)), soak=3)
    assert trials.planned("full disks", 7) == -(-PLANNED["full disks"] * 3 // 7)
    trials.count("full disks", 5)
    with pytest.raises(AssertionError):
        trials.count("full disks", 4, ["one was not survived"])
    lines = list(summary([SimpleNamespace(user_properties=recorded), SimpleNamespace()]))
    assert " ".join(lines[0].split()) == "full disks 9 tried 8 survived of 200 planned"
    assert len(lines) == 1
