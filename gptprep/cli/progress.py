"""Showing progress: two lines on a terminal, a line every ten seconds elsewhere, nothing for a short run."""

import os
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Self, TextIO

from gptprep.cli.numbers import clock, size
from gptprep.cli.terminal import can_show, columns, discard_errors, is_plain

_FIRST_FRAME_SECONDS, _FRAME_SECONDS = 0.3, 0.1
_LINE_SECONDS = 10.0
_RATE_SECONDS, _SAMPLE_SECONDS = 10.0, 0.25
"""The rate is that of the last seconds, from samples so far apart."""
_KNOWN_SECONDS = 1.0
"""Work from which a rate can be told."""
_LEAST_BAR, _LARGEST_BAR, _LEAST_NAME = 6, 40, 8
_ERASE_LINE, _ERASE_REST, _UP = "\x1b[K", "\x1b[J", "\x1b[1A"
_DIM, _BOLD, _GREEN, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[0m"


class ProgressDisplay:
    """A context manager, called by a pipeline as its `Progress`; shows nothing without a stream.

    Args:
        clock: seconds since some time, as `time.monotonic` gives them.
    """

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._animated = bool(stream and stream.isatty() and os.environ.get("TERM") != "dumb")
        self._started = clock()
        first = _FIRST_FRAME_SECONDS if self._animated else _LINE_SECONDS
        self._next = self._started + first
        self._stage: _Stage | None = None
        self._is_drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_drawn:
            self._write(_ERASE_REST)

    @property
    def seconds(self) -> float:
        """Since the display was made."""
        return self._clock() - self._started

    def __call__(
        self, stage: str, done: int, total: int | None, unit: str, ids: int = 0, resumed: int = 0
    ) -> None:
        """Show the progress if it is time to."""
        if self._stream is None:
            return
        now = self._clock()
        if self._stage is None or self._stage.name != stage or done < self._stage.done:
            self._stage = _Stage(stage, unit, now, done - resumed)
        self._stage.add(now, done, resumed)
        if now < self._next:
            return
        state = self._stage.state(now, done, total, ids)
        if self._animated:
            self._next = now + _FRAME_SECONDS
            self._write(_frame(state, columns(self._stream), _Look.of(self._stream)))
            self._is_drawn = True
        else:
            self._next = now + _LINE_SECONDS
            self._write(f"{_line(state)}\n")

    def _write(self, text: str) -> None:
        """Write at once: a frame in two writes would flicker."""
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # nobody reads it, or its disk is full: the work goes on
            self._stream = None
            discard_errors()


class _State(NamedTuple):
    """What there is to show of a stage."""

    name: str
    done: int
    total: int | None
    unit: str
    ids: int
    seconds: float
    """Since its start."""
    rate: float | None
    """Per second, over the last seconds; None if it cannot be known yet."""

    @property
    def share(self) -> float | None:
        """How much of the stage is done, from 0 to 1; None if the total is unknown."""
        return None if self.total is None else min(1.0, self.done / self.total) if self.total else 1.0

    @property
    def left(self) -> float | None:
        """Seconds until the stage is done; None if they cannot be known."""
        return (self.total - self.done) / self.rate if self.total and self.rate else None


class _Stage:
    """When how much of a stage was done.

    What an earlier run did, and what was done before the first report, does not count for the rate.
    """

    def __init__(self, name: str, unit: str, now: float, before: int = 0) -> None:
        self.name, self._unit, self._started = name, unit, now
        self.done = 0
        self._samples = deque([(now, before)])
        self._before = self._last = before
        self._first = now

    def add(self, now: float, done: int, resumed: int) -> None:
        """Take note of what is done."""
        self.done, self._last = done, done - resumed
        if self._last == self._before:  # what an earlier run did takes time to check
            self._samples[0] = now, self._before
            self._first = now
        elif now - self._samples[-1][0] >= _SAMPLE_SECONDS:
            self._samples.append((now, self._last))
            while now - self._samples[0][0] > _RATE_SECONDS and len(self._samples) > 2:
                self._samples.popleft()

    def state(self, now: float, done: int, total: int | None, ids: int) -> _State:
        """What to show now."""
        return _State(self.name, done, total, self._unit, ids, now - self._started, self._rate(now))

    def _rate(self, now: float) -> float | None:
        if self._last == self._before or now - self._first < _KNOWN_SECONDS:
            return None
        then, done = self._samples[0]
        return (self._last - done) / (now - then)


class _Look(NamedTuple):
    """What a terminal can show."""

    is_plain: bool
    has_unicode: bool

    @classmethod
    def of(cls, stream: TextIO) -> Self:
        """What a stream can show."""
        return cls(is_plain(), can_show("━╸·…", stream))

    def styled(self, text: str, style: str) -> str:
        """A text in a style."""
        return text if self.is_plain or not text else f"{style}{text}{_RESET}"

    def bar(self, share: float, width: int) -> str:
        """A bar of some columns."""
        if not self.has_unicode:
            full = int(share * width)
            return "#" * full + "." * (width - full)
        halves = int(share * width * 2)
        done = "━" * (halves // 2) + "╸" * (halves % 2)
        rest = (" " if self.is_plain else "━") * (width - len(done))
        return self.styled(done, _GREEN) + self.styled(rest, _DIM)


def _line(state: _State) -> str:
    """The line for a log."""
    percent = "" if state.share is None else f" ({_percent(state.share)})"
    left = [] if state.left is None else [f"{clock(state.left)} left"]
    amount, *others = _details(state)
    return f"{state.name}: {', '.join([amount + percent, *others, *left])}"


def _frame(state: _State, width: int, look: _Look) -> str:
    """Two lines for a terminal; the cursor ends where it was."""
    first, second = _first_line(state, width - 1, look), _second_line(state, width - 1, look)
    return f"\r{first}{_ERASE_LINE}\n{second}{_ERASE_LINE}\r{_UP}"


def _first_line(state: _State, width: int, look: _Look) -> str:
    """The name of the stage, a bar, percent, and the time left."""
    percent = [] if state.share is None else [f"{_percent(state.share):>5}"]
    left = [] if state.left is None else [f"{clock(state.left)} left"]
    while len(items := "  ".join(["", *percent, *left])) + _LEAST_NAME > width and left:
        left.pop()
    dots = "…" if look.has_unicode else "."
    room = max(_LEAST_NAME, width - len(items))
    name = state.name if len(state.name) <= room else f"{state.name[: room - 1]}{dots}"
    length = min(_LARGEST_BAR, width - len(items) - len(name) - 1)
    bar = f" {look.bar(state.share, length)}" if state.share is not None and length >= _LEAST_BAR else ""
    return look.styled(name, _BOLD) + bar + items


def _second_line(state: _State, width: int, look: _Look) -> str:
    """As many of the details as there is room for, the least important ones left out."""
    separator, details = " · " if look.has_unicode else ", ", _details(state)
    while len(shown := separator.join(details)) > width and len(details) > 1:
        details.pop()
    return look.styled(shown[:width], _DIM)


def _details(state: _State) -> list[str]:
    """What is done and how fast, the most important first."""
    amount = _amount(state.done, state.unit)
    if state.total:
        amount += f" of {_amount(state.total, state.unit)}"
    details = [amount]
    if state.rate is not None:
        details.append(f"{_amount(round(state.rate), state.unit)}/s")
    if state.ids:
        details.append(f"{state.ids:,} ids")
    elapsed = [f"{clock(state.seconds)} elapsed"] if state.seconds >= 1 else []
    return [*details, *elapsed]


def _percent(share: float) -> str:
    """Rounded down: 100 % is said of what is done."""
    return f"{int(100 * share)} %"


def _amount(number: int, unit: str) -> str:
    return size(number) if unit == "bytes" else f"{number:,} {unit}"
