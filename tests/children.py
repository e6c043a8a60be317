"""Runs of the command line in forked children: as real as processes of their own, without the start-up."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import typer.main

from gptprep.cli import main

SECONDS = 60
"""After which a child hangs."""
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
        before = set(sys.modules)
        wait(start(partial(_tell_modules, run_of)))
        for name in set(Path("modules").read_text().split()) - before:
            with suppress(ImportError):
                import_module(name)


def _tell_modules(arguments: list[str]) -> int:
    gptprep(arguments)
    return Path("modules").write_text(" ".join(sys.modules)) * 0


def start(work: Callable[[], int]) -> int:
    """The number of a child that does some work and ends with what it returns, or by SIGALRM if it hangs."""
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.alarm(SECONDS)
        nothing = os.open(os.devnull, os.O_RDONLY)
        messages = os.open(messages_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream, target in enumerate((nothing, messages, messages)):
            os.dup2(target, stream)
        code = work()
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
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
