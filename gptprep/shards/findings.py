"""What does not hold in a folder, collected while its files are checked."""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gptprep.errors import CorruptDataError, os_errors
from gptprep.shards.arrays import Arrays, Shard
from gptprep.shards.manifest import Manifest, Split
from gptprep.storage.files import is_file
from gptprep.storage.sealed import StoredFile
from gptprep.units import MIB

_BLOCK_BYTES = 4 * MIB


class Problem(NamedTuple):
    """Something that does not hold."""

    file: str
    """Relative to the folder."""
    what: str

    @classmethod
    def of(cls, file: str, error: CorruptDataError) -> Self:
        """What an error says, without the name of the file."""
        return cls(file, str(error).removeprefix(f"{file} "))


class Verified(NamedTuple):
    """What was found in one file or shard."""

    problems: list[Problem]
    split: str = ""
    shard: Shard = Shard({})
    real_ids: int = 0
    """How many inputs of its windows are not padding, if lengths are stored."""
    fingerprints: tuple[NDArray[np.uint64], ...] = ()
    """For shuffled windows that share ids with others; see `overlap`."""


OnBytes = Callable[[int], None]
"""Called with the number of bytes read after each block."""
CheckFile = Callable[[OnBytes], Verified]
"""Checks one file or shard."""


class Place(NamedTuple):
    """Where a kind of problem was looked for."""

    role: str
    kind: str
    first: int
    """The number of the first row of the block."""
    block: Arrays


class ShardChecker(ABC):
    """Checks the numbers in one shard, block by block, and collects its problems.

    Of each kind of problem in each file only the first is kept, because the rest is often the same.

    Args:
        unit: what a row of the shard is, for messages.

    Attributes:
        real_ids: how many inputs of all windows read so far are not padding, if lengths are stored.
        fingerprints: of shuffled windows; see `overlap`.
    """

    def __init__(self, manifest: Manifest, split: Split, shard: Shard, unit: str) -> None:
        self.manifest, self.split, self._shard, self._unit = manifest, split, shard, unit
        self._found: dict[tuple[str, str], Problem] = {}
        self.real_ids = 0
        self.fingerprints: list[NDArray[np.uint64]] = []

    @abstractmethod
    def check(self, first: int, block: Arrays, before: Arrays) -> None:
        """Check a block.

        Args:
            first: the number of its first row in the split.
            before: the row before it, or nothing.
        """

    def problems(self) -> list[Problem]:
        """All that were found."""
        return list(self._found.values())

    def add(self, role: str, kind: str, what: str) -> None:
        """Add a problem of a kind in the file of a role."""
        file = self._shard.files[role].file
        self._found.setdefault((file, kind), Problem(file, what))

    def add_first(self, place: Place, wrong: NDArray[np.bool_], what: str) -> None:
        """Add the first wrong number of a block, if there is one; `{}` in `what` is the number."""
        if not wrong.any():
            return
        row, *column = (int(index) for index in np.argwhere(wrong)[0])
        where = f"{self._unit} {place.first + row:,}" + (f", position {column[0]}" if column else "")
        rows = place.block[place.role]
        value = rows[row, *column] if row < len(rows) and "{}" in what else ""
        self.add(place.role, place.kind, f"{where}: {what.format(value)}")

    def check_ids(self, role: str, first: int, block: Arrays) -> None:
        """Add the first id that is not in the vocabulary, if there is one."""
        ids, n_vocab = block[role], self.manifest.tokenizer.n_vocab
        if not 0 <= int(ids.min()) <= int(ids.max()) < n_vocab:
            what = f"the id {{}} is not in 0 to {n_vocab - 1}"
            self.add_first(Place(role, "range", first, block), (ids < 0) | (ids >= n_vocab), what)

    def check_lengths(self, first: int, block: Arrays) -> None:
        """Add the first length that no window has, if there is one; counts the ids of the windows."""
        lengths = block["lengths"].astype(np.int64)
        self.real_ids += int(lengths.sum())
        wrong = (lengths < 1) | (lengths > self.manifest.context_length)
        self.add_first(Place("lengths", "length", first, block), wrong, "the length is {}")


def stored_file_problem(folder: str, stored: StoredFile, on_bytes: OnBytes, *, hashed: bool) -> str:
    """What does not hold for a file that is no array; nothing if it is as the manifest says."""
    path, digest = os.path.join(folder, stored.file), hashlib.sha256()
    if not is_file(path):
        return "it is missing"
    with os_errors("read", path), open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size != stored.bytes:
            return f"it has {size:,} bytes, and the manifest says {stored.bytes:,}"
        while hashed and (data := file.read(_BLOCK_BYTES)):
            digest.update(data)
            on_bytes(len(data))
    return "its sha256 does not match the manifest" if hashed and digest.hexdigest() != stored.sha256 else ""
