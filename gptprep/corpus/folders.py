"""The files of a folder: which are read, and why the others are passed over."""

import fnmatch
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gptprep.choices import (
    HIDDEN,
    HIDDEN_FOLDER,
    LINK_TO_FOLDER,
    NOT_REGULAR,
    WITHOUT_ENDING,
    SourceKind,
    counted,
    is_id_name,
    is_provenance_name,
)
from gptprep.errors import GptprepError, os_errors
from gptprep.storage.files import MARKER, is_file, walk
from gptprep.storage.sealed import COPY_FOLDER, MANIFEST
from gptprep.storage.stores import is_url

COMPRESSED = (".gz", ".zst")
_KINDS: dict[str, SourceKind] = {
    **dict.fromkeys((".txt", ".text", ".md", ".markdown", ".rst"), "text"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    ".parquet": "parquet",
}
"""The files of a folder that are read. A file that is named itself is read as text whatever its ending."""
_NEVER = (LINK_TO_FOLDER, HIDDEN_FOLDER, HIDDEN, NOT_REGULAR)
"""Reasons that no pattern changes: such entries are read only if they are named themselves."""


def kind_of(path: str) -> SourceKind | None:
    """What a file of text holds, by its ending; None if the ending is unknown."""
    stem, ending = os.path.splitext(path.lower())
    if ending in COMPRESSED:
        ending = os.path.splitext(stem)[1]
    return _KINDS.get(ending)


class PassedOver(NamedTuple):
    """An entry of a folder, or a file of a glob, that is not read."""

    path: str
    reason: str
    """That of `FileFilter.reason`, or one of those that no pattern changes."""


@dataclass(frozen=True)
class FileFilter:
    """Which files of folders and globs are read.

    A pattern with a `/` is compared with the path below the folder, any other with the file's name.
    """

    include: tuple[str, ...] = ()
    """If any are given, files that match one are read whatever their ending, and no others."""
    exclude: tuple[str, ...] = ()

    def reason(self, name: str, *, by_ending: bool) -> str:
        """Why a file is passed over: "hidden", "excluded", or its ending; empty if it is read.

        Args:
            name: the path below the folder.
            by_ending: whether only files with a known ending are read.
        """
        ending = os.path.splitext(name)[1] or WITHOUT_ENDING
        if os.path.basename(name).startswith("."):
            return HIDDEN
        if _matches(name, self.exclude):
            return "excluded"
        if self.include:
            return "" if _matches(name, self.include) else ending
        return "" if not by_ending or kind_of(name) else ending


def _matches(name: str, patterns: Iterable[str]) -> bool:
    base = os.path.basename(name)
    return any(fnmatch.fnmatchcase(name if "/" in pattern else base, pattern) for pattern in patterns)


class Entry(NamedTuple):
    """A file below a folder, or something else that is there and never read."""

    path: str
    name: str
    """The path below the folder, with `/`."""
    reason: str
    """Why it is passed over whatever its name; nothing if it is a file."""


def files_in(
    top: str, entries: Iterable[Entry], file_filter: FileFilter, passed_over: list[PassedOver], *, ids: bool
) -> list[Entry]:
    """The files of a folder that are read, in the order of their names' bytes.

    Args:
        entries: all that is in the folder, as `entries_in` gives it for one on disk.
        passed_over: gets the others.
        ids: whether files of ids may be read, for the error.

    Raises:
        GptprepError: the folder cannot be read, or has nothing to read.
    """
    files, found, examples = list[Entry](), Counter[str](), dict[str, str]()
    for entry in entries:
        if reason := entry.reason or file_filter.reason(entry.name, by_ending=True):
            found[reason] += 1
            examples.setdefault(reason, entry.path)
            passed_over.append(PassedOver(entry.path, reason))
        else:
            files.append(entry)
    if not files:
        raise _nothing_in(top, file_filter, found, examples, ids)
    return sorted(files, key=lambda entry: os.fsencode(entry.name).split(b"/"))


def entries_in(top: str) -> Iterator[Entry]:
    """What is below a folder; a link that is broken is called a file, because reading it gives the error.

    Raises:
        GptprepError: the folder cannot be read.
    """
    for path, reason in _walk(top):
        yield Entry(path, os.path.relpath(path, top).replace(os.sep, "/"), reason)


def _walk(top: str) -> Iterator[tuple[str, str]]:
    """The paths below a folder, and why each is passed over whatever its name; nothing if it is a file."""
    with os_errors("read", top):
        for folder, folders, files in walk(top):
            if MARKER in files:  # the working folder of a run
                folders.clear()
                continue
            for name in folders:
                path = os.path.join(folder, name)
                if name.startswith("."):
                    yield path, HIDDEN_FOLDER
                elif os.path.islink(path):  # it is not entered
                    yield path, LINK_TO_FOLDER
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                path = os.path.join(folder, name)
                yield path, "" if os.path.isfile(path) or not os.path.exists(path) else NOT_REGULAR


def _nothing_in(
    top: str, file_filter: FileFilter, found: Counter[str], examples: dict[str, str], ids: bool
) -> GptprepError:
    """The error for a folder that has nothing to read, with a fix for what it has."""
    what, entries = f"the folder {top} has no text", counted(dict(found.most_common()), 5)
    if found.keys() <= set(_NEVER):
        return _only_unread(what, entries, examples)
    if file_filter != FileFilter():
        fix = "change --include and --exclude"
        return GptprepError(what, f"no file is left by --include and --exclude: {entries}", fix)
    if is_url(top) and is_file(os.path.join(top, MANIFEST)):
        raise GptprepError(what, "it is what gptprep window or embed wrote", COPY_FOLDER)
    if is_file(os.path.join(top, MANIFEST)):
        fix = f"see gptprep inspect {shlex.quote(top)}; its text is that of gptprep decode {shlex.quote(top)}"
        return GptprepError(what, "it is what gptprep window or embed wrote", fix)
    reason = _most_useful(found, examples)
    if is_id_name(examples[reason]) and not ids:
        ways = f"gptprep decode {shlex.quote(examples[reason])}", f"gptprep window {shlex.quote(top)}"
        fix = f"decode them, as with {ways[0]}, or read all of them with {ways[1]} --include '*{reason}'"
        return GptprepError(what, f"it holds ids, not text: {entries}", fix)
    why = f"files that end in {' '.join(_KINDS)} are read, and it has {entries}"
    pattern = f"'*{reason}'" if reason.startswith(".") else "'*'"
    return GptprepError(what, why, f"give --include {pattern}, or name the files themselves")


def _most_useful(found: Counter[str], examples: dict[str, str]) -> str:
    """The reason of most entries that a pattern may choose; what says where ids come from counts least."""
    reasons = (reason for reason in found if reason not in _NEVER)
    return max(
        reasons,
        key=lambda one: (not is_provenance_name(examples[one]), found[one], is_id_name(examples[one])),
    )


def _only_unread(what: str, entries: str, examples: dict[str, str]) -> GptprepError:
    """The error for a folder that is empty, or has only what must be named itself."""
    if not examples:
        return GptprepError(what, "it has no files", "name another folder, or the files themselves")
    why = f"it has only {entries}"
    folder = examples.get(LINK_TO_FOLDER) or (HIDDEN not in examples and examples.get(HIDDEN_FOLDER))
    if folder:
        return GptprepError(what, why, f"name the folder itself: {shlex.quote(folder)}")
    return GptprepError(what, why, "name the files themselves")
