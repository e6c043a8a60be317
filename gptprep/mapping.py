"""Files mapped into memory without a descriptor being held for each.

Python's own `mmap` keeps one until 3.13 (`trackfd`), and a dataset of a thousand shards has more files than a
process may have open. The mapping itself needs none (mmap(2)).
"""

from __future__ import annotations

import ctypes
import math
import os
import weakref
from functools import cache
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_READ, _SHARED, _DONTNEED = 1, 1, 4
"""PROT_READ, MAP_SHARED and MADV_DONTNEED, the same on Linux and macOS."""
_FAILED = ctypes.c_void_p(-1).value


class Mapping:
    """A file, read-only, as it is on the disk; its pages are read when they are used.

    Raises:
        OSError: it cannot be mapped.
    """

    def __init__(self, file: IO[bytes] | Any, size: int) -> None:
        """Map the first `size` bytes, at least one, of an open file; it may be closed then."""
        libc = _libc()
        self._address, self._size = libc.mmap(None, size, _READ, _SHARED, file.fileno(), 0), size
        if self._address == _FAILED:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._end = weakref.finalize(self, libc.munmap, self._address, size)
        self._end.atexit = False  # other threads may still read

    def array(self, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int) -> NDArray[Any]:
        """Some of it as a read-only array, which keeps the mapping."""
        memory = (ctypes.c_ubyte * self._size).from_address(self._address)
        memory.mapping = self  # type: ignore[attr-defined]
        view = memoryview(memory).toreadonly()
        return np.frombuffer(view, dtype, math.prod(shape), offset).reshape(shape)

    def forget(self) -> None:
        """Give back the memory of what has been read; it is read anew when it is used again."""
        _libc().madvise(self._address, self._size, _DONTNEED)


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_int64]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return libc
