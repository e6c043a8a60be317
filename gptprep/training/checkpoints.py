"""Embedding tables in checkpoints: found by their usual names, read, and written as safetensors."""

import os
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from gptprep.errors import CorruptDataError, GptprepError, os_errors
from gptprep.storage.files import sha256_file, sync_file
from gptprep.training.table_names import check_table, find_table

_MAX_DEPTH = 4
"""Levels of dictionaries in a checkpoint that are searched: nanoGPT has its tensors under "model"."""
_MAX_HEADER = 100_000_000
"""Bytes; the limit of the safetensors format."""


@dataclass(frozen=True)
class Table:
    """A table of embeddings in a file."""

    name: str
    rows: int
    dim: int
    dtype: str
    """torch's name for it, such as "bfloat16"."""
    read: Callable[[], torch.Tensor]
    """The table, (rows, dim), float32."""


@dataclass(frozen=True)
class Tables:
    """The tables of a checkpoint, of the same width."""

    token: Table
    position: Table | None


def find_tables(
    path: str, token_name: str | None = None, position_name: str | None = None, *, with_position: bool = True
) -> Tables:
    """The token table of a checkpoint and its position table, by the names of GPT-2 and similar models.

    Names may have any prefix, such as `transformer.`, `_orig_mod.` or `model.`. Only the descriptions of the
    tensors are read, except in a legacy (not zipped) torch file.

    Args:
        path: `.safetensors`, or what `torch.save` wrote; the contents say which. Nothing in it is executed.
        token_name: of the tensor, if it has another name.
        position_name: the same.
        with_position: whether the position table is needed.

    Raises:
        GptprepError: it cannot be read, has no such table or several, or their widths differ.
        CorruptDataError: it is not a file of tensors.
    """
    tensors = open_tensors(path)
    token = _table(path, tensors, _find(path, tensors, "token", token_name))
    if not with_position:
        return Tables(token, None)
    position = _table(path, tensors, _find(path, tensors, "position", position_name))
    if token.dim != position.dim:
        what = f"the tables in {path} do not fit together"
        why = f"{token.name} has width {token.dim:,} and {position.name} {position.dim:,}"
        raise GptprepError(what, why, "name the tables: --token-table, --position-table")
    return Tables(token, position)


@dataclass(frozen=True)
class Tensor:
    """A tensor in a file, which need not be in memory yet."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], torch.Tensor]


Tensors = dict[str, Tensor]


def _find(path: str, tensors: Tensors, kind: str, name: str | None) -> str:
    """The name of the one tensor that is a table of this kind."""
    instead = ", or give --position none or sinusoidal" if kind == "position" else ""
    return find_table(path, {name: tensor.shape for name, tensor in tensors.items()}, kind, name, instead)


def _table(path: str, tensors: Tensors, name: str) -> Table:
    tensor = tensors[name]
    check_table(path, name, tensor.shape, tensor.dtype)
    rows, dim = tensor.shape

    def read() -> torch.Tensor:
        with _readable(path):
            # A copy, because mapped memory would change with the file.
            stored = tensor.read().detach()
            table = stored.to(torch.float32, copy=True).contiguous()
        if table.shape != (rows, dim):
            raise CorruptDataError(f"{path} changed while it was used")
        if stored.dtype == torch.float64 and not torch.equal(table.isinf(), stored.isinf()):
            what = f"{name} in {path} has numbers too large for float32"
            largest = stored[stored.isfinite()].abs().max().item()
            raise GptprepError(what, f"the largest is {largest:.3g}", "scale them, or save them as float32")
        return table

    return Table(name, rows, dim, tensor.dtype, read)


@contextmanager
def _readable(path: str) -> Iterator[None]:
    """Turn whatever a reader raises for a hostile file into a `CorruptDataError`."""
    try:
        with os_errors("read", path):
            yield
    except GptprepError:
        raise
    except Exception as error:
        raise CorruptDataError(f"{path} cannot be read as tensors", _why(error), _FIX) from error


_FIX = "give a .safetensors file, or what torch.save(model.state_dict(), ...) wrote"


def _why(error: Exception) -> str:
    """The reason in one line; torch's own message would advise running what is in the file."""
    if isinstance(error, pickle.UnpicklingError) or "weights_only" in str(error):
        return "it is not a file of tensors, or holds more than tensors, numbers and strings"
    if isinstance(error, (RuntimeError, SafetensorError)) and str(error):
        return str(error).partition("\n")[0][:300]
    return "it is damaged or truncated"  # Python's own errors speak of the reader's code, not of the file


