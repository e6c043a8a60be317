"""Errors without a file name, and tracebacks."""

import subprocess
import sys
from pathlib import Path

import pytest

from gptprep.cli.run import _failed
from gptprep.cli.streams import Streams
from tests.helpers.cli import Run, in_terminal, shell

PLAIN = Streams(json_output=False, quiet=False, no_color=False)


class PanicException(BaseException):
    """As Rust libraries raise it."""


def test_current_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    done = shell("mkdir gone; cd gone; rmdir ../gone; gptprep encode -t hi -o x.npy", tmp_path)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"the current folder" in done.stderr


def test_columns_of_0_do_not_matter(run: Run) -> None:
    done = run("encode", "none", env={"COLUMNS": "0"})
    assert done.err.startswith("error: cannot read none")


def test_debug_shows_the_traceback(run: Run) -> None:
    done = run("encode", "none", "--debug")
    assert done.code == 1
    assert done.err.startswith("Traceback")
    assert "error: cannot read none" in done.err


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("can't start new thread"),
        PanicException("The global thread pool has not been initialized.: ThreadPoolBuildError { .. }"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_thread_that_is_refused_is_explained(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _failed(error, PLAIN, debug=False) == 1
    assert capsys.readouterr().err == (
        "error: cannot start a thread\n"
        "  why: the limit on processes and threads is reached\n"
        "  fix: raise the limit (ulimit -u, or the pids limit of the container)\n"
    )


@pytest.mark.parametrize(
    ("common", "line"),
    [
        ("-q", "vocab - -o -"),
        ("--quiet", "vocab - -o -"),
        ("--json", "inspect -t one"),
        ("-q --json", "encode -t one --count"),
        ("--debug", "encode none"),
        ("--no-color", "inspect -t one"),
        ("--json --debug", "encode none -q"),
    ],
)
def test_common_options_may_stand_before_the_verb(run: Run, common: str, line: str) -> None:
    verb, *arguments = line.split()
    done = run(*common.split(), verb, *arguments, stdin=b"one")
    after = run(verb, *arguments, *common.split(), stdin=b"one")
    without = run(verb, *arguments, stdin=b"one")
    assert (done.code, done.out) == (after.code, after.out)
    assert done.err.splitlines()[-1:] == after.err.splitlines()[-1:]
    assert done.err.startswith("Traceback") == ("--debug" in common)
    assert done != without or common == "--no-color"


def test_no_color_before_the_verb_has_its_effect(tmp_path: Path) -> None:
    assert "\x1b[" in in_terminal(tmp_path, "inspect", "-t", "one")
    assert "\x1b[" not in in_terminal(tmp_path, "--no-color", "inspect", "-t", "one")


def test_other_error_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        _failed(RuntimeError("a bug"), PLAIN, debug=False)


# The end of the process


@pytest.mark.parametrize(
    ("arguments", "code"), [("encode -t x", 0), ("encode no-such-file", 1), ("--bogus", 2)]
)
def test_exit_handlers_of_libraries_are_called(tmp_path: Path, arguments: str, code: int) -> None:
    program = (
        f"import atexit, sys; sys.argv = ['gptprep', *{arguments!r}.split()]\n"
        "from gptprep.cli import script\n"
        "atexit.register(lambda: print('called'))\n"
        "print('before', end=' ')\n"
        "script()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout.startswith("before")
    assert done.stdout.endswith("called\n")


def test_bug_is_a_traceback(tmp_path: Path) -> None:
    program = (
        "import sys; sys.argv = ['gptprep', 'encode', '-t', 'x']\n"
        "import gptprep.pipelines.encode as encode\n"
        "encode.plan = None\n"
        "from gptprep.cli import script\n"
        "script()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "TypeError: 'NoneType' object is not callable" in done.stderr
