"""Each step at which a run changes the disk, and a fault there: `python -m tests.faults FOLDER KIND ARGS`.

A step is a call that makes, writes, flushes, renames or removes a file or a folder. For n = 1, 2, ... the
command is run with a fault at its step n, in each of its processes, until a run has no step n any more; then
the same command is run without one. Prints what was tried and what did not hold, as JSON.

KIND is "kill" (SIGKILL before the step) or "full" (the step fails with "No space left on device").
"""

from __future__ import annotations

import builtins
import errno
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from gptprep.cli import main
from gptprep.files import MARKER
from gptprep.pipelines import parts

STEPS = ("write", "fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir")
OLD = "old"
"""A folder or file that lies at the output's name before a run with --force."""
PART_BYTES = 3_000
Tree = dict[str, str]


def install(n: int, kind: str) -> None:
    """Let this process, and those that it forks, meet a fault at step n."""
    passed = 0

    def step(name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == n:
            Path("fired").touch()
            fired(name)

    def fired(name: str) -> None:
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
        if set(mode) & set("wax+") and file != "fired":
            step("open")
        return real_open(file, mode, *arguments, **options)

    def os_opened(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & os.O_CREAT and path != "fired":
            step("open")
        return real_os_open(path, flags, *arguments, **options)

    for name in STEPS:
        setattr(os, name, wrapped(name, getattr(os, name)))
    builtins.open, os.open = opened, os_opened


def run(arguments: list[str], n: int = 0, kind: str = "") -> tuple[int, str]:
    """The exit status of a run in a process of its own, minus the signal that ended it; and its messages."""
    pid = os.fork()
    if not pid:
        code = 99
        try:
            messages = os.open("messages", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(messages, 1), os.dup2(messages, 2)
            parts.PART_BYTES = PART_BYTES
            if n:
                install(n, kind)
            sys.argv = ["gptprep", *arguments]
            main()
        except SystemExit as error:
            code = int(error.code or 0)
        finally:
            with suppress(BaseException):
                sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), Path("messages").read_text(errors="replace")


def tree(path: str) -> Tree | None:
    """The hashes of all files of an output; None if there is none. Our mark does not count."""
    if not os.path.lexists(path):
        return None
    files = [Path(path)] if os.path.isfile(path) else [p for p in Path(path).rglob("*") if p.is_file()]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.name != MARKER}


def clear(output: str) -> None:
    """Nothing at the output's name or beside it."""
    for path in Path().glob(f"*{output}*"):
        if path.name.startswith((output, f".{output}")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def place_old(output: str) -> None:
    """What was there before."""
    if os.path.isdir(OLD):
        shutil.copytree(OLD, output)
    elif os.path.exists(OLD):
        shutil.copy(OLD, output)


def again(arguments: list[str]) -> tuple[int, str]:
    """The same command without a fault; the system may take a moment to end the workers of a killed run."""
    for _ in range(100):
        code, messages = run(arguments)
        if "is being written by another run" not in messages:
            break
        time.sleep(0.02)
    return code, messages


def attempts(arguments: list[str], kind: str) -> Iterator[list[str]]:
    """What did not hold, for each step."""
    output = arguments[arguments.index("-o") + 1]
    force = "--force" in arguments
    clear(output)
    code, messages = run(arguments)
    if code:
        raise SystemExit(f"it does not run at all: {messages}")
    whole = tree(output)
    clear(output)
    place_old(output)
    old = tree(output)
    clear(output)
    for n in range(1, 10_000):
        if force:
            place_old(output)
        Path("fired").unlink(missing_ok=True)
        code, messages = run(arguments, n, kind)
        if not os.path.exists("fired"):
            return
        wrong = []
        after = tree(output)
        if after not in (None, whole, *([old] if force else [])):
            wrong.append(f"step {n}: something else is at the output's name")
        if kind == "full" and (
            code not in (0, 1) or "Traceback" in messages or (code and "error: " not in messages)
        ):
            wrong.append(f"step {n}: exit code {code}: {messages[-2000:]}")
        if kind == "full" and not code and tree(output) != whole:
            wrong.append(f"step {n}: exit code 0 without the output")
        if tree(output) != whole or force:
            code, messages = again(arguments)
            if code:
                wrong.append(f"step {n}: the next run ended with {code}: {messages[-2000:]}")
        if tree(output) != whole:
            wrong.append(f"step {n}: the next run gave something else")
        left = sorted(
            path.name for path in Path().iterdir() if path.name.startswith((f"{output}.", f".{output}"))
        )
        if left and (force or tree(output) != whole):
            wrong.append(f"step {n}: {left} stayed")
        yield wrong
        clear(output)


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    for module in ("decode", "embed", "encode_large", "vocab", "window"):  # once, and not in every run
        import_module(f"gptprep.pipelines.{module}")
    import_module("gptprep.tokenizers.gigatoken")
    if sys.argv[3] == "embed":
        import_module("gptprep.embeddings"), import_module("gptprep.weights")
    found = list(attempts(sys.argv[3:], sys.argv[2]))
    sys.stdout.write(json.dumps({"tried": len(found), "wrong": [line for wrong in found for line in wrong]}))
