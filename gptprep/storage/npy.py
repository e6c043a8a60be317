"""The `.npy` format, version 1.0: headers written ahead of the data, and read without trusting them.

`numpy.load` accepts trailing bytes and big-endian data without a warning; `read_header` does not.
Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import io
import math
import os
import re
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep.errors import CorruptDataError, os_errors
from gptprep.storage.memory_map import MemoryMap

_MAGIC = b"\x93NUMPY"
_ALIGNMENT, _ROW_DIGITS = 64, 21
"""numpy pads headers to a multiple of 64 bytes, and leaves room for 21 digits of the number of rows."""
_MAX_DIMENSIONS = 32
_MAX_HEADER = 10_000
"""Bytes; numpy's own limit for files that are not trusted."""
_MAX_ELEMENTS = 1 << 60


def header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """The header of a C-ordered array, byte for byte as numpy 1.24 and later write it.

    It is not numpy's own function because shards must have the same bytes with every version of numpy, and
    numpy changed the padding of headers in 1.24.
    """
    text = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    if shape:  # room for more rows
        text += " " * (_ROW_DIGITS - len(repr(shape[0])))
    length = -(-(len(_MAGIC) + 4 + len(text) + 1) // _ALIGNMENT) * _ALIGNMENT - len(_MAGIC) - 4
    return _MAGIC + b"\x01\x00" + length.to_bytes(2, "little") + text.ljust(length - 1).encode() + b"\n"


class Header(NamedTuple):
    """What the header of a file says, checked against the size of the file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    """Where the data start, in bytes."""


def read_header(file: IO[bytes] | io.FileIO, path: str) -> Header:
    """Read and check the header of an open `.npy` file of integers or floats.

    Raises:
        CorruptDataError: it is not a little-endian, C-ordered `.npy` file of exactly the size its header
            gives.
    """
    shape, fortran, dtype = _parse(_header_text(file, path), path)
    if fortran and len(shape) > 1:
        raise CorruptDataError(f"{path} is in Fortran order", "C order is expected")
    offset = file.tell()
    expected = offset + math.prod(shape) * dtype.itemsize
    actual = file.seek(0, os.SEEK_END)
    file.seek(offset)
    if actual != expected:
        why = f"its header says {expected:,} bytes (shape {shape}, {dtype}) and it has {actual:,}"
        raise CorruptDataError(f"{path} has the wrong size", why)
    return Header(shape, dtype, offset)


def _header_text(file: IO[bytes] | io.FileIO, path: str) -> bytes:
    """The Python literal in the header; the file is then positioned at the data."""
    start = file.read(len(_MAGIC) + 2)
    if start[: len(_MAGIC)] != _MAGIC or len(start) < len(_MAGIC) + 2:
        raise CorruptDataError(f"{path} is not a .npy file", "it does not start with the .npy magic bytes")
    length_bytes = {1: 2, 2: 4, 3: 4}.get(start[-2])
    if not length_bytes:
        raise CorruptDataError(f"{path} has an unknown .npy version", f"{start[-2]}.{start[-1]}")
    length = int.from_bytes(file.read(length_bytes), "little")
    text = file.read(min(length, _MAX_HEADER + 1))
    if len(text) < length:
        raise CorruptDataError(f"{path} is not a .npy file", "its header is truncated or too long")
    return text


_KEYS = "'descr'", "'fortran_order'", "'shape'"
_SHAPE = r"\(((?:\s*\d{1,19}\s*,)+(?:\s*\d{1,19})?|)\s*\)"
_FIELD = rf"(?:'descr'\s*:\s*'([^',]{{1,16}})'|'fortran_order'\s*:\s*(True|False)|'shape'\s*:\s*{_SHAPE})"
_LITERAL = re.compile(rf"\{{\s*{_FIELD}\s*(?:,\s*{_FIELD}\s*){{2}}(?:,\s*)?\}}")


def _parse(text: bytes, path: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Parse the literal with a regular expression, which a hostile header cannot make recurse.

    CPython 3.11's `ast.literal_eval` also fails in threads (https://github.com/python/cpython/issues/106905).
    """
    literal = text.decode("latin-1").strip().replace('"', "'")
    if not _LITERAL.fullmatch(literal) or any(literal.count(key) != 1 for key in _KEYS):
        raise CorruptDataError(f"{path} is not a .npy file of numbers", "unsupported .npy header")
    descr, fortran, sizes = ("".join(groups) for groups in zip(*re.findall(_FIELD, literal), strict=True))
    shape = tuple(int(size) for size in sizes.split(",") if size.strip())
    if len(shape) > _MAX_DIMENSIONS or math.prod(max(n, 1) for n in shape) >= _MAX_ELEMENTS:
        raise CorruptDataError(f"{path} is not a .npy file of numbers", f"the shape is {str(shape)[:80]}")
    if not re.fullmatch(r"[<|=]?([ui][1248]|f[248])", descr):
        raise CorruptDataError(f"{path} holds {descr} data", "little-endian integers or floats are expected")
    return shape, fortran == "True", np.dtype(descr)


def check_header(
    file: IO[bytes] | io.FileIO, path: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Header:
    """Read a header that must be, to the byte, what `header` gives for a shape and a dtype.

    Raises:
        CorruptDataError: it is not; or as `read_header`.
    """
    found = read_header(file, path)
    if (found.shape, found.dtype) != (shape, dtype):
        why = f"it has shape {found.shape} and dtype {found.dtype}, not {shape} and {dtype}"
        raise CorruptDataError(f"{path} is not what the manifest says", why, "write the folder again")
    file.seek(0)
    if file.read(found.offset) != header(shape, dtype):
        raise CorruptDataError(f"the header of {path} has changed", fix="write the folder again")
    return found


def open_array(path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Check the header of a `.npy` file of a known shape and dtype, and memory-map the file read-only.

    Raises:
        GptprepError: it cannot be read.
        CorruptDataError: as `check_header`.
    """
    with os_errors("read", path), open(path, "rb") as file:
        offset = check_header(file, path, shape, dtype).offset
        if 0 in shape:  # an empty range cannot be mapped
            return np.empty(shape, dtype)
        size = offset + math.prod(shape) * dtype.itemsize
        return MemoryMap(file, size).array(dtype, shape, offset)
