"""Publishing files and folders whole or not at all.

Everything is written under a temporary name beside its final one, flushed to the disk and renamed. A lock
keeps two runs from writing the same output, until the last of what was replaced is gone; the system drops it
with the process that held it, so a killed run never blocks the next.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from gptprep.errors import GptprepError, WrongUsage, os_errors
from gptprep.files import MARKER, sync_file, sync_folder
from gptprep.interrupts import put_off
from gptprep.leftovers import discard, empty, is_leftover, is_marked, mark, remove
from gptprep.locks import is_at, locked_folder, locked_if_there, open_locked_file

_ASIDE = ".replaced"
_FORCE = "give --force to replace it, or another name"


def check_file_output(path: str, *, force: bool, inputs: Iterable[str] = ()) -> str:
    """Say early whether a file may be written at `path`; the path with links resolved.

    Raises:
        WrongUsage: the path is empty.
        GptprepError: it is a folder, a device or a pipe; it is one of the `inputs`; it exists and `force` is
            not given.
    """
    _require_name(path)
    real = os.path.realpath(path)
    if os.path.isdir(real) or path.endswith(os.sep):
        raise GptprepError(f"{path} is a folder", fix="name a file for the output")
    if any(os.path.exists(name) and not os.path.isfile(name) for name in (path, real)):
        raise GptprepError(
            f"{path} is not a regular file", "an output is renamed into place when it is whole", "use -o -"
        )
    if os.path.exists(real):
        if any(os.path.exists(other) and os.path.samefile(real, other) for other in inputs):
            raise GptprepError(f"{path} is one of the inputs", fix="name another output")
        if not force:
            raise GptprepError(f"{path} already exists", fix=_FORCE)
    return real


@contextmanager
def publish_file(path: str, *, force: bool = False) -> Iterator[BinaryIO]:
    """A file that appears at `path` when the block ends well, and not at all otherwise.

    Raises:
        GptprepError: as `check_file_output`, another run is writing it, or it cannot be written.
    """
    real = check_file_output(path, force=force)
    folder, name = os.path.split(real)
    partial = os.path.join(folder, f".{name}{MARKER}")
    with _parents(real, path), os_errors("write", path):
        with open(open_locked_file(partial, path), "r+b") as file:
            try:
                file.truncate()
                yield file
                sync_file(file)
                _publish(partial, real, path, force=force)
            except BaseException:
                with suppress(OSError):
                    if is_at(file.fileno(), partial):  # published, the name may be another run's
                        os.unlink(partial)
                raise
        sync_folder(folder)


def _publish(partial: str, real: str, path: str, *, force: bool) -> None:
    """Give a finished file its name; without `force` never over another, however late that one came."""
    if os.path.exists(real):
        shutil.copymode(real, partial)
    if force:
        os.replace(partial, real)
        return
    try:
        os.link(partial, real)
    except FileExistsError:
        raise GptprepError(f"{path} already exists", "it came while this run was at work", _FORCE) from None
    except OSError:  # a file system without hard links
        check_file_output(path, force=force)
        os.replace(partial, real)
    else:
        os.unlink(partial)


def check_folder_output(
    path: str, *, force: bool, is_ours: Callable[[str], bool], inputs: Iterable[str] = ()
) -> str:
    """Say early whether a folder may be written at `path`; the path with links resolved.

    An empty folder counts as free. `force` replaces only what `is_ours` knows as gptprep's own work.

    Raises:
        WrongUsage: the path is empty or "-".
        GptprepError: something is there that may not be replaced, or one of the `inputs` lies in it.
    """
    _require_name(path)
    if path == "-":
        raise WrongUsage("a folder cannot go to standard output", fix="name a folder")
    real = os.path.realpath(path)
    if not os.path.lexists(real):
        return real
    if not os.path.isdir(real):
        raise GptprepError(f"{path} is a file", fix="name a folder for the output")
    inside = (
        "an output is renamed into place when it is whole",
        f"name a folder in it: {path.rstrip('/')}/NAME",
    )
    if os.path.ismount(real):
        raise GptprepError(f"{path} is a mount point", *inside)
    if os.path.commonpath([real, os.getcwd()]) == real:
        raise GptprepError(f"the current folder is in {path}", *inside)
    if not os.listdir(real):
        return real
    for other in inputs:
        if os.path.commonpath([real, os.path.realpath(other)]) == real:
            raise GptprepError(f"the input {other} is in {path}", fix="name another output")
    if not is_ours(real):
        raise GptprepError(
            f"{path} already exists and is not gptprep's",
            "only a folder with nothing but what gptprep wrote is ever replaced",
            "choose another output, or remove the folder yourself",
        )
    if not force:
        raise GptprepError(f"{path} already exists", fix=_FORCE)
    if not os.access(real, os.W_OK | os.X_OK):
        raise GptprepError(f"{path} may not be replaced", "it is read-only", "change its permissions")
    if os.path.lexists(real + _ASIDE) and not is_leftover(real + _ASIDE):
        raise _not_ours(real + _ASIDE, path)
    return real


@contextmanager
def publish_folder(
    path: str, *, force: bool, is_ours: Callable[[str], bool], keep: str = ""
) -> Iterator[str]:
    """A folder `PATH.partial` to work in, which becomes `path` when the block ends well and goes otherwise.

    What a killed run left in `PATH.partial` is cleared first. The old one stays until the new one is whole.

    Args:
        keep: a folder in it that a failed or killed run leaves to the next one. The block makes it when there
            is something worth keeping; it goes when all went well.

    Raises:
        GptprepError: as `check_folder_output`, another run is writing there, or it cannot be written.
    """
    real = check_folder_output(path, force=force, is_ours=is_ours)
    with _working_folder(real, path, keep) as partial, locked_if_there(real, path):
        _recover(real)
        check_folder_output(path, force=force, is_ours=is_ours)
        yield partial
        for folder, _, _ in os.walk(partial):
            sync_folder(folder)
        check_folder_output(path, force=force, is_ours=is_ours)
        if keep:
            remove(os.path.join(partial, keep))
        _swap(partial, real)


@contextmanager
def working_folder(path: str, *, keep: str) -> Iterator[str]:
    """A folder `PATH.partial` for what it takes to make the file `path`; it goes when the block ends.

    Args:
        keep: as in `publish_folder`.

    Raises:
        GptprepError: another run is at it, or it cannot be written.
    """
    with _working_folder(os.path.realpath(path), path, keep) as partial:
        yield partial
        with suppress(OSError):  # the file has its name: what is left here goes with the next run
            discard(partial)


def clear_leftover(path: str) -> None:
    """Remove the working folder that a stopped run to `path` left, where no run is at it now."""
    real = os.path.realpath(path)
    if is_marked(real + ".partial"):
        with suppress(GptprepError, OSError), locked_folder(real + ".partial", path):
            discard(real + ".partial")


@contextmanager
def _working_folder(real: str, path: str, keep: str) -> Iterator[str]:
    partial = real + ".partial"
    with _parents(real, path), os_errors("write", path), locked_folder(partial, path):
        _claim(partial, path, keep)
        try:
            yield partial
        except BaseException as error:
            with suppress(OSError):
                if keep and os.path.exists(os.path.join(partial, keep)):
                    empty(partial, keep)
                    error.add_note(_kept_note(path, partial, error))
                else:
                    discard(partial)
            raise


def _kept_note(path: str, partial: str, error: BaseException) -> str:
    near = path.rstrip(os.sep) + ".partial"
    note = f"what was done is kept in {near if os.path.exists(near) else partial}"
    if isinstance(error, Exception) and not isinstance(error, OSError):
        return f"{note} for the next run to {path}"
    return f"{note}: the same command goes on from there"


def _require_name(path: str) -> None:
    if not path:
        raise WrongUsage("the output has no name", fix="give --output a name")


def _not_ours(folder: str, path: str) -> GptprepError:
    return GptprepError(
        f"{folder} already exists and is not gptprep's",
        f"it is a name that is needed while {path} is written",
        "move it away, or choose another output",
    )


@contextmanager
def _parents(real: str, path: str) -> Iterator[None]:
    """Make the folders above an output; they go again if the block fails."""
    made: list[str] = []
    folder = os.path.dirname(real)
    with os_errors("write", path):
        while not os.path.lexists(folder):
            made.append(folder)
            folder = os.path.dirname(folder)
    try:
        with os_errors("write", path):
            os.makedirs(os.path.dirname(real), exist_ok=True)
        yield
    except BaseException:
        for folder in made:
            with suppress(OSError):
                os.rmdir(folder)
        raise


def _claim(partial: str, path: str, keep: str) -> None:
    """Mark the working folder as gptprep's and clear what a killed run left in it, but for what is kept."""
    if not is_leftover(partial):
        raise _not_ours(partial, path)
    mark(partial)
    empty(partial, keep)


def _swap(partial: str, real: str) -> None:
    """Put the finished folder in place; an old one is moved aside first and removed last."""
    mode = os.stat(real).st_mode if os.path.isdir(real) else None
    with put_off():
        try:
            if os.path.isdir(real) and os.listdir(real):
                mark(real)
                os.rename(real, real + _ASIDE)
            os.rename(partial, real)
            sync_folder(os.path.dirname(real))  # before anything of the old one goes
        except OSError:
            _restore(real)
            raise
        _recover(real)
        if mode is not None:
            os.chmod(real, stat.S_IMODE(mode))


def _recover(real: str) -> None:
    """Finish a `_swap`, or undo one that was cut off before the new folder had its name."""
    _restore(real)
    if is_leftover(real + _ASIDE):
        with suppress(OSError):  # the new folder is in place: what is left here goes with the next run
            discard(real + _ASIDE)


def _restore(real: str) -> None:
    aside = real + _ASIDE
    if is_marked(aside) and not os.path.lexists(real):
        os.rename(aside, real)
    if is_marked(real):
        os.unlink(os.path.join(real, MARKER))
