"""Flat files of ids: one-dimensional `.npy`, or `.bin`, raw little-endian numbers (nanoGPT's convention)."""

import io
import os
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from gptprep.corpus.sources import Source
from gptprep.errors import CorruptDataError, GptprepError, os_errors
from gptprep.storage import npy
from gptprep.storage.memory_map import MemoryMap
from gptprep.storage.objects import StoredObject, open_object, require_object
from gptprep.storage.stores import is_url
from gptprep.tokenizers.base import WRONG_TOKENIZER_FIX


def id_dtype(n_vocab: int) -> np.dtype[Any]:
    """The smallest of uint16 and uint32 (little-endian) that holds every id of a vocabulary.

    Raises:
        GptprepError: there are more than 2**32 ids.
    """
    if n_vocab <= 1 << 16:
        return np.dtype("<u2")
    if n_vocab <= 1 << 32:
        return np.dtype("<u4")
    what, why = f"a vocabulary of {n_vocab:,} ids is too large", "ids are stored in 32 bits"
    raise GptprepError(what, why, "use another tokenizer")


def check_range(ids: NDArray[Any], n_vocab: int, first: int, path: str) -> None:
    """Refuse ids that are not in the vocabulary; `first` is the position of `ids[0]` in `path`.

    Raises:
        GptprepError: names the first of them and its position.
    """
    if len(ids) and (int(ids.max()) >= n_vocab or (ids.dtype.kind == "i" and int(ids.min()) < 0)):
        position = int(np.flatnonzero((ids >= n_vocab) | (ids < 0))[0])
        what = f"{path} holds the id {int(ids[position])} at position {first + position:,}"
        raise GptprepError(what, f"the vocabulary has the ids 0 to {n_vocab - 1}", WRONG_TOKENIZER_FIX)


class IdWriter:
    """Appends ids to an open file, raw or as `.npy` (`npy_header`); `len()` is the number of ids written.

    Attributes:
        checksum: the CRC-32 of the ids, if `has_checksum`.
    """

    def __init__(self, file: BinaryIO, n_vocab: int, *, npy_header: bool, has_checksum: bool = False) -> None:
        self._file, self._n_vocab, self._npy_header = file, n_vocab, npy_header
        self.dtype = id_dtype(n_vocab)
        self._has_checksum, self.checksum = has_checksum, 0
        self._count = 0
        if npy_header:
            file.write(npy.header((0,), self.dtype))

    def __len__(self) -> int:
        return self._count

    def append(self, ids: NDArray[Any]) -> None:
        """Append ids, after checking that all are in the vocabulary."""
        check_range(ids, self._n_vocab, self._count, "the encoded text")
        data = np.ascontiguousarray(ids, self.dtype).data
        self._file.write(data)
        if self._has_checksum:
            self.checksum = zlib.crc32(data, self.checksum)
        self._count += len(ids)

    def finish(self) -> None:
        """Write the final length into the header, whose size does not depend on the length."""
        if self._npy_header:
            self._file.seek(0)
            self._file.write(npy.header((self._count,), self.dtype))
            self._file.seek(0, os.SEEK_END)


def open_ids(source: Source) -> "IdFile":
    """Open a source of ids; raises as `IdFile`."""
    return IdFile(source.path, np.dtype(source.ids_dtype).newbyteorder("<"), source.stored)


class IdFile:
    """Reads ranges of a flat file of ids without mapping it, so memory is bounded by the range.

    `len()` is the number of ids; threads may share one of a file.

    Args:
        raw_dtype: that of ids in a file that is not `.npy`, which says its own.
        stored: the object at `path`, if that is a URL and the object is known already.

    Raises:
        GptprepError: it cannot be read.
        CorruptDataError: it is not a one-dimensional array of integers, or has the wrong size.
    """

    def __init__(self, path: str, raw_dtype: np.dtype[Any], stored: StoredObject | None = None) -> None:
        self.path, self._is_object = path, is_url(path)
        with os_errors("read", path):
            if not os.path.isfile(path) and os.path.exists(path):
                fix = "give a file that ids were written to"
                raise GptprepError(f"{path} is not a regular file", fix=fix)
            is_object = self._is_object
            self._file = open_object(stored or require_object(path)) if is_object else io.FileIO(path)
        try:
            self._read_size(raw_dtype)
        except BaseException:
            self._file.close()
            raise

    def _read_size(self, raw_dtype: np.dtype[Any]) -> None:
        if self.path.lower().endswith(".npy"):
            shape, self.dtype, self._offset = npy.read_header(self._file, self.path)
            if len(shape) != 1 or self.dtype.kind == "f":
                why = f"it has shape {shape} and dtype {self.dtype}"
                fix = "give a flat array of whole numbers, or a whole folder of shards to decode"
                raise GptprepError(f"{self.path} is not a file of ids", why, fix)
            self._count = shape[0]
            return
        self.dtype, self._offset = raw_dtype, 0
        size = self._file.seek(0, os.SEEK_END)
        self._count, remainder = divmod(size, raw_dtype.itemsize)
        if remainder:
            why = f"{size:,} bytes are not a whole number of {raw_dtype.name} ids"
            fix = "write or download it again, or give --input-dtype if it has another one"
            raise CorruptDataError(f"{self.path} is truncated", why, fix)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def header(self) -> bytes:
        """The bytes before the ids."""
        with os_errors("read", self.path):
            return os.pread(self._file.fileno(), self._offset, 0)

    def mapped(self) -> tuple[MemoryMap, NDArray[Any]]:
        """A memory map of the file, which must not be empty, and an array of all ids over it."""
        memory_map = MemoryMap(self._file, self._offset + self._count * self.dtype.itemsize)
        return memory_map, memory_map.array(self.dtype, (self._count,), self._offset)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The ids `start` to `stop`, clipped to the file, as a new array."""
        start, stop = max(start, 0), min(stop, self._count)
        ids = np.empty(max(0, stop - start), self.dtype)
        self.read_into(ids, start)
        return ids

    def blocks(self, memory: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """All ids, as many at a time as `memory` holds, each time in the same memory."""
        for start in range(0, self._count, len(memory)):
            ids = memory[: self._count - start]
            self.read_into(ids, start)
            yield ids

    def sync(self) -> None:
        """Make the file durable, whoever has written it."""
        os.fsync(self._file.fileno())

    def read_into(self, ids: NDArray[Any], start: int) -> None:
        """Fill an array with the ids from `start` on.

        Raises:
            CorruptDataError: there are not as many.
        """
        view = ids.data.cast("B") if len(ids) else memoryview(b"")
        offset = self._offset + start * self.dtype.itemsize
        with os_errors("read", self.path):
            while len(view):
                done = self._read_at(view, offset)
                if not done:
                    raise CorruptDataError(f"{self.path} became shorter while it was read")
                view, offset = view[done:], offset + done

    def _read_at(self, view: memoryview, offset: int) -> int:
        if not self._is_object:
            return os.preadv(self._file.fileno(), [view], offset)
        self._file.seek(offset)
        data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)
