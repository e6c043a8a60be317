"""The header of safetensors files, read without trusting it and without a library that needs torch.

Format: 8 bytes with the length of a JSON object, that object, and the bytes of the tensors.
https://github.com/huggingface/safetensors
"""

import math
import os
from typing import Any, NamedTuple

from gptprep.errors import CorruptDataError, GptprepError, os_errors
from gptprep.storage.files import is_file
from gptprep.storage.json_files import parse_json

_MAX_HEADER = 100_000_000
"""Bytes; the limit of the format."""
_MAX_DIMENSIONS = 32
_BITS = {
    "F4": 4,
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}
_NAMES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
"""torch's names for the dtypes of tables."""


class TensorFormat(NamedTuple):
    """A tensor in a file."""

    shape: tuple[int, ...]
    dtype: str
    """torch's name for a float, such as "bfloat16"; otherwise that of the format, such as "I64"."""
    offset: int
    """Where it starts in the file, in bytes."""


def is_safetensors(path: str) -> bool:
    """Whether a file starts as a safetensors file does, whatever its name.

    Raises:
        GptprepError: it cannot be read, or is not a regular file.
    """
    with os_errors("read", path):
        os.stat(path)
    if not is_file(path):
        raise GptprepError(f"{path} is not a regular file", fix="name a file of weights")
    with os_errors("read", path), open(path, "rb") as file:
        start = file.read(9)
    return start[8:] == b"{" and int.from_bytes(start[:8], "little") <= _MAX_HEADER


def read_tensor_formats(path: str) -> dict[str, TensorFormat]:
    """What the tensors of a safetensors file are, by name; their numbers are not read.

    Raises:
        GptprepError: the file cannot be read.
        CorruptDataError: its header is damaged, or does not fit its size.
    """
    with os_errors("read", path), open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(min(length, _MAX_HEADER + 1))
        size = os.fstat(file.fileno()).st_size
    if len(text) < length or length > _MAX_HEADER:
        raise CorruptDataError(f"{path} is not a safetensors file", "its header is truncated or too long")
    value = parse_json(text, path)
    try:
        return {
            name: _format(tensor, 8 + length, size)
            for name, tensor in value.items()
            if name != "__metadata__"
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptDataError(f"{path} is damaged", f"{type(error).__name__}: {error}") from error


def _format(tensor: dict[str, Any], data_start: int, size: int) -> TensorFormat:
    shape, dtype, (start, stop) = tensor["shape"], tensor["dtype"], tensor["data_offsets"]
    if len(shape) > _MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < 1 << 48 for n in shape):
        raise ValueError(f"a shape is {str(shape)[:80]}")
    if type(start) is not int or type(stop) is not int or not 0 <= start <= stop <= size - data_start:
        raise ValueError(f"the bytes {start!r} to {stop!r} are not in the file")
    if math.prod(shape) * _BITS[dtype] != (stop - start) * 8:
        raise ValueError(f"{stop - start:,} bytes are not those of {dtype} numbers of shape {shape}")
    return TensorFormat(tuple(shape), _NAMES.get(dtype, dtype), data_start + start)
