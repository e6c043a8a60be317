"""Runs of the command line in forked children: as real as processes of their own, without the start-up."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import typer.main

from gptprep.cli import main

MODULES = "decode embed encode_large inspect verify vocab window"
messages_file = "messages"
"""Where children write what they say; may be set."""


class Ended(NamedTuple):
    """How a child ended."""

    code: int
    """Its exit code; minus the signal that ended it."""
    messages: str
    """Both streams."""
    peak: int
    """Bytes of memory beyond what its parent had."""


def load(*arguments: list[str]) -> None:
    """Import once what the children need: what some runs import."""
    typer.main.get_command = cache(typer.main.get_command)
    for module in MODULES.split():
        import_module(f"gptprep.pipelines.{module}")
    for run_of in arguments:
        read, write = os.pipe()
        before = set(sys.modules)

        def tell(run_of: list[str] = run_of, before: set[str] = before, write: int = write) -> int:
            gptprep(run_of)
            return os.write(write, " ".join(sys.modules.keys() - before).encode()) * 0

        wait(start(tell))
        os.close(write)
        with open(read, "rb") as names:
            for name in names.read().decode().split():
                with suppress(ImportError):
                    import_module(name)


def start(work: Callable[[], int], seconds: int = 0) -> int:
    """The number of a child that does some work and ends with what it returns.

    Args:
        seconds: the system kills it after so many.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.alarm(seconds)
        nothing = os.open(os.devnull, os.O_RDONLY)
        messages = os.open(messages_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(nothing, 0), os.dup2(messages, 1), os.dup2(messages, 2)
        code = work()
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(BaseException):
            sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)


def wait(pid: int) -> Ended:
    """How a child that was started ended."""
    _, status, usage = os.wait4(pid, 0)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = max(0, usage.ru_maxrss - own) * (1 if sys.platform == "darwin" else 1024)
    return Ended(os.waitstatus_to_exitcode(status), Path(messages_file).read_text(errors="replace"), peak)


def gptprep(arguments: list[str]) -> int:
    """The exit code of a run in this process."""
    sys.argv = ["gptprep", *arguments]
    try:
        main()
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def run(arguments: list[str]) -> Ended:
    """A run in a child of its own."""
    return wait(start(lambda: gptprep(arguments)))


def run_again(arguments: list[str]) -> Ended:
    """As `run`; the system may take a moment to end the workers of a run that was killed."""
    for _ in range(200):
        ended = run(arguments)
        if "is being written by another run" not in ended.messages:
            break
        time.sleep(0.02)
    return ended
