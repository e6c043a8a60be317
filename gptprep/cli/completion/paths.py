"""Files and folders that the shell offers, by the names that the user has typed so far."""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from gptprep.choices import is_provenance_name


class Offer(NamedTuple):
    """A word that the shell may insert. A folder ends with a slash."""

    value: str
    help: str = ""
    is_path: bool = False


class Paths(NamedTuple):
    """Which files a value may name. Folders are always offered, because the file may be in them."""

    endings: tuple[str, ...] = ()
    """Of files, in lower case; any if there are none."""
    files: bool = True
    shards_first: bool = False


class LeaveToShellError(Exception):
    """The word has something in it that only the shell understands."""


def real_path(word: str) -> str:
    """The path that a word stands for: the shell replaces `~` and variables when the line is run."""
    path = os.path.expanduser(word)
    return path if os.path.exists(path) else os.path.expandvars(path)


def offer_paths(word: str, wanted: Paths, *, has_dashes: bool = False) -> Iterator[Offer]:
    """The entries of the folder that a word names, under the name that the user gave it.

    Args:
        has_dashes: whether words that start with a hyphen are no options.

    Raises:
        LeaveToShellError: only the shell knows which folder it is.
    """
    typed = word[: word.rfind("/") + 1]
    folder = real_path(typed)
    if (word.startswith("~") and not typed) or (typed and "$" in typed and not os.path.isdir(folder)):
        raise LeaveToShellError
    for name, is_folder in _entries(folder or ".", word[len(typed) :], wanted):
        needs_folder = not typed and (name.startswith("~") or (name.startswith("-") and not has_dashes))
        start = "./" if needs_folder else typed  # so that it is read as a file
        yield Offer(f"{start}{name}{'/' if is_folder else ''}", is_path=True)


def _entries(folder: str, start: str, wanted: Paths) -> Iterator[tuple[str, bool]]:
    """Names in a folder, and whether they are folders; those without meaning for the value are left out.

    Names with control characters cannot be shown or passed on line by line, and are left out too.
    """
    found: list[tuple[bool, str, bool]] = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if (name.startswith(".") and not start.startswith(".")) or not _is_one_line(name):
                continue
            is_folder = _is_folder(entry)
            if is_folder or _is_wanted(name, wanted):
                is_first = wanted.shards_first and is_folder and _has_manifest(entry.path)
                found.append((not is_first, name, is_folder))
    return ((name, is_folder) for _, name, is_folder in sorted(found))


def _is_one_line(name: str) -> bool:
    return all(character >= " " and character != "\x7f" for character in name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_wanted(name: str, wanted: Paths) -> bool:
    if not wanted.files:
        return False
    if ".json" in wanted.endings and is_provenance_name(name):
        return False
    return not wanted.endings or name.lower().endswith(wanted.endings)


def _has_manifest(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "manifest.json"))
