"""Which files the inputs name, in an order that is the same on every machine."""

import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gptprep.choices import SourceKind
from gptprep.corpus.folders import FileFilter as FileFilter
from gptprep.corpus.folders import PassedOver, entries_in, files_in
from gptprep.corpus.sources import Source, input_kind
from gptprep.corpus.urls import object_source, sources_of_url
from gptprep.errors import GptprepError, UsageError, os_errors
from gptprep.storage.files import MARKER
from gptprep.storage.objects import require_object
from gptprep.storage.stores import is_url

_BY_ENDING = FileFilter()


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
    """The files that some paths, folders, globs and URLs name; "-" is standard input.

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
        elif is_url(name):
            sources += sources_of_url(name, file_filter, passed_over, ids=ids)
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
    """The source for one file, object or standard input, not a folder or glob.

    Raises:
        GptprepError: it is a folder, does not exist or cannot be read.
    """
    if is_url(name):
        return object_source(require_object(name), ids=ids)
    if name == "-":
        return Source("stdin", "-", "text")
    if os.path.isdir(name):
        raise GptprepError(f"{name} is a folder", fix="name one file")
    return _file(name, os.path.basename(name), ids)


def _folder(top: str, ids: bool, file_filter: FileFilter, passed_over: list[PassedOver]) -> list[Source]:
    base = os.path.basename(os.path.normpath(top)).strip(".")  # nothing for "." and ".."
    files = files_in(top, entries_in(top), file_filter, passed_over, ids=ids)
    return [_file(file.path, os.path.join(base, file.name).replace(os.sep, "/"), ids) for file in files]


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
    kind = input_kind(path, ids=ids)
    label = os.fsencode(name).decode(errors="backslashreplace")
    if not stat.S_ISREG(status.st_mode):
        return Source(label, path, kind)
    stamp = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return Source(label, path, kind, status.st_size, stamp=stamp)
