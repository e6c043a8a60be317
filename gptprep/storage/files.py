"""Regular files, free space, and making writes durable."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable
from typing import IO

from gptprep.errors import CorruptDataError, GptprepError, os_errors
from gptprep.units import GIB

MARKER = ".gptprep-partial"
"""A file in each of our working folders, `OUT.partial` and `OUT.replaced`: a user's folder has none."""


def sha256_file(path: str) -> str:
    """The sha256 of a file, in hexadecimal."""
    with os_errors("read", path), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_regular(path: str, max_bytes: int = GIB) -> bytes:
    """Read all of a regular file. (A pipe would wait for a writer, and a device may never end.)

    Raises:
        GptprepError: it cannot be opened, or is not a regular file.
        CorruptDataError: it is larger than `max_bytes`.
    """
    with os_errors("read", path), open(path, "rb", opener=_open_nonblocking) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise GptprepError(f"cannot read {path}", "it is not a regular file", "name a file")
        data = file.read(min(status.st_size, max_bytes) + 1)
    if len(data) > max_bytes:
        raise CorruptDataError(f"{path} is too large", f"it has more than {max_bytes:,} bytes")
    return data


def _open_nonblocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def is_file(path: str) -> bool:
    """Whether a path is a regular file or a link to one.

    Raises:
        GptprepError: permission is denied. (`os.path.isfile` would say False.)
    """
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
        why = f"{needed:,} bytes are needed and {free:,} are free"
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


def holds_only(folder: str, files: Iterable[str]) -> bool:
    """Whether a folder holds no other files than these (relative, with `/`) and our marker."""
    known = {*files, MARKER}
    for top, folders, names in os.walk(folder):
        prefix = os.path.relpath(top, folder).replace(os.sep, "/")
        if any((name if prefix == "." else f"{prefix}/{name}") not in known for name in names):
            return False
        if not folders and not names and prefix != ".":
            return False
        for full in (os.path.join(top, name) for name in folders):
            if os.path.islink(full) or not os.access(full, os.R_OK | os.X_OK):
                return False
    return True
