"""What all verbs do the same: streams, progress, contradictions, and errors without a name of their own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from gptprep.cli.options import parse_batch_size, parse_size, text_options
from gptprep.cli.progress import ProgressDisplay
from gptprep.errors import WrongUsage
from tests.conftest import Run
from tests.test_cli_text import shell


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("1.5 MB", 1_500_000),
        ("2g", 2 * 10**9),
        ("1TiB", 1 << 40),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "1XB", "1iB", "-1", "1e9", "9" * 400, "1.2.3"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(WrongUsage, match="is not a size"):
        parse_size(text)


def test_batch_sizes() -> None:
    assert (parse_batch_size("auto"), parse_batch_size("7")) == (None, 7)
    for text in ("", "x", "-1", "9" * 5000):
        with pytest.raises(WrongUsage):
            parse_batch_size(text)


def test_separators_understand_escapes() -> None:
    assert text_options("utf-8", "strict", None, r"a\n\t\\n").separator == "a\n\t\\n"


def test_options_that_exclude_each_other(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    for arguments, what in (
        (["encode", "a.txt", "--format", "npy", "-o", "x.bin"], "x.bin would hold npy, against its ending"),
        (["encode", "a.txt", "--format", "ids", "-o", "x.npy"], "x.npy would hold ids, against its ending"),
        (["encode", "a.txt", "-o", "x.npy.gz"], "x.npy.gz would not be compressed"),
        (["encode", "a.txt", "-o", "x.npy", "--count"], "--count prints a number"),
        (
            ["encode", "a.txt", "--json", "--format", "tokens"],
            "--json and --format tokens exclude each other",
        ),
        (["encode", "a.txt", "-o", ""], "the output has no name"),
        (["encode", "-", "-"], "standard input is named twice"),
        (["decode", "1", "٣"], "'٣' is not an id"),
        (["decode", "a", "b"], "'a' is not an id"),
        (["decode", "", ""], "there is no id among the arguments"),
        (["vocab", "a.txt", "-o", "v"], "v does not end in .json"),
        (["window", "a.txt", "-o", "-"], "a folder cannot go to standard output"),
        (["window", "a.txt", "-o", "s", "--val-fraction", "1e-99999999"], "the val fraction is 1e-99999999"),
    ):
        done = run(*arguments)
        assert (done.code, done.out) == (2, b""), arguments
        assert f"error: {what}" in done.err, done.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_an_output_is_never_an_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    (tmp_path / "b.json").write_text("one two")
    for arguments in (
        ["encode", "a.txt", "-o", "a.txt"],
        ["vocab", "b.json", "-o", "b.json"],
        ["encode", ".", "-o", "a.txt"],
    ):
        done = run(*arguments, "--force")
        assert (done.code, done.out) == (1, b"")
        assert "is one of the inputs" in done.err
    assert run("window", "a.txt", "-o", "d", "-L", "1", "-q").code == 0
    (tmp_path / "d" / "mine.txt").write_text("one two three")
    done = run("window", "d/mine.txt", "-o", "d", "-L", "1", "--force")
    assert (done.code, (tmp_path / "d" / "mine.txt").read_text()) == (1, "one two three")
    assert "error: the input d/mine.txt is in d\n" in done.err
    done = run("window", "a.txt", "-o", "d", "-L", "1", "--force")
    assert (done.code, (tmp_path / "d" / "mine.txt").read_text()) == (1, "one two three")
    assert "d already exists and is not gptprep's" in done.err


def test_standard_input_as_json_lines_and_vocabularies_on_standard_output(run: Run) -> None:
    assert (
        run("encode", "--text-field", "body", stdin=b'{"body": "Hello"}\n{"body": "Hello"}\n').out
        == b"15496\n15496\n"
    )
    done = run("vocab", "-", "-o", "-", stdin=b"b a")
    assert json.loads(done.out)["tokens"] == ["a", "b", "<|endoftext|>", "<|unk|>"]
    assert json.loads(run("encode", "-t", "Hello", "--count", "--json").out)["ids"] == 1


def test_failures_without_a_name(tmp_path: Path) -> None:
    for command in ("--help", "--version", "window --help"):
        done = shell(f"gptprep {command} > /dev/full", tmp_path)
        assert (done.returncode, done.stderr.decode().splitlines()[0]) == (
            1,
            "error: cannot write to standard output",
        )
        assert b"Traceback" not in done.stderr
    done = shell("mkdir gone; cd gone; rmdir ../gone; gptprep encode -t hi -o x.npy", tmp_path)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"the current folder" in done.stderr
    done = shell("gptprep encode -t hi -o x.npy >&-", tmp_path)
    assert (done.returncode, (tmp_path / "x.npy").exists()) == (0, True)
    done = shell("COLUMNS=0 gptprep encode none", tmp_path)
    assert done.stderr.startswith(b"error: cannot read none")


def test_names_cannot_paint_the_terminal(run: Run) -> None:
    for code, arguments in (
        (1, ["encode", "\x1b[31m.txt"]),
        (0, ["encode", "-t", "x", "-o", "\x1b[31m\n.npy"]),
    ):
        done = run(*arguments)
        assert done.code == code
        assert "\x1b" not in done.err
        assert "\\x1b[31m" in done.err


def test_debug_gives_the_traceback(run: Run) -> None:
    done = run("encode", "none", "--debug")
    assert done.code == 1
    assert done.err.startswith("Traceback")
    assert "error: cannot read none" in done.err


def test_a_line_every_ten_seconds_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
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


def in_terminal(folder: Path, *arguments: str) -> str:
    """What a run paints on a terminal of 100 columns."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (30, 100))
    env = {**os.environ, "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "gptprep", *arguments]
    with subprocess.Popen(command, cwd=folder, stdin=its, stdout=its, stderr=its, env=env) as process:
        os.close(its)
        painted = bytearray()
        with contextlib.suppress(OSError):  # the end of a terminal is an error of the system
            while data := os.read(ours, 1 << 16):
                painted += data
        os.close(ours)
    assert process.returncode == 0
    return painted.decode()


@pytest.fixture
def words(tmp_path: Path) -> Path:
    (tmp_path / "words.txt").write_text(" ".join(f"word{n}" for n in range(2_000_000)))
    return tmp_path


CLEARED = "\x1b[2K"


def test_the_bar_moves_on_a_terminal_and_leaves_no_trace(words: Path) -> None:
    painted = in_terminal(words, "encode", "words.txt", "-o", "x.npy")
    assert "encoding" in painted
    assert "MB/s" in painted
    assert "━" not in painted.rpartition(CLEARED)[2]
    assert "✓" in painted.rpartition(CLEARED)[2]


def test_data_on_a_terminal_stay_clean(words: Path) -> None:
    painted = in_terminal(words, "encode", "--count", "words.txt")
    assert "━" in painted
    assert re.search(r"\d+\r\n$", painted.rpartition(CLEARED)[2])
    assert "━" not in in_terminal(words, "encode", "words.txt")
