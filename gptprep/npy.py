"""The `.npy` format, version 1.0: headers written ahead of the data, and read without trusting them.

`numpy.load` takes trailing bytes, big-endian data and pickles without a word; `open_array` does not.
Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import math
import os
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from gptprep.errors import DamagedData, os_errors


def header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """The header of a C-ordered array, byte for byte as `numpy.save` writes it."""
    buffer = io.BytesIO()
    described = {"descr": npy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy_format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()


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
    try:
        version = npy_format.read_magic(file)
        if version == (1, 0):
            shape, fortran, dtype = npy_format.read_array_header_1_0(file)
        elif version == (2, 0):
            shape, fortran, dtype = npy_format.read_array_header_2_0(file)
        else:
            raise DamagedData(f"{path} has an unknown .npy version", f"{version[0]}.{version[1]}")
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise DamagedData(f"{path} is not a .npy file", str(error).splitlines()[0]) from error
    if dtype.kind not in "uif" or not dtype.isnative:
        raise DamagedData(f"{path} holds {dtype.str} data", "little-endian integers or floats are expected")
    if fortran and len(shape) > 1:
        raise DamagedData(f"{path} is in Fortran order", "C order is expected")
    if any(n < 0 for n in shape):
        raise DamagedData(f"{path} has a negative shape", str(shape))
    offset = file.tell()
    expected = offset + math.prod(shape) * dtype.itemsize
    actual = os.fstat(file.fileno()).st_size
    if actual != expected:
        raise DamagedData(
            f"{path} has the wrong size",
            f"its header says {expected:,} bytes (shape {shape}, {dtype}) and it has {actual:,}",
        )
    return Header(shape, dtype, offset)


def open_array(path: str) -> NDArray[Any]:
    """Memory-map a `.npy` file, read-only, after checking its header.

    Raises:
        GptprepError: it cannot be read.
        DamagedData: as `read_header`.
    """
    with os_errors("read", path), open(path, "rb") as file:
        shape, dtype, offset = read_header(file, path)
        if 0 in shape:  # an empty file region cannot be mapped
            return np.empty(shape, dtype)
        return np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=shape)
