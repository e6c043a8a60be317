"""Opening a shard folder: every file is checked against the manifest before its numbers are used.

Legend: N windows, B those of one call, L context length.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gptprep import npy, shuffling
from gptprep.errors import DamagedData, WrongUsage
from gptprep.files import is_file
from gptprep.shards.cutting import padded
from gptprep.shards.manifest import (
    LENGTHS_DTYPE,
    STARTS_DTYPE,
    ArrayFile,
    Manifest,
    Shard,
    read_manifest,
)
from gptprep.tokenstore import TokenStream

_ROWS = 1024
"""Windows that are cut at a time of stored tokens."""


class Windows(NamedTuple):
    """Some windows. Beyond its length an input is padding, and so is its target."""

    inputs: NDArray[Any]
    """(B, L)."""
    targets: NDArray[Any]
    """(B, L)."""
    lengths: NDArray[Any]
    """(B,): how many ids of each are real."""


class ShardFolder:
    """A shard folder that `gptprep window` wrote, memory-mapped on demand.

    Attributes:
        path: the folder.
        manifest: what it says of itself.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.manifest: Manifest = read_manifest(path)

    def windows(self, split: str = "train") -> SplitReader:
        """The windows of a split, by number.

        Raises:
            WrongUsage: there is no such split.
            DamagedData: a file is missing, or is not what the manifest says.
        """
        if split not in self.manifest.splits:
            raise WrongUsage(
                f"{self.path} has no split {split!r}", fix=f"it has {', '.join(self.manifest.splits)}"
            )
        return PairsReader(self, split) if self.manifest.layout == "pairs" else TokensReader(self, split)

    def arrays(self, split: str = "train") -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """`inputs_NL, targets_NL` of each shard of a split, read-only and memory-mapped.

        Where the tokens are stored once, of about a thousand windows at a time.

        Raises:
            WrongUsage: there is no such split.
            DamagedData: a file is missing, or is not what the manifest says.
        """
        reader = self.windows(split)
        if isinstance(reader, PairsReader):
            for shard in reader.shards():
                yield shard["inputs"], shard["targets"]
            return
        for first in range(0, len(reader), _ROWS):
            windows = reader.take(np.arange(first, min(first + _ROWS, len(reader))))
            yield windows.inputs, windows.targets

    def stream(self, shards: tuple[Shard, ...], role: str, dtype: str) -> TokenStream:
        """The files of one role as one stream of numbers.

        Raises:
            DamagedData: one is missing, or is not what the manifest says.
        """
        parts = []
        for shard in shards:
            self.array(shard[role], dtype)  # only to check it: the stream opens what it reads
            parts.append((os.path.join(self.path, shard[role].file), shard[role].shape[0]))
        return TokenStream(parts, np.dtype(dtype), sum(count for _, count in parts))

    def array(self, array: ArrayFile, dtype: str | None = None) -> NDArray[Any]:
        """One file that the manifest names, read-only and memory-mapped.

        Args:
            dtype: what it should have, if not the dtype of the ids.

        Raises:
            DamagedData: it is missing, or is not what the manifest says.
        """
        path, expected = os.path.join(self.path, array.file), np.dtype(dtype or self.manifest.dtype)
        if not is_file(path):
            raise DamagedData(f"{path} is missing", "the manifest names it", "write the shards again")
        return npy.open_array(path, array.shape, expected)


class SplitReader:
    """The windows of a split; `len()` is how many."""

    def __init__(self, folder: ShardFolder, split: str) -> None:
        self._folder, self._manifest = folder, folder.manifest
        self._split = folder.manifest.splits[split]

    def __len__(self) -> int:
        return self._split.windows

    def take(self, numbers: ArrayLike) -> Windows:
        """The windows of some numbers, as new arrays.

        Raises:
            WrongUsage: a number is below 0 or not below `len()`.
            DamagedData: a file is missing, or is not what the manifest says.
        """
        rows = np.atleast_1d(np.asarray(numbers, np.int64))
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            wrong = rows.min() if rows.min() < 0 else rows.max()
            raise WrongUsage(f"window {wrong} of {len(self)}", fix="they are numbered from 0")
        return self._take(rows)

    def _take(self, rows: NDArray[np.int64]) -> Windows:
        raise NotImplementedError

    def check(self) -> None:
        """See to it now, and not at the first use, that every file is what the manifest says.

        Raises:
            DamagedData: one is not.
        """


