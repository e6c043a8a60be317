"""Which files the inputs name, in an order that is the same on every machine."""

import glob
import os
import re
import shlex
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gptprep.choices import SourceKind, is_id_name
from gptprep.corpus.folders import COMPRESSED, PassedOver, files_in, kind_of
from gptprep.corpus.folders import FileFilter as FileFilter
from gptprep.errors import GptprepError, UsageError, os_errors
from gptprep.storage.files import MARKER

_BY_ENDING = FileFilter()
_EXPANSION = 3
"""How many bytes of text one of a compressed file or a table stands for, about."""
_ONE_VERSION = "all ids must be of one version of the text"


STANDARD_INPUT = "standard input"
"""What messages call it."""


class Source(NamedTuple):
    """A file or a byte range of one, standard input (`path` is "-"), or an argument's text (`data`)."""

    name: str
    """For manifests: the last component of what the user named, and the path below it."""
    path: str
    """For opening."""
    kind: SourceKind
    size: int | None = None
    """Bytes on disk; None if unknown before reading. Of a range that was read already, those that were read
    for it."""
    data: bytes | None = None
    start: int = 0
    """The first byte of the range, or the first id of a source of ids; of a table, the rows before."""
    stop: int | None = None
    """The byte or id after the last one; None for the end of the file."""
    first_line: int = 1
    """The line of the first byte; 0 if lines are not counted, because counting is slow."""
    ids_dtype: str = "uint16"
    """The dtype of raw ids."""
    stamp: tuple[int, int, int, int] | None = None
    """For a regular file: inode, size, and the times of the last change of content and status, in ns."""
    copy_of: str = ""
    """What was copied to this file, as messages call it; nothing if it is no copy."""
    spool: str = ""
    """The file with the text of this range of a stream, which was read already; see `streams`."""

    @property
    def identity(self) -> tuple[int, ...]:
        """Equal for two names of one file. The time of the last change of its status is left out."""
        return (self.stamp or ())[:3]

    @property
    def range_bytes(self) -> int:
        """The size of a range as it was planned; 0 if it is unknown before reading."""
        return ((self.size if self.stop is None else self.stop) or 0) - self.start

    @property
    def label(self) -> str:
        """For messages."""
        return self.copy_of or (STANDARD_INPUT if self.path == "-" else self.path)

    @property
    def has_lines(self) -> bool:
        """Whether each line or row is a document: errors then name the line, not a byte offset."""
        return self.kind in ("jsonl", "parquet")

    @property
    def is_compressed(self) -> bool:
        """Whether its ending says that it is compressed."""
        return self.path.lower().endswith(COMPRESSED)


def stored_bytes(sources: Iterable[Source]) -> int | None:
    """The size of all sources on disk; None if it is unknown before reading (pipes)."""
    total = 0
    for source in sources:
        if source.size is None:
            return None
        total += source.size
    return total


def total_bytes(sources: Iterable[Source]) -> int | None:
    """The size of all sources as text; None if it is unknown before reading (pipes, compressed files)."""
    sources = list(sources)
    return None if any(map(is_compact, sources)) else stored_bytes(sources)


def is_compact(source: Source) -> bool:
    """Whether a source has another size on disk than as text: it is compressed, or a table."""
    return source.kind == "parquet" or source.is_compressed


def estimated_text_bytes(source: Source) -> int:
    """About how much text a source has; 0 if that is unknown (a pipe)."""
    return (source.size or 0) * (_EXPANSION if is_compact(source) else 1)


def check_unchanged(source: Source, why: str = _ONE_VERSION) -> None:
    """Check that a file is still the one that the work was planned for.

    Its parts are read at different times, perhaps by several processes: if the file changed meanwhile, they
    would be parts of different texts. Compared are inode, size and modification time, so a rewrite of the
    same length within one tick of the file system's clock is not noticed.

    Args:
        why: why it must not change, for the error.

    Raises:
        GptprepError: the file changed or vanished.
    """
    if source.stamp is None:
        return
    with os_errors("read", source.path):
        try:
            status = os.stat(source.path)
        except FileNotFoundError:
            raise changed_error(source.path, "vanished", why) from None
    inode, size, modified, _ = source.stamp
    if (status.st_ino, status.st_size, status.st_mtime_ns) != (inode, size, modified):
        raise changed_error(source.path, "changed", why)


def changed_error(path: str, how: str, why: str) -> GptprepError:
    """The error for a file that "changed" or "vanished" during the work."""
    what = f"{path} {how} while it was read"
    return GptprepError(what, why, "run the same command again when nothing writes to the file")


def text_source(text: bytes, number: int) -> Source:
    """The source for a text given as an argument; `number` counts them from 1."""
    return Source(f"text-{number}", f"text {number}", "text", len(text), text)


class Selection(NamedTuple):
    """The sources that some inputs name."""

    sources: list[Source]
    passed_over: dict[str, int]
    """How many entries of folders and files of globs are not read, by reason.

    That of `FileFilter.reason`, "link to a folder", "hidden folder" or "not a regular file".
    """
    repeated: tuple[str, ...]
    """Files that are named more than once, and read as often."""
    passed_over_files: tuple[PassedOver, ...] = ()
    """Those that `passed_over` counts, in the order of their names."""


