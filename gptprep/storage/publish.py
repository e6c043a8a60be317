"""Publishing files and folders atomically: complete, or not at all.

Everything is written under a temporary name beside its final one, flushed to the disk and renamed. A lock
keeps two runs from writing the same output until the last of what was replaced is removed. The system
releases it with the process that holds it, so a killed run never blocks the next.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from gptprep.errors import GptprepError, UsageError, os_errors
from gptprep.parallel.signals import deferred
from gptprep.storage.files import MARKER, sync_file, sync_folder
from gptprep.storage.locks import has_name, locked_folder, locked_if_exists, open_locked_file
from gptprep.storage.stores import check_url, is_url
from gptprep.storage.workdir import discard, empty, is_leftover, is_marked, mark, remove

_PARTIAL, _REPLACED = ".partial", ".replaced"
_RENAMED = "an output is written beside its name and renamed when it is finished"
_USE_FORCE = "give --force to replace it, or choose another name"


def check_file_output(path: str, *, force: bool, inputs: Iterable[str] = ()) -> str:
    """Check before the work whether a file may be written at `path`; returns the path with links resolved.

    Raises:
        UsageError: the path is empty.
        GptprepError: it is a folder, a device or a pipe; it is one of the `inputs`, which are all files that
            the run reads; or it exists without `force`.
    """
    _require_name(path)
    real = _resolved(path)
    if os.path.isdir(real) or path.endswith(os.sep):
        raise GptprepError(f"{path} is a folder", fix="name a file for the output")
    if any(os.path.exists(name) and not os.path.isfile(name) for name in (path, real)):
        raise GptprepError(f"{path} is not a regular file", _RENAMED, "use -o -")
    if os.path.exists(real):
        if any(os.path.exists(other) and os.path.samefile(real, other) for other in inputs):
            raise GptprepError(f"{path} is read by this run", fix="choose another output")
        if not force:
            raise GptprepError(f"{path} already exists", fix=_USE_FORCE)
    return real


@contextmanager
def publish_file(path: str, *, force: bool = False, shown: str = "") -> Iterator[BinaryIO]:
    """A file that appears at `path` if the block succeeds, and not at all otherwise.

    Args:
        shown: what errors call it, if not `path`.

    Raises:
        GptprepError: as `check_file_output`, another run is writing it, or it cannot be written.
    """
    real = check_file_output(path, force=force)
    folder, name = os.path.split(real)
    partial = os.path.join(folder, f".{name}{MARKER}")
    shown = shown or path
    with _parent_folders(real, shown), os_errors("write", shown):
        with open(open_locked_file(partial, shown), "r+b") as file:
            try:
                file.truncate()
                yield file
                sync_file(file)
                _rename_file(partial, real, path, force=force)
            except BaseException:
                with suppress(OSError):
                    if has_name(file.fileno(), partial):  # if published, the name may be another run's
                        os.unlink(partial)
                raise
        sync_folder(folder)


def _rename_file(partial: str, real: str, path: str, *, force: bool) -> None:
    """Give a finished file its name; without `force` never over a file that appeared during the run."""
    if os.path.exists(real):
        shutil.copymode(real, partial)
    if force:
        os.replace(partial, real)
        return
    try:
        os.link(partial, real)
    except FileExistsError:
        raise GptprepError(f"{path} already exists", "it appeared during this run", _USE_FORCE) from None
    except OSError:  # a file system without hard links
        check_file_output(path, force=force)
        os.replace(partial, real)
    else:
        os.unlink(partial)


def check_folder_output(
    path: str, *, force: bool, not_ours: Callable[[str], str], inputs: Iterable[str] = ()
) -> str:
    """Check before the work whether a folder may be written at `path`; returns it with links resolved.

    An empty folder may be replaced. `force` replaces only what gptprep wrote:
    `not_ours` says why a folder is not, or nothing.

    Raises:
        UsageError: the path is empty or "-".
        GptprepError: something is there that may not be replaced, or one of the `inputs` is in it.
    """
    _require_name(path)
    if path == "-":
        raise UsageError("a folder cannot be written to standard output", fix="name a folder")
    real = _resolved(path)
    if not os.path.lexists(real):
        return real
    if not os.path.isdir(real):
        raise GptprepError(f"{path} is a file", fix="name a folder for the output")
    inside = _RENAMED, f"name a folder in it: {path.rstrip('/')}/NAME"
    if os.path.ismount(real):
        raise GptprepError(f"{path} is a mount point", *inside)
    if os.path.commonpath([real, os.getcwd()]) == real:
        raise GptprepError(f"the current folder is in {path}", *inside)
    if not os.listdir(real):
        return real
    for other in inputs:
        if os.path.commonpath([real, os.path.realpath(other)]) == real:
            raise GptprepError(f"the input {other} is in {path}", fix="name another output")
    if reason := not_ours(real):
        what = f"{path} already exists and was not written by gptprep, or not all of it"
        why = f"{reason}, and only a folder that holds nothing else is replaced"
        raise GptprepError(what, why, "choose another output, or remove the file or the folder yourself")
    if not force:
        raise GptprepError(f"{path} already exists", fix=_USE_FORCE)
    if not os.access(real, os.W_OK | os.X_OK):
        raise GptprepError(f"{path} cannot be replaced", "it is read-only", "change its permissions")
    if os.path.lexists(real + _REPLACED) and not is_leftover(real + _REPLACED):
        raise _not_ours(real + _REPLACED, path)
    return real


@contextmanager
def publish_folder(
    path: str, *, force: bool, not_ours: Callable[[str], str], keep: str = ""
) -> Iterator[str]:
    """A folder `PATH.partial` that becomes `path` if the block succeeds, and is removed otherwise.

    What a killed run left in `PATH.partial` is cleared first. The old folder stays until the new is complete.

    Args:
        keep: a folder in it that a failed or killed run leaves for the next one. The block creates it when
            there is something worth keeping; it is removed when the block succeeds.

    Raises:
        GptprepError: as `check_folder_output`, another run is writing there, or it cannot be written.
    """
    real = check_folder_output(path, force=force, not_ours=not_ours)
    with _working_folder(real, path, keep) as partial, locked_if_exists(real, path):
        _recover(real)
        check_folder_output(path, force=force, not_ours=not_ours)
        yield partial
        for folder, folders, _ in os.walk(partial):
            if keep in folders:
                folders.remove(keep)  # it is removed below, whatever is in it
            sync_folder(folder)
        check_folder_output(path, force=force, not_ours=not_ours)
        if keep:
            remove(os.path.join(partial, keep))
        _swap(partial, real)


@contextmanager
def working_folder(path: str, *, keep: str) -> Iterator[str]:
    """A folder for what is needed to make the file `path`; it is removed after the block.

    Args:
        keep: as in `publish_folder`.

    Raises:
        GptprepError: another run is using it, or it cannot be written.
    """
    with _working_folder(os.path.realpath(path), path, keep) as partial:
        yield partial
        with suppress(OSError):  # the file has its name: the next run removes what is left here
            discard(partial)


def clear_leftover(path: str) -> None:
    """Remove the working folder that a stopped run to `path` left, unless a run is using it now."""
    real = os.path.realpath(path)
    if is_marked(real + _PARTIAL):
        with suppress(GptprepError, OSError), locked_folder(real + _PARTIAL, path):
            discard(real + _PARTIAL)


def kept_bytes(path: str, keep: str, suffix: str = _PARTIAL) -> int:
    """The size of what an earlier run to `path` kept for the next one."""
    folder = os.path.join(os.path.realpath(path) + suffix, keep)
    total = 0
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # a run that is writing there has removed it meanwhile
                total += entry.stat().st_size
    return total


@contextmanager
def _working_folder(real: str, path: str, keep: str) -> Iterator[str]:
    partial = real + _PARTIAL
    with _parent_folders(real, path), os_errors("write", path), locked_folder(partial, path):
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
    near = path.rstrip(os.sep) + _PARTIAL
    note = f"finished work is kept in {near if os.path.exists(near) else partial}"
    if isinstance(error, Exception) and not isinstance(error, OSError):
        return f"{note} for the next run to {path}"
    return f"{note}: the same command continues from there"


def _require_name(path: str) -> None:
    if not path:
        raise UsageError("the output has no name", fix="give --output a name")
    if is_url(path):
        check_url(path)
        fix = "name a local file or folder, and copy it to the store when it is complete"
        raise UsageError(f"the output cannot be the URL {path}", "outputs are made on a local disk", fix)


def _resolved(path: str) -> str:
    """A path with its links resolved.

    Raises:
        GptprepError: they lead in a circle.
    """
    real = os.path.realpath(path)
    folder = real
    while folder != os.path.dirname(folder):
        if os.path.islink(folder):
            why = f"{folder} is a link that leads back to itself"
            raise GptprepError(f"cannot write {path}", why, "remove the link, or choose another output")
        folder = os.path.dirname(folder)
    return real


def _not_ours(folder: str, path: str) -> GptprepError:
    what = f"{folder} already exists and was not written by gptprep"
    why = f"this name is needed while {path} is written"
    return GptprepError(what, why, "move it away, or choose another output")


@contextmanager
def _parent_folders(real: str, path: str) -> Iterator[None]:
    """Create the folders above an output; they are removed again if the block fails."""
    created: list[str] = []
    folder = os.path.dirname(real)
    with os_errors("write", path):
        while not os.path.lexists(folder):
            created.append(folder)
            folder = os.path.dirname(folder)
    try:
        with os_errors("write", path):
            for folder in reversed(created):  # os.makedirs would recurse
                with suppress(FileExistsError):
                    os.mkdir(folder)
        yield
    except BaseException:
        for folder in created:
            with suppress(OSError):
                os.rmdir(folder)
        raise


def _claim(partial: str, path: str, keep: str) -> None:
    """Mark the working folder as gptprep's and remove what a killed run left in it, except `keep`."""
    if not is_leftover(partial):
        raise _not_ours(partial, path)
    mark(partial)
    empty(partial, keep)


def _swap(partial: str, real: str) -> None:
    """Put the finished folder in place; an old one is moved aside first and removed last."""
    mode = os.stat(real).st_mode if os.path.isdir(real) else None
    with deferred():
        try:
            if os.path.isdir(real) and os.listdir(real):
                mark(real)
                os.rename(real, real + _REPLACED)
            os.rename(partial, real)
            sync_folder(os.path.dirname(real))  # before anything of the old folder is removed
        except OSError:
            _restore(real)
            raise
        _recover(real)
        if mode is not None:
            os.chmod(real, stat.S_IMODE(mode))


def _recover(real: str) -> None:
    """Finish a `_swap`, or undo one that was stopped before the new folder had its name."""
    _restore(real)
    if is_leftover(real + _REPLACED):
        with suppress(OSError):  # the new folder is in place: the next run removes what is left here
            discard(real + _REPLACED)


def _restore(real: str) -> None:
    replaced = real + _REPLACED
    if is_marked(replaced) and not os.path.lexists(real):
        os.rename(replaced, real)
    if is_marked(real):
        os.unlink(os.path.join(real, MARKER))
