"""New files that are written from their beginning to their end: through the page cache, or past it."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os

import numpy as np
from numpy.typing import NDArray

from gptprep.files import begin_writeback

_CHUNK = 1 << 22
"""Bytes that go to the disk at a time."""
_DIRECT: int = getattr(os, "O_DIRECT", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


class CachedFile:
    """Through the page cache: what was written can be read again at once.

    The disk begins early, so that little is left to do when the file is flushed.

    Raises:
        OSError: it cannot be made or written.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, _NEW, 0o666)
        self._written = self._begun = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._written += len(data)
        if self._written - self._begun >= _CHUNK:
            begin_writeback(self._descriptor, self._begun, self._written - self._begun)
            self._begun = self._written

    def sync(self) -> None:
        """Make all of it durable."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """What has not been synced may be lost."""
        os.close(self._descriptor)


class DirectFile:
    """Past the page cache, for files that are larger than what anyone wants in memory.

    The system then neither copies the data nor gives up for them what other programs have there. Only on
    Linux, where the file system can (O_DIRECT in open(2)); elsewhere the same bytes take the ordinary way. It
    wants memory, places and lengths that are aligned: a mapping is, and so is all but the last write.

    Raises:
        OSError: it cannot be made or written.
    """

    def __init__(self, path: str) -> None:
        self._mapping = mmap.mmap(-1, _CHUNK)
        try:
            self._descriptor = os.open(path, _NEW | _DIRECT, 0o666)
            self._is_direct = bool(_DIRECT)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._descriptor, self._is_direct = os.open(path, _NEW, 0o666), False
        self._buffer: NDArray[np.uint8] = np.frombuffer(self._mapping, np.uint8)
        self._filled = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        left = np.frombuffer(data, np.uint8)
        while len(left):
            taken = left[: _CHUNK - self._filled]
            self._buffer[self._filled : self._filled + len(taken)] = taken
            self._filled, left = self._filled + len(taken), left[len(taken) :]
            if self._filled == _CHUNK:
                self._empty_buffer()

    def sync(self) -> None:
        """Make all of it durable; nothing can be written after."""
        if self._filled:
            self._go_on_buffered()
            self._empty_buffer()
        os.fsync(self._descriptor)

    def close(self) -> None:
        """What has not been synced may be lost."""
        os.close(self._descriptor)

    def _empty_buffer(self) -> None:
        view = memoryview(self._mapping)[: self._filled]
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not self._is_direct:
                    raise
                # The file system takes the flag and cannot do it, or an incomplete write has left the place.
                self._go_on_buffered()
        self._filled = 0

    def _go_on_buffered(self) -> None:
        if self._is_direct:
            flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags & ~_DIRECT)
            self._is_direct = False
