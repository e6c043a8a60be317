"""Runs of the command line in forked children: real processes, without the time that start-up takes."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import typer.main

from gptprep.cli import main

SECONDS = 60
"""After this time a child is ended by SIGALRM."""
EXAMPLES = {
    "count": "count no-such-file",
    "decode": "decode 1",
    "embed": "embed no-such-folder -o no-such-output",
    "encode": "encode -t x",
    "inspect": "inspect -t x",
    "verify": "verify no-such-folder",
    "vocab": "vocab no-such-file -o no-such-output.json",
    "window": "window no-such-file -o no-such-output",
}
"""A short run of each verb, for which typer builds and caches what it needs for its options."""
_loaded = set[str]()
messages_file = "messages"
"""The file that gets both streams of a child; may be set."""


class Ended(NamedTuple):
    """How a child ended."""

    code: int
    """Its exit code, or minus the signal that ended it."""
    messages: str
    """Both streams."""
    peak: int
    """Bytes of memory beyond what its parent had."""


def load(*arguments: list[str]) -> None:
    """Import now what the children need: the pipelines, and what some example runs import."""
    load_verbs(EXAMPLES)
    for example in arguments:
        before = set(sys.modules)
        wait(start(partial(_write_modules, example)))
        for name in sorted(set(Path("modules").read_text().split()) - before):
            with suppress(ImportError):
                import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a child would copy all objects of its parent


def load_verbs(verbs: Iterable[str]) -> None:
    """Import what some verbs need, and let typer build its command only once."""
    if not _loaded:
        typer.main.get_command = cache(typer.main.get_command)
    sys.stdout.flush()
    streams = [os.dup(1), os.dup(2)]
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(null, stream)
    for verb in set(verbs) - _loaded:
        import_module(f"gptprep.pipelines.{verb}")
        gptprep(EXAMPLES[verb].split())
        _loaded.add(verb)
    for stream, descriptor in enumerate(streams, 1):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.close(null)


def _write_modules(arguments: list[str]) -> int:
    gptprep(arguments)
    Path("modules").write_text(" ".join(sys.modules))
    return 0


def start(work: Callable[[], int]) -> int:
    """Start a child that does some work and exits with the code that it returns; returns its number."""
    pid = os.fork()
    if not pid:
        _child(work)
    return pid


def _child(work: Callable[[], int]) -> None:
    code = 99
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _prepare()
        code = work()
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        flush_and_exit(code)


def _prepare() -> None:
    """Give the next work its time, no input, and an empty file for both output streams."""
    signal.alarm(SECONDS)
    null = os.open(os.devnull, os.O_RDONLY)
    messages = os.open(messages_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream, target in enumerate((null, messages, messages)):
        os.dup2(target, stream)
    os.close(null)
    os.close(messages)


def _flush() -> None:
    with suppress(BaseException):
        sys.stdout.flush()
        sys.stderr.flush()


def flush_and_exit(code: int) -> None:
    """End a child without running what its parent registered for its exit."""
    _flush()
    os._exit(code)


def wait(pid: int) -> Ended:
    """Wait for a child that was started."""
    _, status, usage = os.wait4(pid, 0)
    peak = max(0, _peak(usage) - _peak(resource.getrusage(resource.RUSAGE_SELF)))
    return Ended(os.waitstatus_to_exitcode(status), _messages(), peak)


def _messages() -> str:
    return Path(messages_file).read_text(errors="replace")


def _peak(usage: resource.struct_rusage) -> int:
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run_each(works: Sequence[Callable[[], int]]) -> Iterator[Ended]:
    """Do some works one after the other in one child; if it dies in one, a new child does the rest."""
    done = 0
    while done < len(works):
        read, write = os.pipe()
        pid = start(partial(_do_each, works[done:], write))
        os.close(write)
        with open(read) as answers:
            for answer in answers:
                yield Ended(*json.loads(answer))
                done += 1
        died = wait(pid)
        if done < len(works):
            yield died
            done += 1


def _do_each(works: Sequence[Callable[[], int]], answers: int) -> int:
    for work in works:
        _prepare()
        with suppress(OSError):  # only Linux can start the peak again
            Path("/proc/self/clear_refs").write_text("5")
        before = _peak(resource.getrusage(resource.RUSAGE_SELF))
        code = work()
        _flush()
        peak = _peak(resource.getrusage(resource.RUSAGE_SELF)) - before
        os.write(answers, json.dumps(Ended(code, _messages(), peak)).encode() + b"\n")
    return 0


def gptprep(arguments: list[str]) -> int:
    """Run the command line in this process; returns the exit code."""
    own, sys.argv = sys.argv, ["gptprep", *arguments]
    try:
        main()
    except SystemExit as error:
        return int(error.code or 0)
    finally:
        sys.argv = own
    return 0


def run(arguments: list[str]) -> Ended:
    """Run the command line in a child."""
    return wait(start(lambda: gptprep(arguments)))
