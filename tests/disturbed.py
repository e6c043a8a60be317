"""What is left of a run that was disturbed, and what the same command makes of it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gptprep.files import MARKER
from tests import children

OLD = "old"
"""A folder or file that lies at the output's name before a run with --force."""


class Disturbed:
    """Runs of one command, with `-o` and perhaps `--force`, in the current folder.

    Raises:
        SystemExit: it does not run at all.
    """

    def __init__(self, arguments: list[str]) -> None:
        self._arguments, self._force = arguments, "--force" in arguments
        self._output = arguments[arguments.index("-o") + 1]
        self._clear()
        ended = children.run(arguments)
        if ended.code:
            raise SystemExit(f"it does not run at all: {ended.messages}")
        self._whole = _tree(self._output)
        self._old = None
        if self._force:
            self.begin()
            self._old = _tree(self._output)

    def begin(self) -> None:
        """Only what was there before a run."""
        self._clear()
        if self._force and os.path.isdir(OLD):
            shutil.copytree(OLD, self._output)
        elif self._force:
            shutil.copy(OLD, self._output)

    def _clear(self) -> None:
        for path in Path().glob(f"*{self._output}*"):
            if path.name.startswith((self._output, f".{self._output}")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def wrong(
        self, ended: children.Ended, codes: set[int], before_next: Callable[[], object] = lambda: None
    ) -> list[str]:
        """What does not hold after a run that may have ended with these codes, and after the next."""
        wrong = [] if no_process_left() else ["a process stayed"]
        after = _tree(self._output)
        if after not in (None, self._old, self._whole):
            wrong.append("something else is at the output's name")
        if self._force and after is None and _tree(f"{self._output}.replaced") != self._old:
            wrong.append("the old output is lost")
        if ended.code not in codes or "Traceback" in ended.messages:
            wrong.append(f"exit code {ended.code}: {ended.messages[-2000:]}")
        if ended.code == 0 and after != self._whole:
            wrong.append("exit code 0 without the output")
        ways_on = ("error: ", "run the same command", "goes on from there", "is whole")
        if ended.code > 0 and not any(way in ended.messages for way in ways_on):
            wrong.append(f"it does not say how to go on: {ended.messages}")
        if after != self._whole or self._force:
            before_next()
            again = children.run(self._arguments)
            if again.code:
                wrong.append(f"the next run ended with {again.code}: {again.messages[-2000:]}")
        if _tree(self._output) != self._whole:
            wrong.append("the next run gave something else")
        left = sorted(
            path.name
            for path in Path().iterdir()
            if path.name.startswith((f"{self._output}.", f".{self._output}"))
        )
        if left and (self._force or after != self._whole):
            wrong.append(f"{left} stayed")
        return wrong


def no_process_left() -> bool:
    """Wait for what runs have left behind, which comes to us; the system ends it within moments."""
    for _ in range(1_000):
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.01)
            continue
        return True
    return False


def adopt_orphans() -> None:
    """Become the parent of what dead children leave behind."""
    set_child_subreaper = 36  # PR_SET_CHILD_SUBREAPER of <sys/prctl.h>
    ctypes.CDLL(None).prctl(set_child_subreaper, 1)


def _tree(path: str) -> dict[str, str] | None:
    """The hashes of all files of an output, by name; None if there is none. Our mark does not count."""
    if not os.path.lexists(path):
        return None
    files = [Path(path)] if os.path.isfile(path) else [p for p in Path(path).rglob("*") if p.is_file()]
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.name != MARKER
    }
