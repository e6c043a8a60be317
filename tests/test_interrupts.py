"""Interrupts that come where Python drops them, that clean-up fails after, or that have to wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gptprep.interrupts import put_off
from tests.conftest import TOP

RUN = """
import signal, sys, time
from gptprep.cli import shell
def verb(_, output):
{}
    time.sleep(20)
a_shell = shell.Shell(json_output=False, quiet=True, no_color=True, debug=False)
sys.exit(shell._run(a_shell, verb, {{"output": "x"}}))
"""


def run(folder: Path, *lines: str) -> tuple[int, str]:
    code = RUN.format("\n".join(f"    {line}" for line in lines))
    env = {**os.environ, "PYTHONPATH": str(TOP)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env, timeout=60)
    return done.returncode, done.stderr


@pytest.mark.parametrize(("sent", "code", "how"), [("INT", 130, "interrupted"), ("TERM", 143, "terminated")])
@pytest.mark.parametrize(
    "lines",
    [
        ("signal.raise_signal(signal.SIG{})",),
        (
            "class Dropping:",
            "    def __del__(self):",
            "        signal.raise_signal(signal.SIG{})",
            "        time.sleep(0.01)",
            "Dropping()",
        ),
        ("try:", "    signal.raise_signal(signal.SIG{})", "finally:", "    open('no/such/file')"),
    ],
    ids=["plain", "dropped", "cleaning up fails"],
)
def test_no_interrupt_is_lost(tmp_path: Path, lines: tuple[str, ...], sent: str, code: int, how: str) -> None:
    lines = tuple(line.format(sent) for line in lines)
    assert run(tmp_path, *lines) == (code, f"{how}: x was not written; run the same command again\n")


def test_one_that_is_dropped_at_the_end_is_too_late(tmp_path: Path) -> None:
    lines = ("class Dropping:", "    def __del__(self):", "        signal.raise_signal(signal.SIGINT)")
    for _ in range(10):
        assert run(tmp_path, *lines, "Dropping()", "return") == (0, "")


def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    code = RUN.format("    signal.raise_signal(signal.SIGINT); return")
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    env = {**os.environ, "PYTHONPATH": str(TOP)}
    done = subprocess.run([sys.executable, "-c", ignoring + code], cwd=tmp_path, env=env, timeout=60)
    assert done.returncode == 0


def test_an_interrupt_after_the_output_has_its_name_says_so(tmp_path: Path) -> None:
    lines = ("open('x', 'w').close()", "signal.raise_signal(signal.SIGINT)")
    assert run(tmp_path, *lines) == (130, "interrupted: x is whole\n")
    assert run(tmp_path, lines[1]) == (130, "interrupted: run the same command again\n")
    not_written = "interrupted: x was not written; run the same command again\n"
    assert run(tmp_path, "import os", "os.unlink('x')", lines[1]) == (130, not_written)


def test_an_interrupt_that_has_to_wait_comes_after_the_block() -> None:
    went_on = False
    with pytest.raises(KeyboardInterrupt), put_off():
        signal.raise_signal(signal.SIGINT)
        went_on = True
    assert went_on
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_had_to_wait_comes_after_an_error_too() -> None:
    with pytest.raises(KeyboardInterrupt) as interrupt, put_off():
        signal.raise_signal(signal.SIGINT)
        raise ValueError
    assert isinstance(interrupt.value.__context__, ValueError)


def test_threads_have_no_interrupts_to_put_off() -> None:
    entered = []

    def work() -> None:
        with put_off():
            entered.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert entered == [True]
