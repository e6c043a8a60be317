"""Which files the inputs name, in an order that is the same on every machine."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from gptprep.errors import GptprepError, WrongUsage, os_errors
from gptprep.files import MARKER

Kind = Literal["text", "jsonl", "parquet", "ids"]
_COMPRESSED = (".gz", ".zst")
_KINDS: dict[str, Kind] = {
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".markdown": "text",
    ".rst": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
"""What is read of a folder. A file that is named itself is read as text whatever its ending."""
_IDS = (".npy", ".bin")


class Source(NamedTuple):
    """One input: a file or a stretch of one, standard input (`path` is "-"), an argument's text (`data`)."""

    name: str
    """For manifests: the last part of what the user named and what lies below it, never more."""
    path: str
    """For opening."""
    kind: Kind
    size: int | None = None
    """Bytes on disk; None where only reading tells."""
    data: bytes | None = None
    begin: int = 0
    """Of a stretch: the first byte, or the first id of ids."""
    end: int | None = None
    """Of a stretch: the byte or id after the last; None for the end of the file."""
    first_line: int = 1
    """The line of the first byte; 0 where lines are not counted, since that takes time."""
    stamp: tuple[int, int, int, int] | None = None
    """Of a regular file: its number, size, and times of change of content and of anything, in ns."""

    @property
    def label(self) -> str:
        """For messages."""
        return "standard input" if self.path == "-" else self.path

    @property
    def has_lines(self) -> bool:
        """Each line, or row, is a document: errors name it, for a byte offset would mean nothing."""
        return self.kind in ("jsonl", "parquet")


def check_unchanged(source: Source) -> None:
    """See to it that a file is still the one of which the work was planned.

    Its parts are read at different times, perhaps by several processes: of a file that changes meanwhile they
    would be parts of different texts. What is told by are its number, size and time of change: text that is
    rewritten in the same length within a tick of the file system's clock is not noticed.

    Raises:
        GptprepError: it is not.
    """
    if source.stamp is None:
        return
    with os_errors("read", source.path):
        try:
            status = os.stat(source.path)
        except FileNotFoundError:
            raise _changed(source, "vanished") from None
    inode, size, modified, _ = source.stamp
    if (status.st_ino, status.st_size, status.st_mtime_ns) != (inode, size, modified):
        raise _changed(source, "changed")


def _changed(source: Source, how: str) -> GptprepError:
    return GptprepError(
        f"{source.path} {how} while it was read",
        "what is written has to be of one text",
        "run the same command again when nothing writes to it",
    )


def text_source(text: bytes, number: int) -> Source:
    """A text given as an argument; `number` counts them from 1."""
    return Source(f"text-{number}", f"text {number}", "text", len(text), text)


def find_sources(inputs: Sequence[str], *, ids: bool = False, stdin: Kind = "text") -> list[Source]:
    """The files that some paths, folders and globs name; "-" is standard input.

    Folders are walked in sorted order (of the names' bytes); of their files, those with an ending of text,
    JSON lines or Parquet are taken, hidden ones never, and links to folders are not followed. With `ids`,
    `.npy` and `.bin` files that are named are ids. `stdin` says what standard input holds.

    Raises:
        WrongUsage: standard input is named twice.
        GptprepError: a path does not exist or cannot be read, a folder or a glob has nothing to read.
    """
    if list(inputs).count("-") > 1:
        raise WrongUsage("standard input is named twice", fix="name - once")
    sources: list[Source] = []
    for name in inputs:
        if name == "-":
            sources.append(Source("stdin", "-", stdin))
        elif os.path.isdir(name):
            sources += _folder(name)
        elif os.path.lexists(name) or not glob.has_magic(name):
            sources.append(_file(name, os.path.basename(name), ids))
        else:
            sources += _glob(name, ids)
    return sources


def one_source(name: str) -> Source:
    """One file, or standard input: no folder, no glob.

    Raises:
        GptprepError: it is a folder, does not exist or cannot be read.
    """
    if name == "-":
        return Source("stdin", "-", "text")
    if os.path.isdir(name):
        raise GptprepError(f"{name} is a folder", fix="name one file")
    return _file(name, os.path.basename(name), False)


def _folder(top: str) -> list[Source]:
    base = os.path.basename(os.path.normpath(top)).strip(".")  # of "." and ".." only what lies below
    paths = sorted(_walk(top), key=lambda path: os.fsencode(path).split(os.fsencode(os.sep)))
    if not paths:
        raise GptprepError(
            f"the folder {top} has no text",
            f"files that end in {' '.join(_KINDS)} are read (also with {' or '.join(_COMPRESSED)})",
            "name the files themselves, or a quoted glob such as 'src/**/*.py'",
        )
    return [
        _file(path, os.path.join(base, os.path.relpath(path, top)).replace(os.sep, "/"), False)
        for path in paths
    ]


def _walk(top: str) -> Iterator[str]:
    def stop(error: OSError) -> None:
        raise error

    with os_errors("read", top):
        for folder, folders, files in os.walk(top, onerror=stop):
            if MARKER in files:  # the work of a run that is under way, or was stopped
                folders.clear()
                continue
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                path = os.path.join(folder, name)
                is_regular = os.path.isfile(path) or not os.path.exists(
                    path
                )  # a broken link is an error later
                if _kind(name) and not name.startswith(".") and is_regular:
                    yield path


def _glob(pattern: str, ids: bool) -> list[Source]:
    found = filter(_is_input, glob.glob(pattern, recursive=True))
    if "**" in pattern:
        found = filter(_is_not_behind_link(pattern), found)
    paths = sorted(found, key=os.fsencode)
    if not paths:
        raise GptprepError(f"no file matches {pattern}", fix="check the pattern, and quote it")
    return [_file(path, os.path.basename(path), ids) for path in paths]


def _is_input(path: str) -> bool:
    """Whether a path is a file, and not part of the work of a run that is under way or was stopped."""
    folder = os.path.dirname(path)
    while folder not in ("", os.sep):
        if os.path.exists(os.path.join(folder, MARKER)):
            return False
        folder = os.path.dirname(folder)
    return os.path.isfile(path)


def _is_not_behind_link(pattern: str) -> Callable[[str], bool]:
    """For `**`, which would follow a link to a folder, and go round in one that leads back."""
    fixed = pattern[: re.search(r"[*?[]", pattern).start()]  # type: ignore[union-attr]

    def check(path: str) -> bool:
        folder = os.path.dirname(path)
        while len(folder) > len(fixed):
            if os.path.islink(folder):
                return False
            folder = os.path.dirname(folder)
        return True

    return check


def _file(path: str, name: str, ids: bool) -> Source:
    with os_errors("read", path):
        status = os.stat(path)
        if not os.access(path, os.R_OK):
            raise GptprepError(
                f"cannot read {path}", "Permission denied", "check who owns it and its permissions"
            )
    is_ids = ids and path.endswith(_IDS)
    kind: Kind = "ids" if is_ids else _kind(path) or "text"
    label = os.fsencode(name).decode(errors="backslashreplace")
    if not stat.S_ISREG(status.st_mode):
        return Source(label, path, kind)
    return Source(label, path, kind, status.st_size, stamp=_stamp(status))


def _stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _kind(path: str) -> Kind | None:
    stem, ending = os.path.splitext(path.lower())
    if ending in _COMPRESSED:
        ending = os.path.splitext(stem)[1]
    return _KINDS.get(ending)
