"""Memory-mapped files that hold no file descriptor.

Python's own `mmap` keeps one for each file until 3.13 (`trackfd`), and a dataset of a thousand shards has
more files than a process may have open. mmap(2) itself needs none.
"""

import ctypes
import math
import os
import weakref
from functools import cache
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_PROT_READ, _MAP_SHARED, _MADV_DONTNEED = 1, 1, 4
"""The same on Linux and macOS."""
_MAP_FAILED = ctypes.c_void_p(-1).value


class MemoryMap:
    """A read-only mapping of a file; its pages are read when they are used.

    Raises:
        OSError: the file cannot be mapped.
    """

    def __init__(self, file: IO[bytes] | Any, size: int) -> None:
        """Map the first `size` bytes, at least one, of an open file, which may be closed afterwards."""
        libc = _libc()
        self._address = libc.mmap(None, size, _PROT_READ, _MAP_SHARED, file.fileno(), 0)
        self._size = size
        if self._address == _MAP_FAILED:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._finalizer = weakref.finalize(self, libc.munmap, self._address, size)
        self._finalizer.atexit = False  # other threads may still read

    def array(self, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int) -> NDArray[Any]:
        """A read-only array over the bytes from `offset` on; it keeps the mapping alive."""
        memory = (ctypes.c_ubyte * self._size).from_address(self._address)
        memory.mapping = self  # type: ignore[attr-defined]
        view = memoryview(memory).toreadonly()
        return np.frombuffer(view, dtype, math.prod(shape), offset).reshape(shape)

    def release_pages(self) -> None:
        """Free the memory of the pages that were read; they are read again if they are used again."""
        _libc().madvise(self._address, self._size, _MADV_DONTNEED)


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_int64]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return libc
