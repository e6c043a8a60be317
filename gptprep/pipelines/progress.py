"""How a pipeline says how far it is; what is shown of it is the command line's business."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called often; must be quick."""

    def __call__(self, stage: str, done: int, total: int | None, unit: str) -> None:
        """`done` of `total` (None: not known) of a `stage` of the work, in a `unit` such as "bytes"."""


def no_progress(stage: str, done: int, total: int | None, unit: str) -> None:
    """For callers that do not care."""
