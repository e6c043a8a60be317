"""How often each kind of fault is tried, and the counts that are printed at the end of a run of the tests.

`--soak N` tries N times as much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from json import loads
from pathlib import Path

from tests.helpers import driver_server

PLANNED = {
    "SIGKILL at a random moment": 240,
    "SIGKILL to a worker": 60,
    "SIGKILL to processes of a job array": 210,
    "SIGINT at a random moment": 120,
    "SIGTERM at a random moment": 120,
    "SIGKILL before a step that changes the disk": 240,
    "no space at a step that changes the disk": 240,
    "full disks": 200,
    "inputs that change while they are read": 30,
    "hostile files": 10_500,
    "flipped bytes": 40_000,
    "truncated files": 20_000,
    "damaged leftovers of a killed run": 500,
    "invalid or unusual texts": 3_000,
    "faults on the wire to an object store": 500,
}
"""The least number of each; docs/reliability.md has the same numbers."""

_PROPERTY = "trials"
_WITH_TORCH = {"embed", "weights"}
"""Arguments of drivers whose runs import torch."""


class Trials:
    """Counts for one test.

    Args:
        record: keeps a property of the test, as pytest's `record_property`.
        soak: how many times as much is tried as usual.
    """

    def __init__(self, record: Callable[[str, object], None], soak: int) -> None:
        self._record, self._soak = record, soak

    def planned(self, what: str, tests: int = 1) -> int:
        """How many this test tries, if `tests` tests try them together."""
        return -(-PLANNED[what] * self._soak // tests)

    def count(self, what: str, tried: int, wrong: Iterable[str] = ()) -> None:
        """Count what was tried.

        Raises:
            AssertionError: gptprep did not survive all of it.
        """
        assert what in PLANNED
        wrong = list(wrong)
        self._record(_PROPERTY, [what, tried, tried - len(wrong)])
        assert wrong == []

    def drive(self, what: str, module: str, *arguments: str | int | Path, within: Sequence[str] = ()) -> int:
        """Run a driver in `tests.helpers` that tries and counts; returns how many it tried.

        Args:
            within: a command that runs it.
        """
        words, with_torch = [*map(str, arguments)], not _WITH_TORCH.isdisjoint(arguments)
        driven = driver_server.drive(
            f"tests.helpers.{module}", words, 1_200 * self._soak, with_torch=with_torch, within=within
        )
        assert driven.code == 0, driven
        found = loads(driven.printed.splitlines()[-1])
        self.count(what, found["tried"], found["wrong"])
        return int(found["tried"])


def summary(reports: Iterable[object]) -> Iterator[str]:
    """Lines that say how much of each was tried and survived, from the reports of some tests."""
    tried, survived = Counter[str](), Counter[str]()
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == _PROPERTY:
                what, n_tried, n_survived = value
                tried[what] += n_tried
                survived[what] += n_survived
    for what, planned in PLANNED.items():
        if tried[what]:
            short = f" of {planned:,} planned" if tried[what] < planned else ""
            yield f"{what:44} {tried[what]:>9,} tried {survived[what]:>9,} survived{short}"
