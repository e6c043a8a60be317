"""Runs of the command line."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import NamedTuple, Protocol

GPTPREP = (sys.executable, "-m", "gptprep")
_FRESH = ("PYTHON", "LANG", "LC_")
"""Starts of environment variables that an interpreter reads when it starts."""


class Result(NamedTuple):
    """How a run ended."""

    code: int
    out: bytes
    err: str


class Run(Protocol):
    """Runs `gptprep` as a process in the test's folder."""

    def __call__(
        self, *arguments: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None
    ) -> Result: ...


def needs_fresh_interpreter(env: dict[str, str]) -> bool:
    """Whether variables have an effect only when the interpreter starts."""
    return any(name.startswith(_FRESH) for name in env)


def run_fresh(arguments: list[str], folder: Path, env: dict[str, str], stdin: bytes) -> Result:
    """Run `gptprep` in a new interpreter."""
    command = [*GPTPREP, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, cwd=folder, env=env, timeout=120)
    return Result(done.returncode, done.stdout, done.stderr.decode())


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a run in a new interpreter, to disturb it."""
    command = [*GPTPREP, *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a run has created a file."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command line with `gptprep` in it in bash."""
    line = command.replace("gptprep", " ".join(GPTPREP))
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True)


def in_terminal(
    folder: Path, *arguments: str, columns: int = 100, code: int = 0, env: dict[str, str] | None = None
) -> str:
    """What a run that ends with an exit code writes to a terminal."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, columns))
    usual = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    whole_env = {**usual, "TERM": "xterm-256color", **(env or {})}
    command = [*GPTPREP, *arguments]
    with subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=whole_env
    ) as process:
        os.close(theirs)
        written = bytearray()
        with contextlib.suppress(OSError):  # the end of a terminal is an OSError
            while data := os.read(ours, 1 << 16):
                written += data
        os.close(ours)
    assert process.returncode == code
    return written.decode()
