"""How long work reports progress; showing it is the command line's business.

Work is given a `Report`, and says with it what it has done since the last call. `SharedProgress`
adds up what all parts of a stage report, whether they run in this process, in threads or in workers.
"""

from threading import Lock
from typing import Protocol


class Progress(Protocol):
    """Called often, so it must be quick."""

    def __call__(
        self, stage: str, done: int, total: int | None, unit: str, ids: int = 0, resumed: int = 0, /
    ) -> None:
        """Report `done` of `total` (None if unknown) of a `stage`, in a `unit` such as "bytes".

        A stage starts with a call in which nothing is done yet. Bytes of inputs are those on disk: of a
        compressed file, the compressed ones.

        Args:
            ids: how many ids were made of it so far; 0 if the stage makes none.
            resumed: how much of `done` an earlier run did.
        """


class Report(Protocol):
    """How work reports what it has done since the last call."""

    def __call__(self, done: int, ids: int = 0, resumed: int = 0, /) -> None:
        """Report that `done` more is done and gave `ids`; an earlier run did `resumed` of it."""


def no_progress(*_: object) -> None:
    """Ignore the progress."""


def no_report(*_: object) -> None:
    """Ignore a report."""


class SharedProgress:
    """Adds up what several tasks have done of one stage and reports the sum, one call at a time."""

    def __init__(self, progress: Progress, stage: str, total: int | None, unit: str) -> None:
        self._progress, self._stage, self._total, self._unit = progress, stage, total, unit
        self._done = self._ids = self._resumed = 0
        self._lock = Lock()
        self.add(0)

    def add(self, done: int, ids: int = 0, resumed: int = 0) -> None:
        """Report that so much more is done; it is a `Report`."""
        with self._lock:
            self._done += done
            self._ids += ids
            self._resumed += resumed
            self._progress(self._stage, self._done, self._total, self._unit, self._ids, self._resumed)
