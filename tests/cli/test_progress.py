"""Progress: a line every ten seconds where there is no terminal, and two lines on a terminal."""

import errno
import io
import os
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.cli import progress as progress_module
from gptprep.cli.progress import ProgressDisplay
from tests.helpers.cli import in_terminal

ERASE_REST = "\x1b[J"
STYLES = re.compile(r"\x1b\[[0-9;]*m")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal, of an encoding."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True

    def frames(self) -> list[tuple[str, str]]:
        """Both lines of each frame, without styles."""
        plain = STYLES.sub("", self.getvalue()).removesuffix(ERASE_REST)
        frames = plain.replace("\x1b[K", "").replace("\r\x1b[1A", "\0").split("\0")[:-1]
        return [tuple(frame.removeprefix("\r").split("\n")) for frame in frames]  # type: ignore[misc]


@pytest.fixture
def width(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how wide the terminal is; 80 columns at first."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return lambda columns: monkeypatch.setenv("COLUMNS", str(columns))


def steady(stream: io.StringIO, seconds: float, rate: int = 10**7, total: int | None = 6 * 10**8) -> None:
    """A stage that reports ten times a second."""
    clock = Clock()
    with ProgressDisplay(stream, clock) as progress:
        for step in range(int(10 * seconds) + 1):
            clock.now = 100 + step / 10
            done = step * rate // 10
            progress("encoding", done, total, "bytes", done // 4, 0)


def test_line_every_ten_seconds_without_a_terminal() -> None:
    stream = io.StringIO()
    steady(stream, 30.5)
    assert stream.getvalue().splitlines() == [
        "encoding: 100.0 MB of 600.0 MB (16 %), 10.0 MB/s, 25,000,000 ids, 0:10 elapsed, 0:50 left",
        "encoding: 200.0 MB of 600.0 MB (33 %), 10.0 MB/s, 50,000,000 ids, 0:20 elapsed, 0:40 left",
        "encoding: 300.0 MB of 600.0 MB (50 %), 10.0 MB/s, 75,000,000 ids, 0:30 elapsed, 0:30 left",
    ]


def test_dumb_terminal_gets_lines(width: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    width(80)
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    steady(stream, 12)
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


def test_frame_on_a_terminal(width: Callable[[int], None]) -> None:
    width(80)
    stream = Terminal()
    steady(stream, 20)
    first, last = stream.frames()[0], stream.frames()[-1]
    assert first == ("encoding " + "━" * 40 + "    0 %", "3.0 MB of 600.0 MB · 750,000 ids")
    assert last[0] == "encoding " + "━" * 40 + "   33 %  0:40 left"
    assert last[1] == "200.0 MB of 600.0 MB · 10.0 MB/s · 50,000,000 ids · 0:20 elapsed"
    assert stream.getvalue().endswith(ERASE_REST)


def test_length_of_the_bar_is_the_share_that_is_done(
    width: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    width(80)
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    steady(stream, 30)
    assert stream.frames()[-1][0].count("━") == 20
    assert not STYLES.search(stream.getvalue())


def test_stream_without_unicode_gets_ascii(width: Callable[[int], None]) -> None:
    width(80)
    stream = Terminal("ascii")
    steady(stream, 30)
    assert stream.getvalue().isascii()
    assert "#" * 20 + "." * 20 in stream.frames()[-1][0]


@pytest.mark.parametrize("columns", [20, 25, 30, 40, 60, 80, 200])
@pytest.mark.parametrize("total", [None, 6 * 10**8, 10**13])
def test_frame_fits_the_terminal(width: Callable[[int], None], columns: int, total: int | None) -> None:
    width(columns)
    stream = Terminal()
    steady(stream, 3, total=total)
    for frame in stream.frames():
        assert max(map(len, frame)) < columns
        assert "encoding" in frame[0]


def test_narrow_terminal_keeps_what_matters_most(width: Callable[[int], None]) -> None:
    width(40)
    stream = Terminal()
    steady(stream, 20)
    first, second = stream.frames()[-1]
    assert re.fullmatch(r"encoding ━+   33 %  0:40 left", first)
    assert second == "200.0 MB of 600.0 MB · 10.0 MB/s"


def test_long_name_of_a_stage_is_shortened(width: Callable[[int], None]) -> None:
    width(30)
    stream, clock = Terminal(), Clock()
    with ProgressDisplay(stream, clock) as progress:
        clock.now += 1
        progress("encoding with a very long name of a tokenizer", 1, 2, "bytes")
    assert stream.frames()[0][0] == "encoding with a very …   50 %"


def test_unknown_total_has_neither_percent_nor_time_left(width: Callable[[int], None]) -> None:
    width(80)
    stream = Terminal()
    steady(stream, 20, total=None)
    assert stream.frames()[-1] == ("encoding", "200.0 MB · 10.0 MB/s · 50,000,000 ids · 0:20 elapsed")


def test_rate_is_that_of_the_last_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    with ProgressDisplay(stream, clock) as progress:
        done = 0
        for step in range(401):
            clock.now = 100 + step / 10
            done += 10**6 if step < 200 else 10**5
            progress("encoding", done, None, "bytes")
    rates = re.findall(r"([\d.]+ [KMG]?B)/s", stream.getvalue())
    assert (rates[0], rates[-1]) == ("10.0 MB", "1.0 MB")


def test_what_an_earlier_run_did_has_no_part_in_the_rate() -> None:
    stream, clock = io.StringIO(), Clock()
    with ProgressDisplay(stream, clock) as progress:
        for step in range(301):
            clock.now = 100 + step / 10
            old = min(step, 95) * 10**7  # it takes ten seconds to check what is there
            new = max(0, step - 100) * 10**5
            progress("encoding", old + new, 10**9, "bytes", 0, old)
    first, *others = stream.getvalue().splitlines()
    assert first == "encoding: 950.0 MB of 1.0 GB (95 %), 0:10 elapsed"
    assert others == [
        "encoding: 960.0 MB of 1.0 GB (96 %), 1.0 MB/s, 0:20 elapsed, 0:40 left",
        "encoding: 970.0 MB of 1.0 GB (97 %), 1.0 MB/s, 0:30 elapsed, 0:30 left",
    ]


def test_next_stage_starts_anew() -> None:
    stream, clock = io.StringIO(), Clock()
    with ProgressDisplay(stream, clock) as progress:
        for name, rate in (("encoding", 10**6), ("writing", 10**8), ("writing", 10**8)):
            for step in range(126):
                progress(name, step * rate // 10, None, "bytes")
                clock.now += 0.1
    assert re.findall(r"([\d.]+ [KMG]?B)/s.* (\S+) elapsed", stream.getvalue()) == [
        ("1.0 MB", "0:10"),
        ("100.0 MB", "0:08"),
        ("100.0 MB", "0:05"),
    ]


def of_a_run(draw: st.DrawFn) -> Iterator[tuple[float, int, int]]:
    """Times, amounts and resumed amounts of the reports of one stage."""
    now, done, resumed = 0.0, 0, 0
    yield now, done, resumed
    for _ in range(draw(st.integers(1, 60))):
        now += draw(st.floats(0.001, 4))
        new, old = draw(st.integers(0, 10**6)), draw(st.sampled_from([0, 0, 10**9]))
        done, resumed = done + new + old, resumed + old
        yield now, done, resumed


@given(st.composite(lambda draw: list(of_a_run(draw)))())
def test_rate_waits_for_a_second_and_is_never_above_what_is_real(
    reports: list[tuple[float, int, int]],
) -> None:
    clock, states = Clock(), list[progress_module._State]()
    stage = progress_module._Stage("encoding", "bytes", clock.now)
    for now, done, resumed in reports:
        stage.add(clock.now + now, done, resumed)
        states.append(stage.state(clock.now + now, done, None, 0))
    fresh = [done - resumed for _, done, resumed in reports]
    fastest = max((b - a for a, b in pairwise(fresh)), default=0)
    for (now, *_), state, new in zip(reports, states, fresh, strict=True):
        if now < 1 or not new:
            assert state.rate is None
        elif state.rate is not None:
            assert 0 <= state.rate <= new
            assert state.rate <= fastest / 0.001


@pytest.fixture
def eager_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets runs on a terminal draw their first frame at once instead of after a while."""
    names = "progress._FIRST_FRAME_SECONDS = progress._FRAME_SECONDS = 0"
    (tmp_path / "sitecustomize.py").write_text(f"import gptprep.cli.progress as progress\n{names}\n")
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), before))))


@pytest.mark.usefixtures("eager_frames")
def test_frames_are_drawn_and_removed(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text(" ".join(f"word{n}" for n in range(400_000)))
    written = in_terminal(tmp_path, "encode", "words.txt", "-o", "x.npy")
    assert "encoding" in written
    assert "━" in written
    assert "100 %" in written
    last = written.rpartition(ERASE_REST)[2]
    assert "━" not in last
    assert "✓" in last


@pytest.mark.usefixtures("eager_frames")
def test_frames_do_not_mix_with_data_on_the_same_terminal(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("some words")
    written = in_terminal(tmp_path, "encode", "--count", "words.txt")
    assert "━" in written
    assert re.search(r"\d+\r\n$", written.rpartition(ERASE_REST)[2])
    assert "━" not in in_terminal(tmp_path, "encode", "words.txt")


@pytest.mark.usefixtures("eager_frames")
def test_quiet_run_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("some words")
    assert in_terminal(tmp_path, "encode", "words.txt", "-o", "x.npy", "-q") == ""


@pytest.mark.usefixtures("eager_frames")
def test_plain_frames_have_no_styles(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text(" ".join(f"word{n}" for n in range(400_000)))
    written = in_terminal(tmp_path, "encode", "words.txt", "-o", "x.npy", "--no-color")
    assert "━" in written
    assert not STYLES.search(written)


class _Full(io.StringIO):
    """A stream whose disk is full."""

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_stream_that_cannot_be_written_ends_the_display_and_not_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, discarded = Clock(), []
    monkeypatch.setattr(progress_module, "discard_errors", lambda: discarded.append(True))
    with ProgressDisplay(_Full(), clock) as progress:
        for step in range(3):
            clock.now += 20
            progress("encoding", step, 10, "bytes")
    assert discarded == [True]
