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
            yield from zip(reader.inputs, reader.targets, strict=True)
            return
        for first in range(0, len(reader), _ROWS):
            windows = reader.take(np.arange(first, min(first + _ROWS, len(reader))))
            yield windows.inputs, windows.targets

    @property
    def by_document(self) -> bool:
        """Windows do not cross documents, and short ones are padded."""
        return self.manifest.boundary == "document"

    def stream(self, shards: tuple[Shard, ...], role: str, dtype: str) -> TokenStream:
        """The files of one role as one stream of numbers; raises as `columns`."""
        counts = [len(column) for column in self.columns(shards, role, dtype)]
        paths = (os.path.join(self.path, shard[role].file) for shard in shards)
        return TokenStream(list(zip(paths, counts, strict=True)), np.dtype(dtype), sum(counts))

    def columns(self, shards: tuple[Shard, ...], role: str, dtype: str | None = None) -> list[NDArray[Any]]:
        """The files of one role, read-only and memory-mapped.

        Raises:
            DamagedData: one is missing, or is not what the manifest says.
        """
        return [self.array(shard[role], dtype) for shard in shards]

    def array(self, array: ArrayFile, dtype: str | None = None) -> NDArray[Any]:
        """One file that the manifest names, read-only and memory-mapped.

        Args:
            dtype: what it should have, if not the dtype of the ids.

        Raises:
            DamagedData: it is missing, or is not what the manifest says.
        """
        path, expected = os.path.join(self.path, array.file), np.dtype(dtype or self.manifest.dtype)
        if not os.path.isfile(path):
            raise DamagedData(f"{path} is missing", "the manifest names it", "write the shards again")
        opened = npy.open_array(path)
        if opened.shape != array.shape or opened.dtype != expected:
            raise DamagedData(
                f"{path} is not what the manifest says",
                f"it has the shape {opened.shape} and the dtype {opened.dtype}, "
                f"not {array.shape} and {expected}",
                "write the shards again",
            )
        return opened


class SplitReader:
    """The windows of a split; `len()` is how many."""

    def __init__(self, folder: ShardFolder, split: str) -> None:
        self._folder, self._manifest = folder, folder.manifest
        self._split = folder.manifest.splits[split]

    def __len__(self) -> int:
        return self._split.windows

    def take(self, numbers: ArrayLike) -> Windows:
        """The windows of some numbers, each of at least 0 and below `len()`, as new arrays."""
        raise NotImplementedError


class PairsReader(SplitReader):
    """Reads windows that are stored with their targets."""

    def __init__(self, folder: ShardFolder, split: str) -> None:
        super().__init__(folder, split)
        shards = self._split.shards
        self.inputs = folder.columns(shards, "inputs")
        self.targets = folder.columns(shards, "targets")
        self._lengths = folder.columns(shards, "lengths", LENGTHS_DTYPE) if folder.by_document else []
        self._ends = np.cumsum([len(inputs) for inputs in self.inputs], dtype=np.int64)

    def take(self, numbers: ArrayLike) -> Windows:
        rows = np.asarray(numbers, np.int64)
        full = np.full(len(rows), self._manifest.context_length, LENGTHS_DTYPE)
        lengths = self._pick(self._lengths, rows) if self._lengths else full
        return Windows(self._pick(self.inputs, rows), self._pick(self.targets, rows), lengths)

    def _pick(self, columns: list[NDArray[Any]], rows: NDArray[np.int64]) -> NDArray[Any]:
        """Some rows of what lies in several files."""
        if not columns:
            return np.empty((0, self._manifest.context_length), self._manifest.dtype)
        found = np.empty((len(rows), *columns[0].shape[1:]), columns[0].dtype)
        shard_of = np.searchsorted(self._ends, rows, "right")
        for index in np.unique(shard_of).tolist():
            here = shard_of == index
            found[here] = columns[index][rows[here] - (self._ends[index] - len(columns[index]))]
        return found


class TokensReader(SplitReader):
    """Cuts windows from ids that are stored once."""

    def __init__(self, folder: ShardFolder, split: str) -> None:
        super().__init__(folder, split)
        shards, table = self._split.shards, self._split.table
        self._ids = folder.stream(shards, "tokens", folder.manifest.dtype)
        self._starts = folder.stream(table, "starts", STARTS_DTYPE) if table else None
        self._lengths = folder.stream(table, "lengths", LENGTHS_DTYPE) if table else None

    def take(self, numbers: ArrayLike) -> Windows:
        rows, length = np.asarray(numbers, np.int64), self._manifest.context_length
        if self._manifest.shuffle:
            rows = shuffling.permute(rows, len(self), self._manifest.seed)
        if self._starts is None or self._lengths is None:
            ids = self._ids.gather(rows * self._manifest.stride, length + 1)
            return Windows(ids[:, :-1], ids[:, 1:], np.full(len(rows), length, LENGTHS_DTYPE))
        ids = self._ids.gather(self._starts.gather(rows, 1)[:, 0], length + 1)
        lengths = self._lengths.gather(rows, 1)[:, 0]
        return Windows(**padded(ids, lengths, self._manifest.tokenizer.eot or 0))


def open_shards(path: str) -> ShardFolder:
    """Open a shard folder.

    Raises:
        GptprepError: it is not one.
        DamagedData: its manifest is damaged.
    """
    return ShardFolder(path)
