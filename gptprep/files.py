"""Hashing, JSON, free space, durability, and what lies in a folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import IO, Any

from gptprep.errors import DamagedData, GptprepError, os_errors

MARKER = ".gptprep-partial"
"""Lies in every `OUT.partial/` and `OUT.replaced/` of ours: a user's folder is never taken for one."""


def sha256_file(path: str) -> str:
    """The sha256 of a file, in hexadecimal."""
    with os_errors("read", path), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_bytes(value: Any) -> bytes:
    """JSON that is the same on every machine: keys in the order given, two spaces, UTF-8, a final newline.

    Dataclasses and named tuples become objects.
    """
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2) + "\n"
    return text.encode("utf-8", "backslashreplace")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def read_json(path: str, max_bytes: int = 1 << 30) -> Any:
    """Read a JSON file that may hold anything.

    Raises:
        GptprepError: it cannot be opened, or is not a regular file.
        DamagedData: it is larger than `max_bytes`, not UTF-8, not JSON, or nested too deeply.
    """
    return parse_json(read_regular(path, max_bytes), path)


def read_regular(path: str, max_bytes: int = 1 << 30) -> bytes:
    """All of a regular file: a pipe would wait for a writer, and a device may have no end.

    Raises:
        GptprepError: it cannot be opened, or is not a regular file.
        DamagedData: it is larger than `max_bytes`.
    """
    with os_errors("read", path), open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise GptprepError(f"cannot read {path}", "it is not a regular file", "name a file")
        data = file.read(min(status.st_size, max_bytes) + 1)
    if len(data) > max_bytes:
        raise DamagedData(f"{path} is too large", f"it has more than {max_bytes:,} bytes")
    return data


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def is_file(path: str) -> bool:
    """Whether a path is or leads to a regular file; unlike `os.path.isfile` not silent where nobody may look.

    Raises:
        GptprepError: permission to look is denied.
    """
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except PermissionError:
        with os_errors("read", path):
            raise
    except (OSError, ValueError):
        return False


def parse_json(data: bytes, path: str) -> Any:
    """The value of a JSON text; raises as `read_json`."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedData(f"{path} is not valid JSON", str(error)) from error


def require_free_space(path: str, needed: int, fix: str = "free some space or choose another disk") -> None:
    """Refuse work that needs more bytes than the disk under `path` has free.

    Raises:
        GptprepError: with both numbers.
    """
    free = free_bytes(path)
    if free is not None and needed > free:
        raise GptprepError(
            f"not enough disk space for {path}", f"{needed:,} bytes are needed and {free:,} are free", fix
        )


def free_bytes(path: str) -> int | None:
    """What the disk under `path` has free; None where the file system does not tell."""
    total, _, free = shutil.disk_usage(_existing_parent(path))
    return free if total else None


def _existing_parent(path: str) -> str:
    folder = os.path.dirname(os.path.realpath(path))
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return folder


def begin_writeback(descriptor: int, begin: int, size: int) -> None:
    """Let the disk begin with a stretch of a file, so that little is left when the file is flushed.

    Linux does; elsewhere, and where it cannot, nothing happens.
    """
    if (sync_file_range := _sync_file_range()) is not None:
        sync_file_range(descriptor, begin, size, 2)  # SYNC_FILE_RANGE_WRITE of <fcntl.h>


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    import ctypes

    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function


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
    """Whether nothing lies in a folder but these files (relative, with `/`) and our mark."""
    known = {*files, MARKER}
    for top, folders, names in os.walk(folder):
        below = os.path.relpath(top, folder).replace(os.sep, "/")
        if any((name if below == "." else f"{below}/{name}") not in known for name in names):
            return False
        if not folders and not names and below != ".":
            return False
        for full in (os.path.join(top, name) for name in folders):
            if os.path.islink(full) or not os.access(full, os.R_OK | os.X_OK):
                return False
    return True
