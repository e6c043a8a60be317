"""New files that are written from start to end: through the page cache, or past it."""

import errno
import fcntl
import hashlib
import mmap
import os
import sys
import time
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gptprep.units import MIB

_BUFFER_BYTES = 4 * MIB
"""Bytes that go to the disk at a time."""
LARGE_BYTES = 512 * MIB
"""New files of together more bytes than this are better written past the page cache: nobody reads all of them
soon, and the system takes long to provide new pages (on a virtual machine two thirds of the CPU time of phase
2, for 2 GB of pairs)."""
_COPIES = 3
"""How often bytes are copied on their way to the page cache."""
_O_DIRECT: int = getattr(os, "O_DIRECT", 0)


@cache
def seconds_per_byte() -> float:
    """About how long it takes to make, hash and write a byte of a new file, for an estimate.

    It is measured on a block of memory: a disk that is slower than that is not taken into account.
    """
    block = bytes(_BUFFER_BYTES)
    started = time.process_time()
    hashlib.sha256(block)
    for _ in range(_COPIES):
        bytearray(block)
    return (time.process_time() - started) / len(block)


def start_writeback(descriptor: int, offset: int, size: int) -> None:
    """Ask the system to start writing a range of a file to the disk, so that a later flush is short.

    On other systems than Linux it does nothing.
    """
    if (sync_file_range := _sync_file_range()) is not None:
        sync_file_range(descriptor, offset, size, 2)  # SYNC_FILE_RANGE_WRITE in <fcntl.h>


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    import ctypes

    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function


def new_file(path: str) -> int:
    """Create or empty a file; returns its descriptor.

    Raises:
        OSError: it cannot be created.
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)


class CachedFile:
    """A file written through the page cache: what was written can be read again at once.

    Args:
        descriptor: of the empty file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._written = self._writeback_end = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            OSError: they cannot be written.
        """
        view = memoryview(data).cast("B")
        while view:
            done = os.write(self._descriptor, view)
            view, self._written = view[done:], self._written + done
        if self._written - self._writeback_end >= _BUFFER_BYTES:
            start_writeback(self._descriptor, self._writeback_end, self._written - self._writeback_end)
            self._writeback_end = self._written

    def flush(self) -> None:
        """Give everything to the system; it has it already."""

    def sync(self) -> None:
        """Make everything written durable."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file; what has not been synced may be lost."""
        os.close(self._descriptor)


class DirectFile:
    """A file written past the page cache (O_DIRECT in open(2)), for more data than anyone wants in memory.

    The system then neither copies the data nor evicts what other programs have cached. It works on Linux, on
    file systems that support it; elsewhere the same bytes go through the page cache. O_DIRECT needs aligned
    memory, offsets and lengths: a memory mapping is aligned, and so is every write but the last.

    Args:
        descriptor: of the empty file.
    """

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(-1, _BUFFER_BYTES)
        self._descriptor = descriptor
        try:
            self._is_direct = self._set_flag(_O_DIRECT)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._is_direct = False
        self._buffer: NDArray[np.uint8] = np.frombuffer(self._memory, np.uint8)
        self._filled = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            OSError: they cannot be written.
        """
        rest = np.frombuffer(data, np.uint8)
        while len(rest):
            taken = rest[: _BUFFER_BYTES - self._filled]
            self._buffer[self._filled : self._filled + len(taken)] = taken
            self._filled, rest = self._filled + len(taken), rest[len(taken) :]
            if self._filled == _BUFFER_BYTES:
                self._write_buffer()

    def flush(self) -> None:
        """Give everything to the system; what is written afterwards goes through the page cache."""
        self._use_page_cache()
        self._write_buffer()

    def sync(self) -> None:
        """Make everything written durable."""
        self.flush()
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file; what has not been synced may be lost."""
        os.close(self._descriptor)

    def _write_buffer(self) -> None:
        view = memoryview(self._memory)[: self._filled]
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not self._is_direct:
                    raise
                # The file system accepts the flag but not the write, or a short write left it unaligned.
                self._use_page_cache()
        self._filled = 0

    def _use_page_cache(self) -> None:
        if self._is_direct:
            self._is_direct = self._set_flag(0)

    def _set_flag(self, flag: int) -> bool:
        """Make O_DIRECT what is given; returns whether it is set."""
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
        fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags & ~_O_DIRECT | flag)
        return bool(flag)
