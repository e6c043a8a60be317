"""How long work reports progress; showing it is the command line's business."""

from threading import Lock
from typing import Protocol


class Progress(Protocol):
    """Called often, so it must be quick."""

    def __call__(self, stage: str, done: int, total: int | None, unit: str) -> None:
        """Report `done` of `total` (None if unknown) of a `stage`, in a `unit` such as "bytes"."""


def no_progress(stage: str, done: int, total: int | None, unit: str) -> None:
    """Ignore the progress."""


class SharedProgress:
    """Adds up what several threads have done of one stage and reports the sum, one call at a time."""

    def __init__(self, progress: Progress, stage: str, total: int, unit: str) -> None:
        self._progress, self._stage, self._total, self._unit = progress, stage, total, unit
        self._done, self._lock = 0, Lock()

    def add(self, count: int) -> None:
        """Report that `count` more is done."""
        with self._lock:
            self._done += count
            self._progress(self._stage, self._done, self._total, self._unit)
