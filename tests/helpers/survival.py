"""What a run that was disturbed leaves, and whether the same command then succeeds."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from gptprep.storage.files import MARKER
from gptprep.tokens import parts
from tests.helpers import forked

OLD = "old"
"""A folder or file that is copied to the output's name before each run with --force."""
PART_BYTES = 3_000
"""So small that a run writes several parts."""
_WINDOW = "window c -o out -T v.json -L 32 -q --workers"
COMMANDS = {
    "window": f"{_WINDOW} 1",
    "window, two workers": f"{_WINDOW} 2",
    "window --force": f"{_WINDOW} 1 --force --layout tokens --boundary document --shuffle --val-fraction 0.2",
    "encode": "encode c/poem.txt -o out.npy -T v.json -q",
    "encode --force": "encode c/poem.txt -o out.npy -T v.json -q --force",
    "encode, large": "encode c -o out.bin -T v.json -q --workers 1",
    "decode": "decode old.npy -o out.txt -T v.json -q",
    "vocab": "vocab c -o out.json -q --workers 1",
    "embed": "embed shards -o out --dim 4 --device cpu -q",
}
"""Commands that are disturbed."""


def arguments(name: str, folder: Path) -> list[str]:
    """One of `COMMANDS`, with an `old` output of its own kind in a folder."""
    if name == "encode --force":
        shutil.rmtree(folder / OLD)
        (folder / "old.npy").rename(folder / OLD)
    return COMMANDS[name].split()


class Command:
    """A command with `-o` and perhaps `--force`, run again and again in the current folder.

    Raises:
        SystemExit: an undisturbed run fails.
    """

    def __init__(self, arguments: list[str]) -> None:
        self.arguments, self._force = arguments, "--force" in arguments
        self._output = arguments[arguments.index("-o") + 1]
        self._writes_ids, self._provenance = arguments[0] == "encode", f"{self._output}.json"
        self._clear()
        ended = forked.run(arguments)
        if ended.code:
            raise SystemExit(f"an undisturbed run fails: {ended.messages}")
        self._expected = _hashes(self._output)
        self._old = None
        if self._force:
            self.reset()
            self._old = _hashes(self._output)

    def reset(self) -> None:
        """Leave only what is there before a run."""
        self._clear()
        if self._force and os.path.isdir(OLD):
            shutil.copytree(OLD, self._output)
        elif self._force:
            shutil.copy(OLD, self._output)

    def _clear(self) -> None:
        for path in Path().glob(f"*{self._output}*"):
            if path.name.startswith((self._output, f".{self._output}")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _has_wrong_provenance(self) -> bool:
        """Whether there is a provenance, and it is not that of the ids beside it."""
        if not self._writes_ids or not os.path.exists(self._provenance):
            return False
        ids = Path(self._output)
        value = json.loads(Path(self._provenance).read_bytes())
        return not ids.exists() or value["ids_sha256"] != hashlib.sha256(ids.read_bytes()).hexdigest()

    def problems(
        self, ended: forked.Ended, codes: set[int], before_next: Callable[[], object] = lambda: None
    ) -> list[str]:
        """What does not hold after a disturbed run, and after the next run of the same command.

        Args:
            codes: the exit codes that the disturbed run may have.
            before_next: called before the next run.
        """
        wrong = [] if no_process_left() else ["a process is still running"]
        after = _hashes(self._output)
        if self._has_wrong_provenance():
            wrong.append("the provenance is of other ids than those that are there")
        if after not in (None, self._old, self._expected):
            wrong.append("something else is at the output's name")
        if self._force and after is None and _hashes(f"{self._output}.replaced") != self._old:
            wrong.append("the old output is lost")
        if ended.code not in codes or "Traceback" in ended.messages:
            wrong.append(f"exit code {ended.code}: {ended.messages[-2000:]}")
        if ended.code == 0 and after != self._expected:
            wrong.append("exit code 0 without the output")
        ways = ("error: ", "run the same command", "the same command continues", "is complete")
        if ended.code > 0 and not any(way in ended.messages for way in ways):
            wrong.append(f"it does not say how to continue: {ended.messages}")
        if after != self._expected or self._force:
            before_next()
            again = forked.run(self.arguments)
            if again.code:
                wrong.append(f"the next run ended with {again.code}: {again.messages[-2000:]}")
        if _hashes(self._output) != self._expected or self._has_wrong_provenance():
            wrong.append("the next run gave something else")
        if self._writes_ids and after != self._expected and not os.path.exists(self._provenance):
            wrong.append("the next run gave no provenance")
        prefixes = (f"{self._output}.", f".{self._output}")
        left = sorted(path.name for path in Path().iterdir() if path.name.startswith(prefixes))
        if self._provenance in left and self._writes_ids:
            left.remove(self._provenance)
        if left and (self._force or after != self._expected):
            wrong.append(f"{left} were left")
        return wrong


def no_process_left() -> bool:
    """Wait for the processes that dead runs have left to us; the system ends them within moments."""
    for _ in range(1_000):
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.01)
            continue
        return True
    return False


def _hashes(path: str) -> dict[str, str] | None:
    """The hashes of all files of an output, by name; None if there is none. The marker does not count."""
    if not os.path.lexists(path):
        return None
    files = [Path(path)] if os.path.isfile(path) else [p for p in Path(path).rglob("*") if p.is_file()]
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.name != MARKER
    }


def prepare(folder: str, arguments: list[str]) -> None:
    """Get ready to disturb runs of a command in a folder; orphaned processes become our children."""
    set_child_subreaper = 36  # PR_SET_CHILD_SUBREAPER in <sys/prctl.h>
    ctypes.CDLL(None).prctl(set_child_subreaper, 1)
    os.chdir(folder)
    parts.PART_BYTES = PART_BYTES
    forked.load([*arguments, "--force"])


def report(attempts: Iterable[list[str]]) -> None:
    """Print how many attempts there were and what did not hold, as `Trials.drive` reads it."""
    found = list(attempts)
    sys.stdout.write(json.dumps({"tried": len(found), "wrong": [line for wrong in found for line in wrong]}))
