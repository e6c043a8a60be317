"""The `.npy` format, version 1.0: headers written ahead of the data, and read without trusting them.

`numpy.load` takes trailing bytes, big-endian data and pickles without a word; `read_header` does not.
Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import math
import os
import re
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep.errors import DamagedData, os_errors
from gptprep.mapping import Mapping

_MAGIC = b"\x93NUMPY"
_ALIGNMENT, _ROW_DIGITS = 64, 21
"""What numpy fills headers up to, and the room that it leaves for the number of rows."""
_MAX_DIMENSIONS = 32
_MAX_HEADER = 10_000
"""Bytes; numpy's own limit for files that are not trusted."""


def header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """The header of a C-ordered array, byte for byte as `numpy.save` writes it."""
    text = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    if shape:  # room for more rows
        text += " " * (_ROW_DIGITS - len(repr(shape[0])))
    length = -(-(len(_MAGIC) + 4 + len(text) + 1) // _ALIGNMENT) * _ALIGNMENT - len(_MAGIC) - 4
    return _MAGIC + b"\x01\x00" + length.to_bytes(2, "little") + text.ljust(length - 1).encode() + b"\n"


class Header(NamedTuple):
    """What the header of a file claims, checked against the size of the file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    """Where the data begin, in bytes."""


def read_header(file: BinaryIO | io.FileIO, path: str) -> Header:
    """Read and check the header of an open `.npy` file of integers or floats.

    Raises:
        DamagedData: it is not a little-endian, C-ordered `.npy` whose size fits its header to the byte.
    """
    shape, fortran, dtype = _parse(_header_text(file, path), path)
    if fortran and len(shape) > 1:
        raise DamagedData(f"{path} is in Fortran order", "C order is expected")
    offset = file.tell()
    expected = offset + math.prod(shape) * dtype.itemsize
    actual = os.fstat(file.fileno()).st_size
    if actual != expected:
        raise DamagedData(
            f"{path} has the wrong size",
            f"its header says {expected:,} bytes (shape {shape}, {dtype}) and it has {actual:,}",
        )
    return Header(shape, dtype, offset)


def _header_text(file: BinaryIO | io.FileIO, path: str) -> bytes:
    """The Python literal of the header; the file is left where the data begin."""
    start = file.read(len(_MAGIC) + 2)
    if start[: len(_MAGIC)] != _MAGIC or len(start) < len(_MAGIC) + 2:
        raise DamagedData(f"{path} is not a .npy file", "it does not begin like one")
    length_bytes = {1: 2, 2: 4, 3: 4}.get(start[-2])
    if not length_bytes:
        raise DamagedData(f"{path} has an unknown .npy version", f"{start[-2]}.{start[-1]}")
    length = int.from_bytes(file.read(length_bytes), "little")
    text = file.read(min(length, _MAX_HEADER + 1))
    if len(text) < length:
        raise DamagedData(f"{path} is not a .npy file", "its header is cut short or too long")
    return text


_NAMES = "'descr'", "'fortran_order'", "'shape'"
_SHAPE = r"\(((?:\s*\d{1,19}\s*,)+(?:\s*\d{1,19})?|)\s*\)"
_FIELD = rf"(?:'descr'\s*:\s*'([^',]{{1,16}})'|'fortran_order'\s*:\s*(True|False)|'shape'\s*:\s*{_SHAPE})"
_LITERAL = re.compile(rf"\{{\s*{_FIELD}\s*(?:,\s*{_FIELD}\s*){{2}}(?:,\s*)?\}}")


def _parse(text: bytes, path: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read a header without Python's own parser: a hostile one has nothing to work on, and in CPython 3.11
    that parser fails in threads (https://github.com/python/cpython/issues/106905)."""
    literal = text.decode("latin-1").strip().replace('"', "'")
    if not _LITERAL.fullmatch(literal) or any(literal.count(name) != 1 for name in _NAMES):
        raise DamagedData(f"{path} is not a .npy file of numbers", "its header is not that of a plain array")
    descr, fortran, sizes = ("".join(groups) for groups in zip(*re.findall(_FIELD, literal), strict=True))
    shape = tuple(int(size) for size in sizes.split(",") if size.strip())
    if len(shape) > _MAX_DIMENSIONS or math.prod(max(n, 1) for n in shape) >= 1 << 60:
        raise DamagedData(f"{path} is not a .npy file of numbers", f"the shape is {str(shape)[:80]}")
    if not re.fullmatch(r"[<|=]?([ui][1248]|f[248])", descr):
        raise DamagedData(f"{path} holds {descr} data", "little-endian integers or floats are expected")
    return shape, fortran == "True", np.dtype(descr)


def check_header(
    file: BinaryIO | io.FileIO, path: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Header:
    """Read a header that has to be, to the byte, what `header` writes for a shape and a dtype.

    Raises:
        DamagedData: it is not; or as `read_header`.
    """
    found = read_header(file, path)
    if (found.shape, found.dtype) != (shape, dtype):
        raise DamagedData(
            f"{path} is not what the manifest says",
            f"it has the shape {found.shape} and the dtype {found.dtype}, not {shape} and {dtype}",
            "write the folder again",
        )
    file.seek(0)
    if file.read(found.offset) != header(shape, dtype):
        raise DamagedData(f"{path} has not the header that was written", fix="write the folder again")
    return found


def open_array(path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Memory-map a `.npy` file of a known shape and dtype, read-only, after checking its header.

    Raises:
        GptprepError: it cannot be read.
        DamagedData: as `check_header`.
    """
    with os_errors("read", path), open(path, "rb") as file:
        offset = check_header(file, path, shape, dtype).offset
        if 0 in shape:  # an empty file region cannot be mapped
            return np.empty(shape, dtype)
        size = offset + math.prod(shape) * dtype.itemsize
        return Mapping(file, size).array(dtype, shape, offset)
