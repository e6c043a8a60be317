"""The layout `tokens`: each id once; windows are made when they are read.

Arrays: tokens, (n,) in the dtype of the ids. If windows end with their document, a table says where each one
is: starts, (N,) int64, relative to the split, and lengths, (N,) uint32. Shuffled windows are stored in text
order and shuffled when they are read.

Shape letters: n ids and N windows of a split, B windows of one call, L context length.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gptprep.errors import CorruptDataError
from gptprep.shards.arrays import Arrays, Role, array_stream
from gptprep.shards.findings import Place, ShardChecker
from gptprep.shards.layout import LENGTHS, Layout, Rows, ShardFormat, SplitReader
from gptprep.shards.manifest import Manifest, Split, WindowFormat
from gptprep.tokens.stream import TokenStream
from gptprep.windows.by_document import DocumentWindows
from gptprep.windows.gather import Ids, Windows, take
from gptprep.windows.index import STARTS_DTYPE, Located, WindowIndex
from gptprep.windows.shuffle import ShuffledWindows
from gptprep.windows.spec import WindowSpec
from gptprep.windows.splits import SplitPlan
from gptprep.windows.strided import StridedWindows

_BLOCK_IDS = 1 << 20
"""Ids read at a time."""
STARTS = Role("starts", (), STARTS_DTYPE)


def _tokens(windows: WindowFormat) -> Role:
    return Role("tokens", (), windows.dtype)


@dataclass(frozen=True)
class ColumnRows:
    """Rows of shards that are read from streams, one for each role."""

    columns: dict[str, Ids]
    count: int

    def __len__(self) -> int:
        return self.count

    def read(self, start: int, stop: int) -> Arrays:
        return {name: column.read(start, stop) for name, column in self.columns.items()}


class TokensReader(SplitReader):
    """Makes windows from ids that are stored once."""

    def __init__(self, folder: str, manifest: Manifest, split: str) -> None:
        super().__init__(folder, manifest, split)
        windows, of_split = manifest.window_format, self.split
        self._ids = array_stream(folder, of_split.shards, _tokens(windows))
        starts, lengths = (array_stream(folder, of_split.table, role) for role in (STARTS, LENGTHS))
        self._streams = (self._ids, starts, lengths)
        index: WindowIndex
        if windows.has_lengths:
            index = _StoredDocumentWindows(starts, lengths, manifest.context_length, of_split, folder)
        else:
            index = StridedWindows(of_split.ids, manifest.context_length, manifest.stride)
        self._index = ShuffledWindows(index, manifest.seed) if manifest.shuffle else index
        self._padding_id = windows.padding_id

    def _take(self, rows: NDArray[np.int64]) -> Windows:
        windows = take(self._ids, self._index, rows, self._padding_id)
        if self._index.has_lengths:
            return windows
        return Windows(windows.inputs.copy(), windows.targets.copy(), windows.lengths)  # they share memory

    @property
    def unstored(self) -> int:
        """None: each id of the split is stored."""
        return 0

    def stream(self) -> Iterator[NDArray[Any]]:
        """All ids of the split, also those that are in no window."""
        for start in range(0, len(self._ids), _BLOCK_IDS):
            yield self._ids.read(start, start + _BLOCK_IDS)

    def check(self) -> None:
        for stream in self._streams:
            stream.map_all()


class _StoredDocumentWindows(DocumentWindows):
    """An untrusted table from a shard folder."""

    def __init__(
        self, starts: TokenStream, lengths: TokenStream, context_length: int, split: Split, folder: str
    ) -> None:
        super().__init__(starts, lengths, context_length, split.dropped, split.padding)
        self._folder, self._n_ids = folder, split.ids

    def locate(self, numbers: NDArray[np.int64]) -> Located:
        starts, lengths = located = super().locate(numbers)
        if not len(numbers):
            return located
        are_inside = (
            0 <= starts.min() <= starts.max() < self._n_ids and (lengths < self._n_ids - starts).all()
        )
        if not are_inside or lengths.min() < 1:
            raise self._damaged("a window has ids that are not in the split")
        if lengths.max() > self.context_length:
            raise self._damaged("a window is longer than the context length")
        return located

    def _damaged(self, why: str) -> CorruptDataError:
        what = f"the window table of {self._folder} is damaged"
        return CorruptDataError(what, why, "write the shards again")


class TokensChecker(ShardChecker):
    """Checks that ids are in the vocabulary."""

    def check(self, first: int, block: Arrays, before: Arrays) -> None:  # noqa: ARG002
        self.check_ids("tokens", first, block)


class TableChecker(ShardChecker):
    """Checks that windows are in the split and in text order."""

    def check(self, first: int, block: Arrays, before: Arrays) -> None:
        starts, lengths, n_ids = block["starts"], block["lengths"].astype(np.int64), self.split.ids
        self.check_lengths(first, block)
        outside = (starts < 0) | (starts >= n_ids - np.minimum(lengths, n_ids))
        what = f"the start {{}} is not in the {n_ids} ids"
        self.add_first(Place("starts", "range", first, block), outside, what)
        last = before.get("starts", starts[:0])
        steps = np.diff(np.concatenate([last, starts]))
        place = Place("starts", "order", first + 1 - len(last), block)
        self.add_first(place, steps <= 0, "the starts do not increase")


class TokensLayout(Layout):
    """Each id once, and a table of windows if they end with their documents."""

    name = "tokens"
    stores_windows = False

    def formats(self, windows: WindowFormat) -> dict[str, ShardFormat]:
        if not windows.has_lengths:
            return {"shards": ShardFormat("id", (_tokens(windows),), TokensChecker)}
        # In format version 3 a shard of ids has no more rows than fit in a file of lengths.
        return {
            "shards": ShardFormat("id", (_tokens(windows),), TokensChecker, (LENGTHS,)),
            "table": ShardFormat("window", (STARTS, LENGTHS), TableChecker),
        }

    def rows(self, plan: SplitPlan, spec: WindowSpec, windows: WindowFormat) -> dict[str, Rows]:  # noqa: ARG002
        rows: dict[str, Rows] = {"shards": ColumnRows({"tokens": plan.ids}, plan.ids.n_ids)}
        if isinstance(plan.index, DocumentWindows):
            columns: dict[str, Ids] = {"starts": plan.index.starts, "lengths": plan.index.lengths}
            rows["table"] = ColumnRows(columns, len(plan.index))
        return rows

    def open(self, folder: str, manifest: Manifest, split: str) -> SplitReader:
        return TokensReader(folder, manifest, split)
