"""Inputs that are URLs: an object of a store, all objects below a name, or those that a pattern matches."""

import fnmatch
import re
from collections.abc import Sequence

from gptprep.choices import HIDDEN_FOLDER
from gptprep.corpus.folders import Entry, FileFilter, PassedOver, files_in
from gptprep.corpus.sources import Source, input_kind
from gptprep.errors import GptprepError
from gptprep.storage.objects import StoredObject, find_object, list_objects
from gptprep.storage.stores import can_list, check_url

_MAGIC = re.compile(r"[*?[]")


def sources_of_url(
    url: str, file_filter: FileFilter, passed_over: list[PassedOver], *, ids: bool
) -> list[Source]:
    """The objects that a URL names, in the order of `select_sources` for the same files in a folder.

    Args:
        ids: whether they may be files of ids.

    Raises:
        UsageError: the URL has a user or a query.
        GptprepError: there are no such objects, or the store cannot be reached or denies access.
        MissingDependencyError: obstore is not installed.
    """
    check_url(url)
    if not url.endswith("/") and (found := find_object(url)):
        return [object_source(found, ids=ids)]
    if not can_list(url):
        fix = "check the URL; only one file can be named in this way"
        raise GptprepError(f"cannot read {url}", "the server has no such file", fix)
    if _MAGIC.search(url):
        return _matching(url, file_filter, passed_over, ids=ids)
    return _below(url.rstrip("/") + "/", file_filter, passed_over, ids=ids)


def object_source(stored: StoredObject, name: str = "", *, ids: bool) -> Source:
    """The source for an object.

    Args:
        name: for manifests; the last component of the URL if it is empty.

    Raises:
        GptprepError: it holds ids, and may not.
    """
    name = name or stored.url.rpartition("/")[2]
    return Source(name, stored.url, input_kind(stored.url, ids=ids), stored.size, stamp=tuple(stored))


def _below(top: str, file_filter: FileFilter, passed_over: list[PassedOver], *, ids: bool) -> list[Source]:
    objects = {stored.url: stored for stored in list_objects(top)}
    if not objects:
        fix = "check the bucket and the name"
        raise GptprepError(f"cannot read {top}", "there is no such object, and none below it", fix)
    entries = (Entry(url, url[len(top) :], _hidden(url[len(top) :])) for url in objects)
    files = files_in(top, entries, file_filter, passed_over, ids=ids)
    base = top.rstrip("/").rpartition("/")[2]
    return [object_source(objects[file.path], f"{base}/{file.name}", ids=ids) for file in files]


def _hidden(name: str) -> str:
    return HIDDEN_FOLDER if any(part.startswith(".") for part in name.split("/")[:-1]) else ""


def _matching(url: str, file_filter: FileFilter, passed_over: list[PassedOver], *, ids: bool) -> list[Source]:
    """Those that a pattern matches, as Python's `glob` does: `*` within a name, `**` any folders."""
    top = url[: url.rindex("/", 0, _MAGIC.search(url).start()) + 1]  # type: ignore[union-attr]
    patterns, found = url[len(top) :].split("/"), list[StoredObject]()
    for stored in list_objects(top):
        if not _matches(stored.url[len(top) :].split("/"), patterns):
            continue
        if file_filter != FileFilter() and (reason := file_filter.reason(stored.url, by_ending=False)):
            passed_over.append(PassedOver(stored.url, reason))
        else:
            found.append(stored)
    if not found:
        raise GptprepError(f"no object matches {url}", fix="check the pattern, and quote it")
    return [object_source(stored, ids=ids) for stored in found]


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether the components of the name of a file match those of a pattern."""
    if not names or not patterns:
        return not names and not patterns
    (name, *inner), (pattern, *others) = names, patterns
    is_hidden = name.startswith(".") and not pattern.startswith(".")
    if pattern == "**":
        in_folder = _matches(inner, patterns) if inner else not others
        return (in_folder and not is_hidden) or _matches(names, others)
    return not is_hidden and fnmatch.fnmatchcase(name, pattern) and _matches(inner, others)
