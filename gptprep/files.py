"""Publishing files and folders whole or not at all, hashing, JSON, free space.

Everything is written under a temporary name beside its final one, flushed to the disk and renamed. A lock
(advisory, on the temporary name) keeps two runs from writing the same output; the system drops it with the
process that held it, so a killed run never blocks the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from typing import IO, Any, BinaryIO

from gptprep.errors import DamagedData, GptprepError, os_errors

try:
    import fcntl
except (
    ImportError
):  # not a POSIX system: outputs are still atomic, but two runs to one output are not refused
    fcntl = None  # type: ignore[assignment]

_MARKER = ".gptprep-partial"
"""Lies in every `OUT.partial/` of ours, so that a folder of the user's with that name is never cleared."""


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
        GptprepError: it cannot be opened.
        DamagedData: it is larger than `max_bytes`, not UTF-8, not JSON, or nested too deeply.
    """
    with os_errors("read", path), open(path, "rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise DamagedData(f"{path} is too large", f"more than {max_bytes} bytes of JSON")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedData(f"{path} is not valid JSON", str(error)) from error


def require_free_space(path: str, needed: int) -> None:
    """Refuse work that needs more bytes than the disk under `path` has free.

    Raises:
        GptprepError: with both numbers.
    """
    folder = _existing_parent(path)
    total, _, free = shutil.disk_usage(folder)
    if total and needed > free:  # some file systems do not tell
        raise GptprepError(
            f"not enough disk space for {path}",
            f"{needed:,} bytes are needed and {free:,} are free",
            "free some space or choose another disk",
        )


def _existing_parent(path: str) -> str:
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return folder


def check_file_output(path: str, *, force: bool) -> str:
    """Say early whether a file may be written at `path`; the path with links resolved.

    Raises:
        GptprepError: it is a folder, a device or a pipe, or it exists and `force` is not given.
    """
    real = os.path.realpath(path)
    if os.path.isdir(real):
        raise GptprepError(f"{path} is a folder", fix="name a file for the output")
    if os.path.lexists(real) and not os.path.isfile(real):
        raise GptprepError(
            f"{path} is not a regular file", "an output is renamed into place when it is whole", "use -o -"
        )
    if os.path.exists(real) and not force:
        raise GptprepError(f"{path} already exists", fix="give --force to replace it, or another name")
    return real


@contextmanager
def publish_file(path: str, *, force: bool = False) -> Iterator[BinaryIO]:
    """A file that appears at `path` when the block ends well, and not at all otherwise.

    Raises:
        GptprepError: as `check_file_output`, or the file cannot be written.
    """
    real = check_file_output(path, force=force)
    folder, name = os.path.split(real)
    partial = os.path.join(folder, f".{name}{_MARKER}")
    with os_errors("write", path):
        os.makedirs(folder, exist_ok=True)
        descriptor = _open_locked(partial, path, os.O_RDWR | os.O_CREAT)
    try:
        with os_errors("write", path), open(descriptor, "r+b") as file:
            file.truncate()
            yield file
            sync_file(file)
            os.replace(partial, real)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise
    sync_folder(folder)


def check_folder_output(path: str, *, force: bool, is_ours: Callable[[str], bool]) -> str:
    """Say early whether a folder may be written at `path`; the path with links resolved.

    An empty folder counts as free. `force` replaces only what `is_ours` knows as gptprep's own work.

    Raises:
        GptprepError: something is there that may not be replaced.
    """
    real = os.path.realpath(path)
    if not os.path.lexists(real) or (os.path.isdir(real) and not os.listdir(real)):
        return real
    if not os.path.isdir(real):
        raise GptprepError(f"{path} is a file", fix="name a folder for the output")
    if not is_ours(real):
        raise GptprepError(
            f"{path} already exists and is not gptprep's",
            "only a folder that gptprep wrote is ever replaced",
            "choose another output, or remove the folder yourself",
        )
    if not force:
        raise GptprepError(f"{path} already exists", fix="give --force to replace it, or another name")
    return real


@contextmanager
def publish_folder(path: str, *, force: bool, is_ours: Callable[[str], bool]) -> Iterator[str]:
    """A folder `PATH.partial` to work in, which becomes `path` when the block ends well and goes otherwise.

    What a killed run left in `PATH.partial` is cleared first. The old one stays until the new one is whole.

    Raises:
        GptprepError: as `check_folder_output`, another run is writing there, or it cannot be written.
    """
    real = os.path.realpath(path)
    partial = real + ".partial"
    with os_errors("write", path):
        os.makedirs(partial, exist_ok=True)
        lock = _open_locked(partial, path, os.O_RDONLY)
    try:
        _claim(partial, path, is_ours)
        try:
            with os_errors("write", path):
                _recover(real, is_ours)
                check_folder_output(path, force=force, is_ours=is_ours)
                yield partial
                os.unlink(os.path.join(partial, _MARKER))
                _sync_tree(partial)
                _swap(partial, real)
        except BaseException:
            with suppress(OSError):
                _discard(partial)
            raise
    finally:
        os.close(lock)


def _open_locked(partial: str, path: str, flags: int) -> int:
    """Open the temporary name and lock it, making sure that the lock is on what still has that name."""
    while True:
        descriptor = os.open(partial, flags | getattr(os, "O_BINARY", 0), 0o666)
        if fcntl is None:
            return descriptor
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(partial)):
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            fix = "wait for the other run to end, or choose another output"
            raise GptprepError(f"{path} is being written by another run", fix=fix) from error
        except FileNotFoundError:
            pass  # the other run has just published it: the name is free again
        os.close(descriptor)


def _claim(partial: str, path: str, is_ours: Callable[[str], bool]) -> None:
    """Mark the working folder as gptprep's and clear what a killed run left in it."""
    marker = os.path.join(partial, _MARKER)
    if os.listdir(partial) and not os.path.exists(marker) and not is_ours(partial):
        raise GptprepError(
            f"{partial} already exists and is not gptprep's",
            f"it is where {path} would be prepared",
            "move that folder away, or choose another output",
        )
    with os_errors("write", path):
        _mark(partial)
        _empty(partial)