def open_tensors(path: str) -> Tensors:
    """The tensors of a file, by name; only their descriptions are read, except in a legacy torch file.

    Raises:
        GptprepError: it cannot be read.
        CorruptDataError: it is not a file of tensors.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise GptprepError(f"{path} is not a regular file", fix="name a file of weights")
    with os_errors("read", path), open(path, "rb") as file:
        start = file.read(9)
    if start[8:] == b"{" and int.from_bytes(start[:8], "little") <= _MAX_HEADER:
        return dict(_safetensors(path))
    return dict(_checkpoint(path))


_SAFETENSORS_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}


def _safetensors(path: str) -> Iterator[tuple[str, Tensor]]:
    def reader(name: str) -> Callable[[], torch.Tensor]:
        def read() -> torch.Tensor:
            with safe_open(path, framework="pt") as file:
                tensor: torch.Tensor = file.get_tensor(name)
                return tensor

        return read

    with _readable(path), safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118  it is not a dict
            header = file.get_slice(name)
            shape, dtype = tuple(header.get_shape()), str(header.get_dtype())
            yield name, Tensor(shape, _SAFETENSORS_DTYPES.get(dtype, dtype), reader(name))


def _checkpoint(path: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors in what `torch.save` wrote; a zipped file is mapped, and each tensor read when needed."""
    with _readable(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about kinds of tensors that are not tables
        zipped = zipfile.is_zipfile(path)
        value = torch.load(path, map_location="cpu", weights_only=True, mmap=True if zipped else None)
        for name, tensor in _tensors_in(value, "", _MAX_DEPTH):
            if _is_plain(tensor):
                dtype = str(tensor.dtype).removeprefix("torch.")
                yield name, Tensor(tuple(tensor.shape), dtype, partial(torch.Tensor.detach, tensor))


def _is_plain(tensor: torch.Tensor) -> bool:
    """Whether all its numbers are in memory or in the file: it is not sparse, meta or expanded."""
    if tensor.layout is not torch.strided or tensor.is_nested or tensor.is_quantized or tensor.is_meta:
        return False
    return tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()


def _tensors_in(value: Any, prefix: str, depth: int) -> Iterator[tuple[str, torch.Tensor]]:
    if not isinstance(value, dict) or not depth:
        return
    for key, item in value.items():
        if isinstance(item, torch.Tensor):
            yield f"{prefix}{key}", item
        else:
            yield from _tensors_in(item, f"{prefix}{key}.", depth - 1)


def as_array(tensor: torch.Tensor) -> NDArray[Any]:
    """The numbers of a tensor, not copied; bfloat16, which NumPy does not have, as uint16."""
    if tensor.dtype != torch.bfloat16:
        array: NDArray[Any] = tensor.detach().numpy()
        return array
    return tensor.detach().view(torch.int16).numpy().view("uint16")


def save_tables(tables: dict[str, torch.Tensor], path: str, position: str) -> str:
    """Write tables as safetensors, durably; returns the sha256 of the file.

    Args:
        position: the kind of position table, for the file's metadata.

    Raises:
        GptprepError: it cannot be written.
    """
    plain = {name: table.detach().cpu().contiguous() for name, table in tables.items()}
    with os_errors("write", path):
        try:
            save_file(plain, path, {"position": position})
        except SafetensorError as error:  # how it reports an OSError
            fix = "choose another disk, or free space"
            raise GptprepError(f"cannot write {path}", str(error), fix) from error
        with open(path, "rb+") as file:
            sync_file(file)
    return sha256_file(path)
