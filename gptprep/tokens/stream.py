"""Token streams: files of ids, read one after the other as one array."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gptprep.errors import CorruptDataError
from gptprep.storage.json_files import json_bytes, read_json
from gptprep.storage.memory_map import MemoryMap
from gptprep.tokens.id_file import IdFile

_MANY = 16
"""Windows are read one by one if there are on average fewer than this in each file that has some."""
_DENSE = 4
"""Windows are read in one range if it has at most this many times as many ids as they have together."""


def open_part(path: str, n_ids: int, dtype: np.dtype[Any]) -> IdFile:
    """Open a file of ids.

    Raises:
        CorruptDataError: it does not hold as many as it should.
    """
    file = IdFile(path, dtype)
    if len(file) != n_ids or file.dtype != dtype:
        file.close()
        what = f"{path} holds {len(file):,} ids of {file.dtype}"
        raise CorruptDataError(what, f"{n_ids:,} were written")
    return file


class TokenStream:
    """Files of ids as one stream; `len()` is the number of ids.

    Files are opened when they are read, so there may be any number; threads may share a stream.
    """

    def __init__(
        self, parts: Sequence[tuple[str, int]], dtype: np.dtype[Any], n_ids: int, *, keep_mapped: bool = True
    ) -> None:
        """A stream over some files.

        Args:
            parts: paths, and how many ids each file holds.
            n_ids: the length of the stream, which may leave out some ids at the end.
            keep_mapped: whether `gather` may keep in memory what it has read.
        """
        self.dtype, self.parts, self._count, self._keep_mapped = dtype, parts, n_ids, keep_mapped
        self._stops = np.cumsum([0, *(count for _, count in parts)])[1:]
        self._starts = [0, *self._stops.tolist()]
        self._maps: dict[int, tuple[MemoryMap, NDArray[Any]]] = {}

    def __len__(self) -> int:
        return self._count

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}

    def save(self, path: str) -> None:
        """Write which files the stream has, so that other processes can `load` it."""
        with open(path, "wb") as file:
            file.write(json_bytes({"parts": self.parts, "dtype": self.dtype.str, "ids": self._count}))

    @classmethod
    def load(cls, path: str) -> Self:
        """A stream that was saved; it keeps nothing in memory."""
        value = read_json(path)
        parts = [(part, count) for part, count in value["parts"]]
        return cls(parts, np.dtype(value["dtype"]), value["ids"], keep_mapped=False)

    def map_all(self) -> None:
        """Memory-map all files now, so that `gather` reads them as they are now; raises as `read`."""
        for index, (_, count) in enumerate(self.parts):
            if count:
                self._mapped(index)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The ids `start` to `stop`, clipped to the stream, as a new array.

        Raises:
            CorruptDataError: a file does not hold as many ids as it should.
        """
        stop = min(stop, self._count)
        arrays = []
        for index in range(int(np.searchsorted(self._stops, start, "right")), len(self.parts)):
            first = self._starts[index]
            if first >= stop:
                break
            arrays.append(self._read_part(index, start - first, stop - first))
        if not arrays:
            return np.empty(0, self.dtype)
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    def _read_part(self, index: int, start: int, stop: int) -> NDArray[Any]:
        """Ids of one file, from its mapping if these are kept: the file may have been replaced since."""
        if self._keep_mapped and self.parts[index][1]:
            return np.array(self._mapped(index)[1][max(start, 0) : stop])
        with self._open(index) as file:
            return file.read(start, stop)

    def gather(self, starts: NDArray[np.int64], length: int) -> NDArray[Any]:
        """The `length` ids from each start on, (B, length); ids beyond the stream are 0. Raises as `read`."""
        if not len(starts):
            return np.empty((0, length), self.dtype)
        start, stop = int(starts.min()), int(starts.max()) + length
        if stop - start <= _DENSE * length * len(starts):  # one read is faster than many
            ids = self.read(start, stop)
            padded = np.concatenate([ids, np.zeros(max(0, stop - start - len(ids)), self.dtype)])
            return sliding_window_view(padded, length)[starts - start]
        out = np.zeros((len(starts), length), self.dtype)
        part_of = np.searchsorted(self._stops, starts, "right")
        indices = np.unique(part_of).tolist()
        if len(indices) * _MANY > len(starts):
            for row, (index, start) in enumerate(zip(part_of.tolist(), starts.tolist(), strict=True)):
                self._gather_row(index, start, out[row])
        else:
            for index in indices:
                self._gather_part(index, (part_of == index).nonzero()[0], starts, out)
        if not self._keep_mapped:
            for index in self._maps.keys() & set(indices):
                self._maps[index][0].release_pages()
        return out

    def _gather_row(self, index: int, start: int, row: NDArray[Any]) -> None:
        """Read one window, which starts in file `index`, into a row of zeros."""
        offset = start - self._starts[index]
        if start + len(row) <= self._count and offset + len(row) <= self.parts[index][1]:
            row[:] = self._mapped(index)[1][offset : offset + len(row)]
        else:  # across two files, or beyond the end
            found = self.read(start, start + len(row))
            row[: len(found)] = found

    def _gather_part(
        self, index: int, rows: NDArray[np.int64], starts: NDArray[np.int64], out: NDArray[Any]
    ) -> None:
        length, first = out.shape[1], self._starts[index]
        within = starts[rows] + length <= min(int(self._stops[index]), self._count)
        if within.any():
            ids = self._mapped(index)[1]
            out[rows[within]] = sliding_window_view(ids, length)[starts[rows[within]] - first]
        for row in rows[~within].tolist():
            self._gather_row(index, int(starts[row]), out[row])

    def _open(self, index: int) -> IdFile:
        return open_part(*self.parts[index], self.dtype)

    def _mapped(self, index: int) -> tuple[MemoryMap, NDArray[Any]]:
        if index not in self._maps:
            with self._open(index) as file:
                self._maps[index] = file.mapped()
        return self._maps[index]
