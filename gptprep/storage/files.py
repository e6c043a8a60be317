"""Regular files, free space, and making writes durable."""

import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO

from gptprep.errors import CorruptDataError, GptprepError, os_errors
from gptprep.storage.objects import find_object, read_object
from gptprep.storage.stores import is_url
from gptprep.units import GIB, size

MARKER = ".gptprep-partial"
"""A file in each of our working folders, `OUT.partial` and `OUT.replaced`: a user's folder has none."""
_LITTER = (MARKER, ".DS_Store", "Thumbs.db")
"""Names that are in our folders and not in their manifests: file managers write the last two, unasked."""


def sha256_file(path: str) -> str:
    """The sha256 of a file, in hexadecimal."""
    with os_errors("read", path), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_regular(path: str, max_bytes: int = GIB) -> bytes:
    """Read all of a regular file or object. (A pipe would wait for a writer, and a device may never end.)

    Raises:
        GptprepError: it cannot be opened, or is not a regular file.
        CorruptDataError: it is larger than `max_bytes`.
    """
    if is_url(path):
        return read_object(path, max_bytes)
    with os_errors("read", path), open(path, "rb", opener=_open_nonblocking) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise GptprepError(f"cannot read {path}", "it is not a regular file", "name a file")
        data = file.read(min(status.st_size, max_bytes) + 1)
    if len(data) > max_bytes:
        raise CorruptDataError(f"{path} is too large", f"it has more than {size(max_bytes)}")
    return data


def _open_nonblocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def unique_name(path: str) -> str:
    """A name beside a file for writing it: no other process has the same, on any machine."""
    return f"{path}.{secrets.token_hex(8)}.new"


def is_file(path: str) -> bool:
    """Whether a path is a regular file or a link to one, or a URL that of an object.

    Raises:
        GptprepError: permission is denied. (`os.path.isfile` would say False.)
    """
    if is_url(path):
        return find_object(path) is not None
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except PermissionError:
        with os_errors("read", path):
            raise
    except (OSError, ValueError):
        return False


def require_free_space(path: str, needed: int, fix: str = "free some space or choose another disk") -> None:
    """Refuse work that needs more bytes than are free on the disk that holds `path`.

    Raises:
        GptprepError: with both numbers.
    """
    free = free_bytes(path)
    if free is not None and needed > free:
        why = f"{size(needed)} are needed and {size(free)} are free"
        raise GptprepError(f"not enough disk space for {path}", why, fix)


def free_bytes(path: str) -> int | None:
    """The free bytes of the disk that holds `path`; None if the file system does not say."""
    total, _, free = shutil.disk_usage(_existing_parent(path))
    return free if total else None


def _existing_parent(path: str) -> str:
    folder = os.path.dirname(os.path.realpath(path))
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return folder


def sync_file(file: IO[bytes]) -> None:
    """Make what was written to an open file durable."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def walk(top: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Folders, their folders and their files, as `os.walk` gives them, which recurses in Python 3.11.

    Raises:
        OSError: a folder cannot be read.
        GptprepError: a path is longer than the system allows.
    """
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                is_folder = {entry.name: _is_folder(entry) for entry in entries}
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            why = "paths of files in it are longer than the system allows"
            raise GptprepError(f"cannot read {top}", why, "move the innermost folders up") from error
        folders = [name for name, is_one in is_folder.items() if is_one]
        yield folder, folders, [name for name, is_one in is_folder.items() if not is_one]
        full = (os.path.join(folder, name) for name in folders)
        waiting += (path for path in full if not os.path.islink(path))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def unnamed_entries(folder: str, files: Iterable[str]) -> Iterator[str]:
    """What is in a folder besides these files, their folders, our marker and what desktops leave everywhere.

    Both are relative and have `/`. Nothing below a folder that is itself unnamed is looked at, however deep
    it is, and no link is followed.
    """
    known = set(files)
    folders = {os.path.dirname(file) for file in known} - {""}
    for inside in ("", *sorted(folders)):
        full = os.path.join(folder, inside)
        if inside and os.path.islink(full):
            continue
        with suppress(FileNotFoundError, NotADirectoryError):
            for name in sorted(os.listdir(full)):
                entry = f"{inside}/{name}" if inside else name
                named = folders if os.path.isdir(os.path.join(full, name)) else known
                if entry not in named and name not in _LITTER:
                    yield entry


def foreign_entry(folder: str, files: Iterable[str]) -> str:
    """What `--force` may not remove with these files of a folder: an entry that is none of them, or a link.

    Empty if there is none. A folder that cannot be read counts, because nobody knows what is in it.
    """
    files = list(files)
    for inside in sorted({os.path.dirname(file) for file in files} - {""}):
        full = os.path.join(folder, inside)
        if os.path.islink(full) or (os.path.isdir(full) and not os.access(full, os.R_OK | os.X_OK)):
            return inside
    return next(unnamed_entries(folder, files), "")
