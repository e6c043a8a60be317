"""How often what is tried, and the counts of it that are printed at the end of a run of the tests.

`--soak N` tries N times as much.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from json import loads
from pathlib import Path

PLANNED = {
    "SIGKILL at a random moment": 240,
    "SIGKILL to a worker": 60,
    "SIGINT at a random moment": 120,
    "SIGTERM at a random moment": 120,
    "SIGKILL before a step that changes the disk": 240,
    "no space at a step that changes the disk": 240,
    "full disks": 200,
    "inputs that change while they are read": 30,
    "hostile files": 10_500,
    "flipped bytes": 40_000,
    "files cut short": 20_000,
    "leftovers that were damaged": 500,
    "texts that are not what they should be": 3_000,
}
"""At least so many; docs/reliability.md says them too."""

_PROPERTY = "trials"
TOP = Path(__file__).parent.parent


class Trials:
    """Counts for one test.

    Args:
        record: keeps a property of the test, as pytest's `record_property`.
        soak: how many times as much is tried as usual.
    """

    def __init__(self, record: Callable[[str, object], None], soak: int) -> None:
        self._record, self._soak = record, soak

    def planned(self, what: str, tests: int = 1) -> int:
        """How many are this test's, of so many tests that share them."""
        return -(-PLANNED[what] * self._soak // tests)

    def count(self, what: str, tried: int, wrong: Iterable[str] = ()) -> None:
        """So many were tried.

        Raises:
            AssertionError: some were not survived.
        """
        assert what in PLANNED
        wrong = list(wrong)
        self._record(_PROPERTY, [what, tried, tried - len(wrong)])
        assert wrong == []

    def drive(self, what: str, module: str, *arguments: str | int | Path, within: Sequence[str] = ()) -> int:
        """Let a driver try and count; how many it tried.

        Args:
            within: a command that runs it.
        """
        command = [*within, sys.executable, "-m", f"tests.{module}", *map(str, arguments)]
        done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=1_200 * self._soak)
        assert done.returncode == 0, done.stderr
        found = loads(done.stdout.splitlines()[-1])
        self.count(what, found["tried"], found["wrong"])
        return int(found["tried"])


def summary(reports: Iterable[object]) -> Iterator[str]:
    """Lines that say of what how much was tried and survived, of the reports of some tests."""
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
