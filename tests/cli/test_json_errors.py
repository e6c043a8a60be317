"""Errors and interrupts with `--json`: one document on standard output, unless something is there already."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from gptprep.cli.run import _failed
from gptprep.cli.streams import Streams
from gptprep.errors import GptprepError
from tests.helpers.cli import GPTPREP, Run, shell, wait_for
from tests.helpers.schemas import only_document

NONE = {
    "what": "cannot read none",
    "why": "No such file or directory",
    "fix": "check the path",
    "exit_code": 1,
    "notes": [],
}


def test_error_is_a_document_and_the_text_stays(run: Run) -> None:
    done = run("encode", "none", "--json")
    assert (done.code, only_document(done.out)["error"]) == (1, NONE)
    assert done.err == run("encode", "none").err


@pytest.mark.parametrize("options", ["-q", "--debug"])
def test_other_options_do_not_change_the_document(run: Run, options: str) -> None:
    assert only_document(run("encode", "none", "--json", options).out)["error"] == NONE


def test_error_without_json_writes_nothing_to_standard_output(run: Run) -> None:
    assert run("encode", "none").out == b""


@pytest.mark.parametrize("line", ["verfy --json", "--json", "inspect -t --json --bogus"])
def test_usage_error_has_a_document_wherever_json_is(run: Run, line: str) -> None:
    done = run(*line.split())
    assert (done.code, only_document(done.out)["error"]["exit_code"]) == (2, 2)


def test_notes_are_in_the_document(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    error = GptprepError("no room", "the disk is full")
    error.add_note("parts are kept")
    code = _failed(error, Streams("window", json_output=True, quiet=False, no_color=False), debug=False)
    out, err = capfdbinary.readouterr()
    assert only_document(out)["error"]["notes"] == ["parts are kept"]
    assert (code, err) == (1, b"error: no room\n  why: the disk is full\n note: parts are kept\n")


def test_memory_that_runs_out_is_a_document(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    streams = Streams("window", json_output=True, quiet=False, no_color=False)
    assert _failed(MemoryError(), streams, debug=False) == 1
    assert only_document(capfdbinary.readouterr().out)["error"]["what"] == "not enough memory"


def test_error_in_the_first_document_replaces_the_ids(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"a\xff")
    done = run("encode", "bad.txt", "--json")
    assert (done.code, only_document(done.out)["error"]["exit_code"]) == (1, 1)
    assert "bad.txt is not valid UTF-8" in done.err


def test_text_without_a_document_is_an_error_only(run: Run) -> None:
    assert only_document(run("encode", "-t", "", "--json").out)["error"]["what"] == "no text in text 1"


def test_error_after_the_first_ids_is_not_added_to_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"a\xff")
    done = run("encode", "-t", "Hello", "bad.txt", "--json")
    assert (done.code, done.out.splitlines()[1:]) == (1, [b'{"source": "text-1", "ids": [15496]}'])
    assert "bad.txt is not valid UTF-8" in done.err


def test_damage_is_in_the_report_only(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three four five")
    assert run("window", "a.txt", "-o", "s", "-L", "2").code == 0
    (tmp_path / "s" / "notes.txt").write_text("mine")
    done = run("verify", "s", "--json")
    assert (done.code, only_document(done.out)["schema"]) == (3, "gptprep-verify-report")
    assert done.err.startswith("error: s is damaged\n")


@pytest.mark.parametrize("out", ["> /dev/full", ">&-", "| :"])
def test_standard_output_that_fails_does_not_change_the_error(tmp_path: Path, out: str) -> None:
    done = shell(f"set -o pipefail; gptprep encode none --json {out}", tmp_path)
    text = b"error: cannot read none\n  why: No such file or directory\n  fix: check the path\n"
    assert (done.returncode, done.stderr, done.stdout) == (1, text, b"")


def test_closed_pipe_gets_no_document(tmp_path: Path) -> None:
    (tmp_path / "big.txt").write_bytes(b"many words " * 200_000)
    done = shell("set -o pipefail; gptprep encode big.txt --json | head -c 20", tmp_path)
    assert (done.returncode, done.stderr, done.stdout) == (141, b"", b'{"schema": "gptprep-')


@pytest.mark.parametrize(
    ("number", "code", "how"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_interrupt_is_a_document(tmp_path: Path, number: signal.Signals, code: int, how: str) -> None:
    command = [*GPTPREP, *shlex.split("window - -o s -L 4 --json -q")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:  # type: ignore[call-overload]
        wait_for(tmp_path / "s.partial", process)  # it waits for standard input then
        process.send_signal(number)
        out, err = process.communicate()
    what = f"{how}: s was not written; run the same command again"
    said = {"what": what, "why": "", "fix": "", "exit_code": code, "notes": []}
    assert (process.returncode, only_document(out)["error"]) == (code, said)
    assert err.decode() == f"{what}\n"


def test_names_that_are_not_unicode_are_valid_json(run: Run) -> None:
    done = run("encode", "caf\udce9", "--json", env={"PYTHONUTF8": "1"})
    assert json.loads(done.out)["error"]["what"] == "cannot read caf\udce9"
