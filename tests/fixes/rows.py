"""A row: how an error is provoked, the fix that it must have, and the commands that follow it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gptprep.errors import GptprepError
from tests.helpers.cli import GPTPREP, Result, Run

TEXT = "one two three four five six seven eight nine ten"
_HOLE = re.compile(r"\{([^{}]*)\}")
_COMMAND = " ".join(map(shlex.quote, GPTPREP))
_BASH = f'gptprep() {{ {_COMMAND} "$@"; }}; '
"""Makes `gptprep` a command of bash."""
NO_ROOT = (
    "setpriv --bounding-set=-all --inh-caps=-all " if sys.platform == "linux" and not os.geteuid() else ""
) + _COMMAND
"""Starts `gptprep` in bash without the right of root to read and write everything."""


@dataclass(frozen=True)
class Place:
    """A folder of a test: a text `a.txt`, its ids `a.bin`, its shards `s` and its vocabulary `v.json`."""

    folder: Path
    run: Run


Step = str | Callable[[Place], object]
"""Arguments of `gptprep`, perhaps after its name; a line for bash, after `$ `; or a function."""
FollowStep = str | Callable[..., object]
"""A step that uses what the holes of the fix held: a function as arguments, a line as `{0}`, `{1}`, ..."""


class Row(NamedTuple):
    """An error, and how its fix is followed."""

    fails: Step
    """Ends with the error: a line, or a function that raises it or returns what is written."""
    fix: str
    """The whole fix. `{}` stands for any text, `{REGEX}` for a text that matches."""
    follow: FollowStep | tuple[FollowStep, ...]
    """What the fix says. All of it must succeed."""
    before: Step | tuple[Step, ...] = ()
    """What makes the files for it."""
    files: Mapping[str, str | bytes] = {}
    """Files for it, by name."""

    @property
    def sample(self) -> str:
        """The fix as it may be shown: what the expressions in its holes say, without their backslashes."""
        return _HOLE.sub(lambda hole: hole[1].replace("\\", "") or "...", self.fix)


Table = Mapping[str, list[Row]]


def holes(row: Row, fix: str) -> tuple[str, ...]:
    """What is in the holes of a fix, which must be the one of the row."""
    pattern, end = "", 0
    for hole in _HOLE.finditer(row.fix):
        pattern += re.escape(row.fix[end : hole.start()]) + f"({hole[1] or '.+'})"
        end = hole.end()
    match = re.fullmatch(pattern + re.escape(row.fix[end:]), fix)
    assert match, f"the fix is {fix!r}, not {row.fix!r}"
    return match.groups()


def prepare(row: Row, place: Place) -> None:
    """Make the files of a row."""
    for name, content in row.files.items():
        path = place.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    for step in row.before if isinstance(row.before, tuple) else (row.before,):
        _succeed(step, place)


def provoked_fix(row: Row, place: Place) -> str:
    """Provoke the error of a row; returns its fix."""
    if callable(row.fails):
        try:
            messages = str(row.fails(place))
        except GptprepError as error:
            return error.fix
    else:
        done = _line(row.fails, place)
        assert done.code not in (0, 99), done.err
        messages = done.err
    assert "Traceback" not in messages
    assert re.search(r"^error: .+", messages, re.MULTILINE), messages
    assert not re.search(r"\bat 0x[0-9a-f]{6,}", messages), messages
    found = re.findall(r"^  fix: (.*?)\r?$", messages, re.MULTILINE)
    assert len(found) == 1, messages
    return str(found[0])


def follow(row: Row, place: Place, found: tuple[str, ...]) -> None:
    """Follow the fix of a row."""
    for step in row.follow if isinstance(row.follow, tuple) else (row.follow,):
        _succeed(step, place, found)


def _succeed(step: FollowStep, place: Place, found: tuple[str, ...] = ()) -> None:
    if callable(step):
        step(place, *found)
        return
    line = step.format(*found) if found else step
    done = _line(line, place)
    assert done.code == 0, f"{line}: {done.err}"


def _line(line: str, place: Place) -> Result:
    if not line.startswith("$ "):
        return place.run(*shlex.split(line.removeprefix("gptprep ")))
    command = ["bash", "-c", _BASH + line[2:]]
    done = subprocess.run(command, cwd=place.folder, capture_output=True, timeout=60)
    return Result(done.returncode, done.stdout, done.stderr.decode())


# Steps that several tables use


def each(*lines: str) -> Callable[..., None]:
    """A step that takes some lines for each word of the first hole: `a, b or c`, or `a b c`."""

    def run(place: Place, words: str) -> None:
        for word in re.split(r", | or | ", words):
            for line in lines:
                _succeed(line, place, (word,))

    return run


def installed(_: Place, packages: str, *_others: str) -> None:
    """A step for `pip install PACKAGES`: they are here, and pip knows them by these names."""
    for name in packages.split():
        importlib.metadata.version(name)
