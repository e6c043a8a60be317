"""Showing progress: a bar on a terminal, a line every ten seconds elsewhere, nothing for a short run."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Self, TextIO

from gptprep.cli.numbers import size
from gptprep.cli.terminal import columns, discard_errors, is_plain

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_FIRST_BAR_SECONDS, _BAR_SECONDS = 0.3, 0.1
_LINE_SECONDS = 10.0


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
        try:
            self._remove_bar()
        except OSError:
            self._give_up()

    @property
    def seconds(self) -> float:
        """Since the display was made."""
        return time.monotonic() - self._started

    def __call__(self, stage: str, done: int, total: int | None, unit: str) -> None:
        """Show the progress if it is time to."""
        if self._stream is None:
            return
        try:
            self._show(stage, done, total, unit)
        except OSError:  # nobody reads it, or its disk is full: the work goes on
            self._give_up()

    def _show(self, stage: str, done: int, total: int | None, unit: str) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._stage_started = stage, now
            first = _FIRST_BAR_SECONDS if self._animated else _LINE_SECONDS
            self._next = max(self._next, self._started + first)
            self._remove_bar()
        if now < self._next:
            return
        if self._animated:
            self._next = now + _BAR_SECONDS
            self._draw(stage, done, total, unit)
        else:
            self._next = now + _LINE_SECONDS
            line = self._line(stage, done, total, unit, now - self._stage_started)
            print(line, file=self._stream, flush=True)

    def _line(self, stage: str, done: int, total: int | None, unit: str, seconds: float) -> str:
        items = [f"{stage}: {_amount(done, unit)}"]
        if total:
            items[0] += f" of {_amount(total, unit)} ({100 * done / total:.0f} %)"
        if seconds > 1:
            rate = done / seconds
            items.append(f"{_amount(round(rate), unit)}/s")
            if total and rate:
                items.append(f"{(total - done) / rate:,.0f} s left")
        return ", ".join(items)

    def _draw(self, stage: str, done: int, total: int | None, unit: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            name, rate_column = TextColumn("{task.description}"), TextColumn("{task.fields[rate]}")
            shown = (
                name,
                BarColumn(bar_width=None),
                TaskProgressColumn(),
                rate_column,
                TimeRemainingColumn(),
            )
            color_system: Any = None if is_plain() else "auto"
            console = Console(file=self._stream, width=columns(self._stream), color_system=color_system)
            self._bar = Progress(*shown, console=console, transient=True, auto_refresh=False)
            self._bar.start()
            self._task = self._bar.add_task(stage, total=total, rate="")
        seconds = max(time.monotonic() - self._stage_started, 1e-9)
        rate = f"{_amount(round(done / seconds), unit)}/s"
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=total, rate=rate, refresh=True)

    def _give_up(self) -> None:
        self._stream = self._bar = None
        discard_errors()

    def _remove_bar(self) -> None:
        if bar := self._bar:
            self._bar = None
            bar.stop()


def _amount(number: int, unit: str) -> str:
    return size(number) if unit == "bytes" else f"{number:,} {unit}"
