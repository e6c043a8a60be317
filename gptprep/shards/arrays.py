"""The `.npy` files of a folder: written block by block, mapped, and read for verification."""

import hashlib
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gptprep.errors import CorruptDataError, os_errors
from gptprep.storage import npy
from gptprep.storage.files import is_file
from gptprep.storage.writers import CachedFile, DirectFile, new_file
from gptprep.tokens.stream import TokenStream

Arrays = dict[str, NDArray[Any]]
"""Arrays with equally many rows, by role."""


class Role(NamedTuple):
    """What one of the arrays of a shard holds."""

    name: str
    """Lower-case letters; files are named after it."""
    row: tuple[int, ...]
    """The shape of a row."""
    dtype: np.dtype[Any]

    @property
    def row_bytes(self) -> int:
        """The size of a row."""
        return math.prod(self.row) * self.dtype.itemsize


def file_name(split: str, role: str, number: int) -> str:
    """The file of one array of a shard, relative to the folder."""
    return f"{split}/{role}-{number:05d}.npy"


class ArrayFile(NamedTuple):
    """A `.npy` file, as a manifest names it."""

    file: str
    """Relative to the folder, with `/`."""
    shape: tuple[int, ...]
    sha256: str


@dataclass(frozen=True)
class Shard:
    """Files with equally many rows, by role."""

    files: dict[str, ArrayFile]

    def to_json(self) -> dict[str, ArrayFile]:
        """The files."""
        return self.files

    @property
    def rows(self) -> int:
        """How many rows each file has."""
        return next(iter(self.files.values())).shape[0]


class ArrayWriter:
    """Writes one array of known shape to a `.npy` file, block by block.

    Args:
        folder: the shard folder.
        file: relative to it, with `/`.
        direct: whether to write past the page cache.
    """

    def __init__(
        self, folder: str, file: str, shape: tuple[int, ...], dtype: np.dtype[Any], *, direct: bool = False
    ) -> None:
        self._name, self._shape, self._dtype = file, shape, dtype
        self._converted = np.empty((0, *shape[1:]), dtype)
        self._hash, self._n_rows = hashlib.sha256(), 0
        self._file = (DirectFile if direct else CachedFile)(new_file(os.path.join(folder, file)))
        self._write(npy.header(shape, dtype))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: NDArray[Any]) -> None:
        """Append a block of rows.

        Raises:
            ValueError: the rows do not have the array's shape.
        """
        if block.shape[1:] != self._shape[1:]:
            raise ValueError(f"{self._name} has rows of shape {self._shape[1:]}, not {block.shape[1:]}")
        self._n_rows += len(block)
        if block.dtype == self._dtype and block.flags.c_contiguous:
            self._write(block.reshape(-1).data.cast("B"))
            return
        if len(self._converted) < len(block):  # the same memory for every block: new memory takes time
            self._converted = np.empty(block.shape, self._dtype)
        rows = self._converted[: len(block)]
        np.copyto(rows, block, casting="same_kind")
        self._write(rows.data.cast("B"))

    def _write(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        self._file.write(data)

    def finish(self) -> ArrayFile:
        """Flush to the disk; returns the file's entry for the manifest.

        Raises:
            ValueError: it does not have as many rows as its header says.
        """
        if self._n_rows != self._shape[0]:
            raise ValueError(f"{self._name} has {self._n_rows} rows of {self._shape[0]}")
        self._file.sync()
        return ArrayFile(self._name, self._shape, self._hash.hexdigest())


class ArrayReader:
    """Reads an array from its first row to its last without mapping it, and hashes what it reads.

    A file that becomes shorter meanwhile is noticed and does not end the process.

    Raises:
        CorruptDataError: the file is missing, or is not what the manifest says.
    """

    def __init__(self, folder: str, array: ArrayFile, dtype: np.dtype[Any], *, hashed: bool) -> None:
        self.array, self._path, self._dtype = array, os.path.join(folder, array.file), dtype
        self._hash = hashlib.sha256() if hashed else None
        if not is_file(self._path):
            raise CorruptDataError("it is missing")
        with os_errors("read", self._path):
            self._file = open(self._path, "rb", buffering=0)  # noqa: SIM115  closed by __exit__
            try:
                header = npy.check_header(self._file, array.file, array.shape, dtype)
                self._file.seek(0)
                self._digest(self._file.read(header.offset))
            except BaseException:
                self._file.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def skip(self, rows: int) -> None:
        """Skip the next rows, in a file that is not hashed."""
        self._file.seek(rows * math.prod(self.array.shape[1:]) * self._dtype.itemsize, os.SEEK_CUR)

    def read(self, rows: int) -> NDArray[Any]:
        """The next rows.

        Raises:
            CorruptDataError: the file has become shorter.
            GptprepError: it cannot be read.
        """
        block = np.empty((rows, *self.array.shape[1:]), self._dtype)
        view = block.reshape(-1).view(np.uint8).data
        with os_errors("read", self._path):
            done = 0
            while done < len(view):
                count = self._file.readinto(view[done:])
                if not count:
                    raise CorruptDataError("it became shorter while it was read")
                done += count
        self._digest(view)
        return block

    def _digest(self, data: bytes | memoryview) -> None:
        if self._hash:
            self._hash.update(data)

    def hash_problem(self) -> str | None:
        """What is wrong with the hash, after all rows have been read; None if nothing is."""
        if self._hash and self._hash.hexdigest() != self.array.sha256:
            return "its sha256 does not match the manifest"
        return None


def map_array(folder: str, array: ArrayFile, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A file that the manifest of a folder names, read-only and memory-mapped.

    Raises:
        CorruptDataError: it is missing, or is not what the manifest says.
    """
    path = os.path.join(folder, array.file)
    if not is_file(path):
        raise CorruptDataError(f"{path} is missing", "the manifest names it", "write the shards again")
    return npy.open_array(path, array.shape, dtype)


def array_stream(folder: str, shards: Iterable[Shard], role: Role) -> TokenStream:
    """The files of one role in all shards as one stream of numbers.

    Raises:
        CorruptDataError: a file is missing, or is not what the manifest says.
    """
    parts = []
    for shard in shards:
        array = shard.files[role.name]
        map_array(folder, array, role.dtype)  # only to check it: the stream opens what it reads
        parts.append((os.path.join(folder, array.file), array.shape[0]))
    return TokenStream(parts, role.dtype, sum(count for _, count in parts))
