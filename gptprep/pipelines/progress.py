"""How a pipeline says how far it is; what is shown of it is the command line's business."""

from __future__ import annotations

from threading import Lock
from typing import Protocol


class Progress(Protocol):
    """Called often; must be quick."""

    def __call__(self, stage: str, done: int, total: int | None, unit: str) -> None:
        """`done` of `total` (None: not known) of a `stage` of the work, in a `unit` such as "bytes"."""


def no_progress(stage: str, done: int, total: int | None, unit: str) -> None:
    """For callers that do not care."""


class SharedProgress:
    """Adds up what several threads have done of a stage, and tells it one at a time."""

    def __init__(self, progress: Progress, stage: str, total: int, unit: str) -> None:
        self._progress, self._stage, self._total, self._unit = progress, stage, total, unit
        self._done, self._lock = 0, Lock()

    def add(self, count: int) -> None:
        """So much more is done."""
        with self._lock:
            self._done += count
            self._progress(self._stage, self._done, self._total, self._unit)
