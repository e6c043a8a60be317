"""How far a long run is: a bar on a terminal, a line every ten seconds elsewhere, nothing for a short run."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Self, TextIO

from gptprep.cli.numbers import size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_FIRST_BAR, _EVERY_BAR = 0.3, 0.1
_EVERY_LINE = 10.0
"""Seconds."""


class ProgressDisplay:
    """Called by a pipeline as `progress(stage, done, total, unit)`; shows nothing without a stream."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._animated = bool(stream and stream.isatty() and os.environ.get("TERM") != "dumb")
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._stage, self._stage_started, self._next = "", self._started, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._finish_bar()

    @property
    def seconds(self) -> float:
        """Since the display was made."""
        return time.monotonic() - self._started

    def __call__(self, stage: str, done: int, total: int | None, unit: str) -> None:
        """Show it, if it is time to."""
        if self._stream is None:
            return
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._stage_started = stage, now
            self._next = max(self._next, self._started + (_FIRST_BAR if self._animated else _EVERY_LINE))
            self._finish_bar()
        if now < self._next:
            return
        if self._animated:
            self._next = now + _EVERY_BAR
            self._draw(stage, done, total, unit)
        else:
            self._next = now + _EVERY_LINE
            print(
                self._line(stage, done, total, unit, now - self._stage_started), file=self._stream, flush=True
            )

    def _line(self, stage: str, done: int, total: int | None, unit: str, seconds: float) -> str:
        parts = [f"{stage}: {_amount(done, unit)}"]
        if total:
            parts[0] += f" of {_amount(total, unit)} ({100 * done / total:.0f} %)"
        if seconds > 1:
            rate = done / seconds
            parts.append(f"{_amount(round(rate), unit)}/s")
            if total and rate:
                parts.append(f"{(total - done) / rate:,.0f} s left")
        return ", ".join(parts)

    def _draw(self, stage: str, done: int, total: int | None, unit: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TaskProgressColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=Console(file=self._stream),
                transient=True,
                auto_refresh=False,
            )
            self._bar.start()
            self._task = self._bar.add_task(stage, total=total, rate="")
        seconds = max(time.monotonic() - self._stage_started, 1e-9)
        rate = f"{_amount(round(done / seconds), unit)}/s"
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=total, rate=rate, refresh=True)

    def _finish_bar(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None


def _amount(number: int, unit: str) -> str:
    return size(number) if unit == "bytes" else f"{number:,} {unit}"
