"""Standard output and standard error: closed, full, without a reader, or a terminal."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.cli import Run, in_terminal, shell


@pytest.mark.parametrize(
    "command", ["gptprep encode sample_texts", "gptprep encode sample_texts | gptprep decode"]
)
def test_run_ends_quietly_when_its_reader_goes_away(samples: Path, command: str) -> None:
    (samples / "big.txt").write_bytes(b"many words " * 200_000)
    done = shell(f"set -o pipefail; {command} | head -c 20", samples.parent)
    assert (done.returncode, done.stderr) == (141, b"")
    assert len(done.stdout) == 20


@pytest.mark.parametrize(
    "command", ["encode -t Hello", "decode 1", "inspect -t Hello", "encode -t Hello --json", "count a.txt"]
)
def test_full_disk_at_standard_output_is_an_error(tmp_path: Path, command: str) -> None:
    (tmp_path / "a.txt").write_text("one two")
    done = shell(f"gptprep {command} > /dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: cannot write to standard output\n  why: No space left")


@pytest.mark.parametrize("command", ["--help", "--version", "window --help"])
def test_full_disk_under_help_is_an_error(tmp_path: Path, command: str) -> None:
    done = shell(f"gptprep {command} > /dev/full", tmp_path)
    first_line = done.stderr.decode().splitlines()[0]
    assert (done.returncode, first_line) == (1, "error: cannot write to standard output")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("encode <&-", 1),
        ("count <&-", 1),
        ("count a.txt >&-", 1),
        ("encode -t x >&-", 1),
        ("encode none 2>&-", 1),
        ("encode -t x 2>&-", 0),
    ],
)
def test_closed_stream_gives_no_traceback(tmp_path: Path, command: str, code: int) -> None:
    done = shell(f"gptprep {command}", tmp_path)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("stream", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("encode a.txt -o x.npy", 0),
        ("encode -t x", 0),
        ("count a.txt a.txt", 0),
        ("encode --debug none", 1),
        ("window a.txt -o s -L 8", 0),
        ("vocab a.txt -o v.json", 0),
        ("vocab a.txt -o v.json --kind bpe --size 300", 0),
        ("window a.txt -o s --bogus", 2),
        ("", 2),
    ],
)
def test_exit_code_is_that_of_the_work_if_standard_error_cannot_be_written(
    tmp_path: Path, stream: str, command: str, code: int
) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    done = shell(f"gptprep {command} {stream}", tmp_path)
    assert (done.returncode, done.stderr) == (code, b"")
    output = re.search(r"-o (\S+)", command)
    assert output is None or (tmp_path / output[1]).exists() == (code == 0)


def test_closed_standard_error_is_not_given_to_a_file_that_is_opened(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(
        "import os, sys, gptprep.cli\n"
        "sys.argv = ['gptprep', 'encode', '-t', 'x', '--json']\n"
        "try: gptprep.cli.main()\n"
        "except SystemExit: os.write(2, b'x'); os._exit(7 if open('run.py').fileno() > 2 else 1)\n"
    )
    code = subprocess.run(["bash", "-c", f"{sys.executable} run.py 2>&-"], cwd=tmp_path).returncode
    assert code == 7


NAME = "no/such/folder/with/a/text.txt"
FULL = f"error: cannot read {NAME}\n  why: No such file or directory\n  fix: check the path\n"


def test_messages_are_wrapped_between_words_on_a_terminal_only(run: Run, tmp_path: Path) -> None:
    env = {"NO_COLOR": "1"}
    written = in_terminal(tmp_path, "encode", NAME, columns=30, code=1, env=env).replace("\r", "")
    assert written == FULL.replace(" no/", "\n       no/").replace(" or directory", " or\n       directory")
    assert run("encode", NAME, env={"COLUMNS": "30"}).err == FULL


@pytest.mark.parametrize("columns", [40, 80])
def test_no_line_of_a_report_is_wider_than_the_terminal(tmp_path: Path, columns: int) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    arguments = ["window", "a.txt", "-o", "s", "-L", "8", "--val-fraction", "0.5"]
    written = in_terminal(tmp_path, *arguments, columns=columns, env={"NO_COLOR": "1"})
    assert max(map(len, written.splitlines())) <= columns
    as_list = "split: train\r\n  windows: 5\r\n" in written
    assert as_list == (columns == 40)
    assert all(name in written for name in ("windows", "unused ids", "shards", "val"))


def test_output_file_is_written_with_standard_output_closed(tmp_path: Path) -> None:
    done = shell("gptprep encode -t hi -o x.npy >&-", tmp_path)
    assert (done.returncode, (tmp_path / "x.npy").exists()) == (0, True)


@pytest.mark.parametrize(
    ("code", "arguments"),
    [(1, ["encode", "\x1b[31m.txt"]), (0, ["encode", "-t", "x", "-o", "\x1b[31m\n.npy"])],
)
def test_control_characters_in_names_are_escaped(run: Run, code: int, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.code == code
    assert "\x1b" not in done.err
    assert "\\x1b[31m" in done.err