def select_sources(
    inputs: Sequence[str],
    *,
    ids: bool = False,
    stdin: SourceKind = "text",
    file_filter: FileFilter = _BY_ENDING,
) -> Selection:
    """The files that some paths, folders and globs name; "-" is standard input.

    Folders are walked in sorted order (of the names' bytes). Their files are taken if they end like text,
    JSON Lines or Parquet and are not hidden; links to folders are not followed.

    Args:
        ids: whether `.npy` and `.bin` files that are named, or chosen by the filter, are read as ids.
        stdin: what standard input holds.
        file_filter: which files of folders and globs are taken.

    Raises:
        UsageError: standard input is named twice.
        GptprepError: a path does not exist or cannot be read, or a folder or a glob has nothing to read.
    """
    if list(inputs).count("-") > 1:
        raise UsageError("standard input is named twice", fix="name - once")
    sources, passed_over = list[Source](), list[PassedOver]()
    for name in inputs:
        if name == "-":
            sources.append(Source("stdin", "-", stdin))
        elif os.path.isdir(name):
            sources += _folder(name, ids, file_filter, passed_over)
        elif os.path.lexists(name) or not glob.has_magic(name):
            sources.append(_file(name, os.path.basename(name), ids))
        else:
            sources += _glob(name, ids, file_filter, passed_over)
    return selection_of(sources, passed_over)


def selection_of(sources: list[Source], passed_over: Iterable[PassedOver]) -> Selection:
    """The selection of some sources, beside what is passed over."""
    files = tuple(sorted(passed_over))
    reasons = Counter(one.reason for one in files)
    return Selection(sources, dict(reasons.most_common()), repeated_files(sources), files)


def repeated_files(sources: Sequence[Source]) -> tuple[str, ...]:
    """The files that are among some sources more than once."""
    by_file = Counter(source.identity for source in sources if source.stamp)
    return tuple(dict.fromkeys(source.label for source in sources if by_file[source.identity] > 1))


def one_source(name: str, *, ids: bool = False) -> Source:
    """The source for one file or standard input, not a folder or glob.

    Raises:
        GptprepError: it is a folder, does not exist or cannot be read.
    """
    if name == "-":
        return Source("stdin", "-", "text")
    if os.path.isdir(name):
        raise GptprepError(f"{name} is a folder", fix="name one file")
    return _file(name, os.path.basename(name), ids)


def _folder(top: str, ids: bool, file_filter: FileFilter, passed_over: list[PassedOver]) -> list[Source]:
    base = os.path.basename(os.path.normpath(top)).strip(".")  # nothing for "." and ".."
    paths = files_in(top, file_filter, passed_over, ids=ids)
    names = (os.path.join(base, os.path.relpath(path, top)).replace(os.sep, "/") for path in paths)
    return [_file(path, name, ids) for path, name in zip(paths, names, strict=True)]


def _glob(pattern: str, ids: bool, file_filter: FileFilter, passed_over: list[PassedOver]) -> list[Source]:
    try:
        found = filter(_is_input, glob.glob(pattern, recursive=True))
    except RecursionError:
        what = f"folders that {pattern} matches are nested too deep"
        raise GptprepError(what, fix="name the folder itself instead of a pattern") from None
    if "**" in pattern:
        found = filter(_is_not_behind_link(pattern), found)
    paths = []
    for path in sorted(found, key=os.fsencode):
        if file_filter != _BY_ENDING and (reason := file_filter.reason(path, by_ending=False)):
            passed_over.append(PassedOver(path, reason))
        else:
            paths.append(path)
    if not paths:
        raise GptprepError(f"no file matches {pattern}", fix="check the pattern, and quote it")
    return [_file(path, os.path.basename(path), ids) for path in paths]


def _is_input(path: str) -> bool:
    """Whether a path is a file outside the working folders of runs."""
    folder = os.path.dirname(path)
    while folder not in ("", os.sep):
        if os.path.exists(os.path.join(folder, MARKER)):
            return False
        folder = os.path.dirname(folder)
    return os.path.isfile(path)


def _is_not_behind_link(pattern: str) -> Callable[[str], bool]:
    """For `**`, which would follow links to folders and loop in one that leads back."""
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
            fix = "check the owner and the permissions"
            raise GptprepError(f"cannot read {path}", "Permission denied", fix)
    kind: SourceKind = "ids" if is_id_name(path) else kind_of(path) or "text"
    if kind == "ids" and not ids:
        fix = f"decode them with gptprep decode {shlex.quote(path)}, or give them to gptprep window"
        raise GptprepError(f"{path} holds ids, not text", "its ending says so", fix)
    label = os.fsencode(name).decode(errors="backslashreplace")
    if not stat.S_ISREG(status.st_mode):
        return Source(label, path, kind)
    stamp = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return Source(label, path, kind, status.st_size, stamp=stamp)
