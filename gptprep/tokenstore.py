"""Flat files of ids: one-dimensional `.npy`, or `.bin`, raw little-endian numbers (nanoGPT's convention)."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gptprep import npy
from gptprep.errors import DamagedData, GptprepError, os_errors
from gptprep.files import begin_writeback, json_bytes, read_json
from gptprep.mapping import Mapping

_COPIED = 1 << 22
"""Ids copied at a time."""


def id_dtype(n_vocab: int) -> np.dtype[Any]:
    """The smallest of uint16 and uint32 (little-endian) that holds every id of a vocabulary.

    Raises:
        GptprepError: there are more than 2**32 ids.
    """
    if n_vocab <= 1 << 16:
        return np.dtype("<u2")
    if n_vocab <= 1 << 32:
        return np.dtype("<u4")
    raise GptprepError(f"a vocabulary of {n_vocab:,} ids is too large", "ids are stored in 32 bits")


def check_range(ids: NDArray[Any], n_vocab: int, first: int, path: str) -> None:
    """Refuse ids that are not in the vocabulary; `first` is the position of `ids[0]` in `path`.

    Raises:
        GptprepError: with the first such id and its position.
    """
    if len(ids) and (int(ids.max()) >= n_vocab or (ids.dtype.kind == "i" and int(ids.min()) < 0)):
        position = int(np.flatnonzero((ids >= n_vocab) | (ids < 0))[0])
        raise GptprepError(
            f"{path} holds the id {int(ids[position])} at position {first + position:,}",
            f"the vocabulary has the ids 0 to {n_vocab - 1}",
            "name the tokenizer that the ids were made with: --tokenizer",
        )


class IdsWriter:
    """Appends ids to an open file, as `.npy` (`npy_header`) or raw; `len()` counts them."""

    def __init__(self, file: BinaryIO, n_vocab: int, *, npy_header: bool) -> None:
        self._file, self._n_vocab, self._npy_header = file, n_vocab, npy_header
        self.dtype = id_dtype(n_vocab)
        self._count = 0
        if npy_header:
            file.write(npy.header((0,), self.dtype))

    def __len__(self) -> int:
        return self._count

    def append(self, ids: NDArray[Any]) -> None:
        """Write ids at the end, each checked against the vocabulary before it is narrowed."""
        check_range(ids, self._n_vocab, self._count, "the encoded text")
        self._file.write(np.ascontiguousarray(ids, self.dtype).data)
        self._count += len(ids)

    def finish(self) -> None:
        """Write the true length into the header; its size does not depend on the length."""
        if self._npy_header:
            self._file.seek(0)
            self._file.write(npy.header((self._count,), self.dtype))
            self._file.seek(0, os.SEEK_END)


class IdsFile:
    """Reads ranges of a flat ids file without mapping it, so that memory stays at what is asked for.

    `len()` is the number of ids; threads may share one.

    Raises:
        GptprepError: it cannot be read.
        DamagedData: it is not a one-dimensional array of integers, or has the wrong size.
    """

    def __init__(self, path: str, raw_dtype: np.dtype[Any]) -> None:
        """Open `.npy` by its header, anything else as raw ids of `raw_dtype`."""
        self.path = path
        with os_errors("read", path):
            if not os.path.isfile(path) and os.path.exists(path):
                raise GptprepError(
                    f"{path} is not a regular file", fix="give a file that ids were written to"
                )
            self._file = io.FileIO(path)
        try:
            self._measure(raw_dtype)
        except BaseException:
            self._file.close()
            raise

    def _measure(self, raw_dtype: np.dtype[Any]) -> None:
        if self.path.endswith(".npy"):
            shape, self.dtype, self._offset = npy.read_header(self._file, self.path)
            if len(shape) != 1 or self.dtype.kind == "f":
                raise DamagedData(
                    f"{self.path} is not a file of ids",
                    f"it has the shape {shape} and the dtype {self.dtype}",
                )
            self._count = shape[0]
            return
        self.dtype, self._offset = raw_dtype, 0
        size = os.fstat(self._file.fileno()).st_size
        self._count, rest = divmod(size, raw_dtype.itemsize)
        if rest:
            raise DamagedData(
                f"{self.path} is cut short", f"{size:,} bytes are not a whole number of {raw_dtype.name} ids"
            )

    def __enter__(self) -> IdsFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def mapped(self) -> tuple[Mapping, NDArray[Any]]:
        """All ids, if there are any, as an array that is read when it is used, and the mapping below it."""
        mapping = Mapping(self._file, self._offset + self._count * self.dtype.itemsize)
        return mapping, mapping.array(self.dtype, (self._count,), self._offset)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The ids `start` to `stop`, cut to what is there, as a new array."""
        start, stop = max(start, 0), min(stop, self._count)
        ids = np.empty(max(0, stop - start), self.dtype)
        view = ids.data.cast("B") if len(ids) else memoryview(b"")
        offset = self._offset + start * self.dtype.itemsize
        with os_errors("read", self.path):
            while len(view):
                done = os.preadv(self._file.fileno(), [view], offset)
                if not done:
                    raise DamagedData(f"{self.path} became shorter while it was read")
                view, offset = view[done:], offset + done
        return ids


