"""What a layout is: how ids lie in the shards of a folder, and how they are written, read and checked.

Each layout is one module. It also needs an entry in `LAYOUTS`, and its name in `choices.Layout` for the CLI.

Shape letters: B windows of one call, L context length.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gptprep.errors import UsageError
from gptprep.shards.arrays import Arrays, Role, Shard
from gptprep.shards.findings import ShardChecker
from gptprep.shards.manifest import Manifest, Split, WindowFormat
from gptprep.storage import npy
from gptprep.units import size
from gptprep.windows.gather import Windows
from gptprep.windows.index import LENGTHS_DTYPE, window_numbers
from gptprep.windows.shuffle import unpermute
from gptprep.windows.spec import WindowSpec
from gptprep.windows.splits import SplitPlan

LENGTHS = Role("lengths", (), LENGTHS_DTYPE)
_WINDOWS_AT_A_TIME = 1024
"""Windows that readers give or read at a time."""


class Rows(Protocol):
    """The rows that go into shards; small enough to be sent to another process."""

    def __len__(self) -> int:
        """How many there are."""

    def read(self, start: int, stop: int) -> Arrays:
        """Rows `start` to `stop`, by role."""


class ShardFormat(NamedTuple):
    """The arrays of one series of shards, and their checker."""

    unit: Literal["window", "id"]
    """What a row is."""
    roles: tuple[Role, ...]
    """The arrays of a shard."""
    checker: type[ShardChecker]
    no_more_than: tuple[Role, ...] = ()
    """Other arrays: no shard has more rows than fit in a file of one of these."""

    @property
    def row_bytes(self) -> int:
        """The size of a row of all arrays."""
        return sum(role.row_bytes for role in self.roles)

    def rows_that_fit(self, shard_size: int) -> int:
        """How many rows a shard has whose largest file has `shard_size` bytes, header included.

        Raises:
            UsageError: there is no room for one.
        """
        roles = (*self.roles, *self.no_more_than)
        headers = [len(npy.header((0, *role.row), role.dtype)) for role in roles]
        sized = list(zip(headers, (role.row_bytes for role in roles), strict=True))
        most = min((shard_size - header) // row for header, row in sized)
        if most < 1:
            header, row = max(sized, key=sum)
            item = "window" if roles[0].row else "number"
            what = f"a shard of {size(shard_size)} has no room for a {item}"
            why = f"its header takes {size(header)}, and one {item} takes {size(row)}"
            raise UsageError(what, why, f"give --shard-size {header + row} or more")
        return most

    def check(self, shards: tuple[Shard, ...], split: Split) -> None:
        """Check what a manifest says of a series.

        Raises:
            ValueError: its files are not of this format, or their rows do not add up.
        """
        for shard in shards:
            if shard.files.keys() != {role.name for role in self.roles}:
                raise ValueError(f"a shard has {', '.join(shard.files)}")
            for role in self.roles:
                if shard.files[role.name].shape[1:] != role.row:
                    raise ValueError(f"the shape of {shard.files[role.name].file} is wrong")
        if sum(shard.rows for shard in shards) != (split.ids if self.unit == "id" else split.windows):
            raise ValueError(f"the {self.unit}s do not add up")


class TextBlock(NamedTuple):
    """Consecutive ids of a split in text order, and the windows that they come from."""

    first: int
    """The number of the first window in text order."""
    ids: NDArray[Any]
    counts: NDArray[np.int64]
    """(B,): how many of the ids each window adds to those of the window before it."""
    sizes: NDArray[np.int64]
    """(B,): how many ids each window has, its last target included."""


class SplitReader(ABC):
    """The windows of a split; `len()` is how many."""

    def __init__(self, folder: str, manifest: Manifest, split: str) -> None:
        self.folder, self.manifest, self.split = folder, manifest, manifest.splits[split]

    def __len__(self) -> int:
        return self.split.windows

    def take(self, numbers: ArrayLike) -> Windows:
        """The windows with the given numbers, as new arrays.

        Raises:
            WindowNumberError: a number is negative or not below `len()`.
            WindowIndexTypeError: `numbers` is not a whole number or a flat sequence of them.
            CorruptDataError: a file is missing, or is not what the manifest says.
        """
        rows = np.atleast_1d(window_numbers(numbers, len(self)))
        return self._take(rows)

    @property
    def unstored(self) -> int:
        """How many ids of the split the folder does not hold, because they are in no window."""
        return sum(self.split.dropped)

    @abstractmethod
    def _take(self, rows: NDArray[np.int64]) -> Windows:
        """The windows with valid numbers."""

    @abstractmethod
    def check(self) -> None:
        """Check now, not at the first use, that every file is what the manifest says; raises as `take`."""

    def stream(self) -> Iterator[NDArray[Any]]:
        """The ids of all windows in text order, each once, in blocks. Raises as `take`.

        Without the `unstored` ids.
        """
        for block in self.text_order():
            yield block.ids

    def text_order(self) -> Iterator[TextBlock]:
        """The ids of `stream`, and which window each comes from. Raises as `take`."""
        shared = max(0, self.manifest.context_length + 1 - self.manifest.stride)
        in_order = self._document_order if self.manifest.window_format.has_lengths else self._full_order
        yield from in_order(shared)

    def _full_order(self, shared: int) -> Iterator[TextBlock]:
        """Of windows that are all full: each but the first adds the same number of ids."""
        size = self.manifest.context_length + 1
        for first, numbers in self._numbers():
            windows = self.take(numbers)
            ids = np.concatenate([windows.inputs[:, shared:], windows.targets[:, -1:]], axis=1).ravel()
            counts = np.full(len(numbers), size - shared)
            if first == 0:
                ids, counts[0] = np.concatenate([windows.inputs[0, :shared], ids]), size
            yield TextBlock(first, ids, counts, np.full(len(numbers), size))

    def _document_order(self, shared: int) -> Iterator[TextBlock]:
        """Of windows that end with their document, and may be short."""
        continues = False
        for first, numbers in self._numbers():
            ids, stops = self._covered(numbers)
            ends = ids[np.arange(len(ids)), stops - 1] == self.manifest.tokenizer.eot
            is_new = np.concatenate([[not continues], ends[:-1]])
            continues, columns = not ends[-1], np.arange(ids.shape[1])
            starts = np.where(is_new, 0, shared)  # what the window before it has is not given again
            is_first = (columns >= starts[:, None]) & (columns < stops[:, None])
            yield TextBlock(first, ids[is_first], is_first.sum(axis=1), stops)

    def _numbers(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """The numbers of some windows at a time that are in text order, and that of the first in the text."""
        for first in range(0, len(self), _WINDOWS_AT_A_TIME):
            numbers = np.arange(first, min(first + _WINDOWS_AT_A_TIME, len(self)))
            if self.manifest.shuffle:
                numbers = unpermute(numbers, len(self), self.manifest.seed)
            yield first, numbers

    def _covered(self, numbers: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """The ids of windows, inputs and last target, (B, L + 1), and how many are real."""
        inputs, targets, lengths = self.take(numbers)
        rows, lengths = np.arange(len(inputs)), lengths.astype(np.int64)
        ids = np.concatenate([inputs, targets[:, -1:]], axis=1)
        ids[rows, lengths] = targets[rows, lengths - 1]
        return ids, lengths + 1

    def arrays(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Inputs and targets of all windows in order, (B, L) each; shard by shard if they are stored so."""
        for first in range(0, len(self), _WINDOWS_AT_A_TIME):
            windows = self.take(np.arange(first, min(first + _WINDOWS_AT_A_TIME, len(self))))
            yield windows.inputs, windows.targets


class Layout(ABC):
    """How ids lie in the shards of a folder: one series of shards, and perhaps a table of windows."""

    name: ClassVar[str]
    stores_windows: ClassVar[bool]
    """Whether windows are gathered, and shuffled, when they are written."""

    @abstractmethod
    def formats(self, windows: WindowFormat) -> dict[str, ShardFormat]:
        """The formats of the series "shards", and of "table" if it says where each window is."""

    @abstractmethod
    def rows(self, plan: SplitPlan, spec: WindowSpec, windows: WindowFormat) -> dict[str, Rows]:
        """The rows of each series of a split."""

    @abstractmethod
    def open(self, folder: str, manifest: Manifest, split: str) -> SplitReader:
        """The reader for a split; raises as `SplitReader.take`."""