def _mark(folder: str) -> None:
    with open(os.path.join(folder, _MARKER), "wb"):
        pass


def _empty(folder: str) -> None:
    """Remove all but the marker from a working folder."""
    for name in os.listdir(folder):
        full = os.path.join(folder, name)
        if os.path.isdir(full) and not os.path.islink(full):
            shutil.rmtree(full)
        elif name != _MARKER:
            os.unlink(full)


def _discard(folder: str) -> None:
    """Remove a folder; the marker goes last, so that a removal cut off by a kill is known and resumed."""
    _mark(folder)
    _empty(folder)
    os.unlink(os.path.join(folder, _MARKER))
    os.rmdir(folder)


def _swap(partial: str, real: str) -> None:
    """Put the finished folder in place; an old one is moved aside first and removed last."""
    aside = real + ".replaced"
    if os.path.isdir(real):
        os.rename(real, aside)
    os.rename(partial, real)
    sync_folder(os.path.dirname(real))
    if os.path.isdir(aside):
        _discard(aside)


def _recover(real: str, is_ours: Callable[[str], bool]) -> None:
    """Finish a `_swap` that was killed between its steps."""
    aside = real + ".replaced"
    if os.path.exists(os.path.join(aside, _MARKER)) or (is_ours(aside) and os.path.lexists(real)):
        _discard(aside)
    elif is_ours(aside):
        os.rename(aside, real)


def sync_file(file: IO[bytes]) -> None:
    """Make what was written to an open file durable."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: str) -> None:
    """Make the names in a folder durable, where the system can."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(top: str) -> None:
    for folder, _, _ in os.walk(top):
        sync_folder(folder)