class TokenStream:
    """Files of ids, one after the other, as one stream; `len()` is what is read of it.

    Files are opened when they are read, so there may be any number; threads may share one stream.
    """

    def __init__(
        self, parts: Sequence[tuple[str, int]], dtype: np.dtype[Any], n_ids: int, *, keep_mapped: bool = True
    ) -> None:
        """The stream of some files.

        Args:
            parts: paths, and how many ids each holds.
            n_ids: what is read of them; may leave out some at the end.
            keep_mapped: whether `gather` may hold in memory what it has read once.
        """
        self.dtype, self.parts, self._count, self._keep_mapped = dtype, parts, n_ids, keep_mapped
        self._ends = np.cumsum([0, *(count for _, count in parts)])[1:]
        self._maps: dict[int, tuple[Mapping, NDArray[Any]]] = {}

    def __len__(self) -> int:
        return self._count

    def save(self, path: str) -> None:
        """Write which files make up the stream, so that other processes can `load` it."""
        with open(path, "wb") as file:
            file.write(json_bytes({"parts": self.parts, "dtype": self.dtype.str, "ids": self._count}))

    @classmethod
    def load(cls, path: str) -> TokenStream:
        """A stream that was saved; nothing that is read of it is held in memory."""
        value = read_json(path)
        parts = [(part, count) for part, count in value["parts"]]
        return cls(parts, np.dtype(value["dtype"]), value["ids"], keep_mapped=False)

    def map_all(self) -> None:
        """Map all files now, so that what `gather` reads is what they are now.

        Raises:
            DamagedData: a part does not hold as many ids as it should.
        """
        for index, (_, count) in enumerate(self.parts):
            if count:
                self._mapped(index)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The ids `start` to `stop`, cut to what is there, as a new array.

        Raises:
            DamagedData: a part does not hold as many ids as it should.
        """
        stop = min(stop, self._count)
        pieces = []
        for index in range(int(np.searchsorted(self._ends, start, "right")), len(self.parts)):
            first = int(self._ends[index]) - self.parts[index][1]
            if first >= stop:
                break
            pieces.append(self._read_part(index, start - first, stop - first))
        if not pieces:
            return np.empty(0, self.dtype)
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _read_part(self, index: int, start: int, stop: int) -> NDArray[Any]:
        """Some ids of one file; of what is mapped, if it may be: the file may be another one by now."""
        if self._keep_mapped and self.parts[index][1]:
            return np.array(self._mapped(index)[1][max(start, 0) : stop])
        with self._open(index) as file:
            return file.read(start, stop)

    def gather(self, starts: NDArray[np.int64], length: int) -> NDArray[Any]:
        """Stretches from any places of the stream, (B, length); what lies beyond its end is 0.

        Raises:
            DamagedData: a part does not hold as many ids as it should.
        """
        if not len(starts):
            return np.empty((0, length), self.dtype)
        begin, end = int(starts.min()), int(starts.max()) + length
        if end - begin <= 4 * length * len(starts):  # near each other: read all of it at once
            ids = self.read(begin, end)
            padded = np.concatenate([ids, np.zeros(max(0, end - begin - len(ids)), self.dtype)])
            return sliding_window_view(padded, length)[starts - begin]
        out = np.zeros((len(starts), length), self.dtype)
        part_of = np.searchsorted(self._ends, starts, "right")
        for index in np.unique(part_of).tolist():
            self._gather_part(index, (part_of == index).nonzero()[0], starts, out)
        return out

    def _gather_part(
        self, index: int, rows: NDArray[np.int64], starts: NDArray[np.int64], out: NDArray[Any]
    ) -> None:
        length = out.shape[1]
        first = int(self._ends[index]) - self.parts[index][1]
        within = starts[rows] + length <= min(int(self._ends[index]), self._count)
        if within.any():
            mapping, ids = self._mapped(index)
            out[rows[within]] = sliding_window_view(ids, length)[starts[rows[within]] - first]
            if not self._keep_mapped:
                mapping.forget()
        for row in rows[~within].tolist():  # across the border of two parts, or beyond the end
            found = self.read(int(starts[row]), int(starts[row]) + length)
            out[row, : len(found)] = found

    def _open(self, index: int) -> IdsFile:
        path, count = self.parts[index]
        file = IdsFile(path, self.dtype)
        if len(file) != count or file.dtype != self.dtype:
            file.__exit__()
            raise DamagedData(f"{path} holds {len(file):,} ids of {file.dtype}", f"{count:,} were written")
        return file

    def _mapped(self, index: int) -> tuple[Mapping, NDArray[Any]]:
        if index not in self._maps:
            with self._open(index) as file:
                self._maps[index] = file.mapped()
        return self._maps[index]


def write_ids(file: BinaryIO, stream: TokenStream, *, npy_header: bool) -> None:
    """Write a stream to an open file, as `.npy` (`npy_header`) or raw."""
    if npy_header:
        file.write(npy.header((len(stream),), stream.dtype))
    for begin in range(0, len(stream), _COPIED):
        ids = stream.read(begin, begin + _COPIED)
        place = file.tell()
        file.write(ids.data)
        begin_writeback(file.fileno(), place, ids.nbytes)
