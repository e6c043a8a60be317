"""A server that forks drivers of faults: `python -m tests.helpers.driver_server [torch]`.

A driver in a fresh interpreter needs half a second, or two with torch, to import what its runs need; a fork
of one that has imported it needs none. Requests and answers are lines of JSON on standard input and output.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from tempfile import TemporaryFile
from typing import NamedTuple

from tests.helpers.paths import TOP


class Driven(NamedTuple):
    """How a driver ended."""

    code: int
    """Its exit code, or minus the signal that ended it."""
    printed: str
    """Both streams."""


def drive(
    module: str, arguments: Sequence[str], seconds: int, *, with_torch: bool, within: Sequence[str] = ()
) -> Driven:
    """Call `main(arguments)` of a module in a fork of a server, and end it by SIGALRM after some seconds.

    Args:
        with_torch: whether the server has imported torch.
        within: a command that runs the server.
    """
    return _server(tuple(within), with_torch=with_torch).drive(module, arguments, seconds)


@cache
def _server(within: tuple[str, ...], *, with_torch: bool) -> _DriverServer:
    return _DriverServer([*within, sys.executable, "-m", __name__, *(["torch"] if with_torch else [])])


class _DriverServer:
    """The side of the tests."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self._process.communicate)

    def drive(self, module: str, arguments: Sequence[str], seconds: int) -> Driven:
        """Call `main` of a module."""
        requests, answers = self._process.stdin, self._process.stdout
        assert requests
        assert answers
        requests.write(json.dumps([module, arguments, seconds]).encode() + b"\n")
        requests.flush()
        return Driven(*json.loads(answers.readline()))


# The side of the server


def serve() -> None:
    """Fork a driver for each request until standard input ends."""
    for request in sys.stdin:
        with TemporaryFile("w+") as printed:
            pid = os.fork()
            if not pid:
                _drive(printed.fileno(), *json.loads(request))
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            printed.seek(0)
            sys.stdout.write(json.dumps(Driven(code, printed.read())) + "\n")
            sys.stdout.flush()


def _drive(printed: int, module: str, arguments: list[str], seconds: int) -> None:
    from tests.helpers import forked

    code = 1
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        for stream, target in enumerate((null, printed, printed)):
            os.dup2(target, stream)
        signal.alarm(seconds)
        import_module(module).main(arguments)
        code = 0
    except SystemExit as error:
        code = int(bool(error.code))
        sys.stderr.write(str(error.code))
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        forked.flush_and_exit(code)


def _prepare(*, with_torch: bool) -> None:
    """Import what the runs of drivers import."""
    import rich.console
    import rich.progress
    import rich.table  # noqa: F401

    from tests.helpers import forked

    if with_torch:
        from gptprep.training import checkpoints, writer  # noqa: F401
    forked.load()


if __name__ == "__main__":
    _prepare(with_torch="torch" in sys.argv[1:])
    serve()