class PairsReader(SplitReader):
    """Reads windows that are stored with their targets."""

    def __init__(self, folder: ShardFolder, split: str) -> None:
        super().__init__(folder, split)
        sizes = [shard["inputs"].shape[0] for shard in self._split.shards]
        self._ends = np.cumsum(sizes, dtype=np.int64)
        self._opened: dict[int, dict[str, NDArray[Any]]] = {}

    def _shard(self, index: int) -> dict[str, NDArray[Any]]:
        """The arrays of a shard by role, memory-mapped."""
        if index not in self._opened:
            self._opened[index] = {
                role: self._folder.array(array, LENGTHS_DTYPE if role == "lengths" else None)
                for role, array in self._split.shards[index].items()
            }
        return self._opened[index]

    def check(self) -> None:
        for _ in self.shards():
            pass

    def shards(self) -> Iterator[dict[str, NDArray[Any]]]:
        """The arrays of each shard by role, memory-mapped, one shard after the other."""
        return map(self._shard, range(len(self._ends)))

    def _take(self, rows: NDArray[np.int64]) -> Windows:
        shard_of = np.searchsorted(self._ends, rows, "right")
        indices = np.unique(shard_of).tolist()
        if len(indices) == 1:
            return self._take_from(indices[0], rows)
        length, dtype = self._manifest.context_length, self._manifest.dtype
        found = Windows(
            np.empty((len(rows), length), dtype),
            np.empty((len(rows), length), dtype),
            np.empty(len(rows), LENGTHS_DTYPE),
        )
        for index in indices:
            here = shard_of == index
            for whole, part in zip(found, self._take_from(index, rows[here]), strict=True):
                whole[here] = part
        return found

    def _take_from(self, index: int, rows: NDArray[np.int64]) -> Windows:
        """Windows that are all in one shard."""
        shard = self._shard(index)
        local = rows - (self._ends[index] - len(shard["inputs"]))
        if "lengths" in shard:
            lengths = shard["lengths"].take(local)
        else:
            lengths = np.full(len(rows), self._manifest.context_length, LENGTHS_DTYPE)
        return Windows(shard["inputs"].take(local, 0), shard["targets"].take(local, 0), lengths)


class TokensReader(SplitReader):
    """Cuts windows from ids that are stored once."""

    def __init__(self, folder: ShardFolder, split: str) -> None:
        super().__init__(folder, split)
        shards, table = self._split.shards, self._split.table
        self._ids = folder.stream(shards, "tokens", folder.manifest.dtype)
        self._starts = folder.stream(table, "starts", STARTS_DTYPE) if table else None
        self._lengths = folder.stream(table, "lengths", LENGTHS_DTYPE) if table else None

    def _take(self, rows: NDArray[np.int64]) -> Windows:
        length = self._manifest.context_length
        if self._manifest.shuffle:
            rows = shuffling.permute(rows, len(self), self._manifest.seed)
        if self._starts is None or self._lengths is None:
            ids = self._ids.gather(rows * self._manifest.stride, length + 1)
            return Windows(ids[:, :-1].copy(), ids[:, 1:].copy(), np.full(len(rows), length, LENGTHS_DTYPE))
        starts, lengths = self._starts.gather(rows, 1)[:, 0], self._lengths.gather(rows, 1)[:, 0]
        n_ids = len(self._ids)
        if len(rows) and not (
            0 <= starts.min() <= starts.max() < n_ids
            and lengths.min() >= 1
            and (lengths < n_ids - starts).all()
        ):
            raise self._damaged("it names ids that are not there")
        if len(rows) and lengths.max() > length:
            raise self._damaged("it has a window that is too long")
        ids = self._ids.gather(starts, length + 1)
        return Windows(**padded(ids, lengths, self._manifest.tokenizer.eot or 0))

    def check(self) -> None:
        for stream in (self._ids, self._starts, self._lengths):
            if stream is not None:
                stream.map_all()

    def _damaged(self, why: str) -> DamagedData:
        return DamagedData(
            f"the table of windows of {self._folder.path} is damaged", why, "write the shards again"
        )


def open_shards(path: str) -> ShardFolder:
    """Open a shard folder.

    Raises:
        GptprepError: it is not one.
        DamagedData: its manifest is damaged.
    """
    return ShardFolder(path)
