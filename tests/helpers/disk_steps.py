"""Faults when a run changes the disk: `python -m tests.helpers.disk_steps FOLDER KIND ARGS`.

A step is a call of Python that opens a file for writing, or of `os` that writes, flushes, renames or removes.
For n = 1, 2, ... the command is run with a fault at step n of each of its processes, until a run has no
step n; after each fault the same command is run without one. Prints what was tried and what did not hold.

KIND is "kill" (SIGKILL before the step) or "full" (the step fails with "No space left on device").
"""

from __future__ import annotations

import builtins
import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.helpers import forked, survival

STEPS = ("write", "fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir")


def install(n: int, kind: str) -> None:
    """Give this process, and those that it forks, a fault at step n."""
    passed = 0

    def step(name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == n:
            os.close(real_os_open("fired", os.O_CREAT | os.O_WRONLY))
            fail(name)

    def fail(name: str) -> None:
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(errno.ENOSPC, "No space left on device", name)

    def wrapped(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            step(name)
            return real(*arguments, **options)

        return call

    real_open, real_os_open = builtins.open, os.open

    def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if set(mode) & set("wax+"):
            step("open")
        return real_open(file, mode, *arguments, **options)

    def os_opened(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            step("open")
        return real_os_open(path, flags, *arguments, **options)

    for name in STEPS:
        setattr(os, name, wrapped(name, getattr(os, name)))
    builtins.open, os.open = opened, os_opened


def run_with_fault(arguments: list[str], n: int, kind: str) -> int:
    """Run the command in this process with a fault; returns the exit code."""
    install(n, kind)
    return forked.gptprep(arguments)


def attempts(arguments: list[str], kind: str) -> Iterator[list[str]]:
    """What did not hold, for each step."""
    command = survival.Command(arguments)
    # 1: a worker was killed; 0: the run can do without the step.
    codes = {-signal.SIGKILL, 1, 0} if kind == "kill" else {1, 0}
    for n in range(1, 10_000):
        command.reset()
        Path("fired").unlink(missing_ok=True)
        ended = forked.wait(forked.start(partial(run_with_fault, arguments, n, kind)))
        if not os.path.exists("fired"):
            return
        yield [f"step {n}: {line}" for line in command.problems(ended, codes)]


def main(arguments: list[str]) -> None:
    """Run the driver."""
    folder, kind, *command = arguments
    survival.prepare(folder, command)
    survival.report(attempts(command, kind))


if __name__ == "__main__":
    main(sys.argv[1:])
