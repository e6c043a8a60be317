"""Calls of libraries in Rust, without what they print to standard error themselves.

They write to file descriptor 2, past `sys.stderr`: a panic is printed before it becomes an exception of
Python. During a call the descriptor is a file in memory. After it, the unwanted text is removed and the rest,
which other threads may have written, is written to standard error.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

from gptprep.errors import GptprepError

Result = TypeVar("Result")
Unwanted = Callable[[BaseException | None], re.Pattern[bytes]]
"""Gives the text to be removed, for the exception that a call raised or None."""


def call_rust(call: Callable[[], Result], explained: Callable[[str], GptprepError]) -> Result:
    """Call a library. Its errors and panics become one of our errors, and a panic prints nothing.

    Args:
        explained: makes the error from the library's message.

    Raises:
        GptprepError: the library raised an exception or panicked.
    """
    try:
        return filtered(call, _panic_message)
    except BaseException as error:
        if isinstance(error, Exception) or _is_panic(error):
            raise explained(_one_line(str(error))[:200]) from error
        raise


def _one_line(message: str) -> str:
    """The message of an error in one line: without where it is in the source, and with what caused it."""
    message = message.partition("\n\nLocation:")[0]
    return " ".join(re.sub(r"\s*\n\s*Caused by:", ":", message).split())


def filtered(call: Callable[[], Result], unwanted: Unwanted) -> Result:
    """Call a function and remove text from what is written to standard error meanwhile.

    Nothing is removed in other threads than the main one, which could fork meanwhile: a child would keep the
    file as its standard error. Nor is anything if standard error is closed.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed
        return call()
    try:
        file = _unused_file()
    except OSError:  # no more files can be opened
        os.close(stderr)
        return call()
    removed = unwanted(None)
    try:
        try:  # a signal handler that raises does so after a call, never before the one in `finally`
            os.dup2(file.descriptor, 2)
            return call()
        except BaseException as error:
            removed = unwanted(error)
            raise
        finally:
            os.dup2(stderr, 2)
    finally:
        os.close(stderr)
        if os.lseek(file.descriptor, 0, os.SEEK_CUR):
            _write(removed.sub(b"", file.content()))
            os.close(file.descriptor)
        else:
            _unused.append(file)


# The file in memory


class _File(NamedTuple):
    """An empty file, which is used again if nothing was written: a new one takes more time than the rest."""

    descriptor: int
    process: int
    status: os.stat_result

    def is_usable(self) -> bool:
        """Whether it is this process's own and still open under its number."""
        try:
            return self.process == os.getpid() and os.path.samestat(self.status, os.fstat(self.descriptor))
        except OSError:
            return False

    def content(self) -> bytes:
        """What was written."""
        return os.pread(self.descriptor, os.fstat(self.descriptor).st_size, 0)


_unused: list[_File] = []


def _unused_file() -> _File:
    """A file in memory, or a temporary file on systems that have none."""
    if _unused and _unused[-1].is_usable():
        return _unused.pop()
    _unused.clear()
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("stderr")
    else:
        with tempfile.TemporaryFile() as temporary:
            descriptor = os.dup(temporary.fileno())
    return _File(descriptor, os.getpid(), os.fstat(descriptor))


def _write(data: bytes) -> None:
    with suppress(OSError):  # standard error is full, or its reader has gone
        while data:
            data = data[os.write(2, data) :]


# Panics


def _is_panic(error: BaseException) -> bool:
    """Panics are not `Exception`s and have no public class."""
    return type(error).__name__ == "PanicException"


_NOTHING = re.compile(rb"(?!)")


def _panic_message(error: BaseException | None) -> re.Pattern[bytes]:
    """What Rust prints for a panic: thread and place, the text of the exception, perhaps the frames."""
    if error is None or not _is_panic(error):
        return _NOTHING
    text = re.escape(str(error).encode(errors="replace"))
    frames = rb"(?:stack backtrace:\n(?: [^\n]*\n)*)?"
    return re.compile(
        rb"\n?thread '[^\n]* panicked at [^\n]*\n" + text + rb"\n" + frames + rb"(?:note: [^\n]*\n)*"
    )
