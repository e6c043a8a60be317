"""Standard output and standard error: closed, full, without a reader, or a terminal."""

from pathlib import Path

import pytest

from tests.helpers.cli import Run, shell


@pytest.mark.parametrize(
    "command", ["gptprep encode sample_texts", "gptprep encode sample_texts | gptprep decode"]
)
def test_run_ends_quietly_when_its_reader_goes_away(samples: Path, command: str) -> None:
    (samples / "big.txt").write_bytes(b"many words " * 200_000)
    done = shell(f"set -o pipefail; {command} | head -c 20", samples.parent)
    assert (done.returncode, done.stderr) == (141, b"")
    assert len(done.stdout) == 20


@pytest.mark.parametrize(
    "command", ["encode -t Hello", "decode 1", "inspect -t Hello", "encode -t Hello --json"]
)
def test_full_disk_at_standard_output_is_an_error(tmp_path: Path, command: str) -> None:
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
    [("encode <&-", 1), ("encode -t x >&-", 1), ("encode none 2>&-", 1), ("encode -t x 2>&-", 0)],
)
def test_closed_stream_gives_no_traceback(tmp_path: Path, command: str, code: int) -> None:
    done = shell(f"gptprep {command}", tmp_path)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


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
