"""Progress: a line every ten seconds where there is no terminal, and a bar on a terminal."""

import errno
import io
import os
import re
import time
from pathlib import Path

import pytest

from gptprep.cli import progress as progress_module
from gptprep.cli.progress import ProgressDisplay
from tests.helpers.cli import in_terminal

CLEAR_LINE = "\x1b[2K"


def test_line_every_ten_seconds_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    with ProgressDisplay(stream) as progress:
        for step in range(0, 301):
            now[0] = 100 + step / 10
            progress("encoding", step * 10**6, 600 * 10**6, "bytes")
        progress("writing", 1, 10, "windows")
    lines = stream.getvalue().splitlines()
    assert lines == [
        "encoding: 100.0 MB of 600.0 MB (17 %), 10.0 MB/s, 50 s left",
        "encoding: 200.0 MB of 600.0 MB (33 %), 10.0 MB/s, 40 s left",
        "encoding: 300.0 MB of 600.0 MB (50 %), 10.0 MB/s, 30 s left",
    ]


@pytest.fixture
def eager_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets runs on a terminal draw their bar at once instead of after a while."""
    (tmp_path / "sitecustomize.py").write_text(
        "import gptprep.cli.progress as progress\nprogress._FIRST_BAR_SECONDS = progress._BAR_SECONDS = 0\n"
    )
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), before))))


@pytest.mark.usefixtures("eager_bar")
def test_bar_is_drawn_and_removed(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text(" ".join(f"word{n}" for n in range(400_000)))
    written = in_terminal(tmp_path, "encode", "words.txt", "-o", "x.npy")
    assert "encoding" in written
    assert "MB/s" in written
    assert "━" in written
    last = written.rpartition(CLEAR_LINE)[2]
    assert "━" not in last
    assert "✓" in last


@pytest.mark.usefixtures("eager_bar")
def test_bar_does_not_mix_with_data_on_the_same_terminal(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("some words")
    written = in_terminal(tmp_path, "encode", "--count", "words.txt")
    assert "━" in written
    assert re.search(r"\d+\r\n$", written.rpartition(CLEAR_LINE)[2])
    assert "━" not in in_terminal(tmp_path, "encode", "words.txt")


@pytest.mark.usefixtures("eager_bar")
def test_plain_bar_has_no_styles(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text(" ".join(f"word{n}" for n in range(400_000)))
    written = in_terminal(tmp_path, "encode", "words.txt", "-o", "x.npy", "--no-color")
    assert "━" in written
    assert not re.search(r"\x1b\[[0-9;]*m", written)


class _Full(io.StringIO):
    """A stream whose disk is full."""

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_stream_that_cannot_be_written_ends_the_display_and_not_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, discarded = [100.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress_module, "discard_errors", lambda: discarded.append(True))
    with ProgressDisplay(_Full()) as progress:
        for step in range(3):
            now[0] += 20
            progress("encoding", step, 10, "bytes")
    assert discarded == [True]
