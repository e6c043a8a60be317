"""The layout `pairs`: inputs and targets of every window, as a training loop wants them.

Arrays: inputs and targets, (N, L) in the dtype of the ids; lengths, (N,) uint32, if windows may be short.
Shuffled windows are stored in shuffled order.

Shape letters: N windows, B windows of a block, L context length.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gptprep.shards import overlap
from gptprep.shards.arrays import Arrays, Role, map_array
from gptprep.shards.findings import Place, ShardChecker
from gptprep.shards.layout import LENGTHS, Layout, Rows, ShardFormat, SplitReader
from gptprep.shards.manifest import Manifest, WindowFormat
from gptprep.windows.gather import Windows, take_range
from gptprep.windows.index import LENGTHS_DTYPE, WindowIndex
from gptprep.windows.shuffle import ShuffledWindows
from gptprep.windows.spec import WindowSpec
from gptprep.windows.splits import SplitIds, SplitPlan

_MANY = 16
"""Windows are read one by one if there are on average fewer than this in each shard that has some."""


def _roles(windows: WindowFormat) -> tuple[Role, ...]:
    sides = (Role(side, (windows.context_length,), windows.dtype) for side in ("inputs", "targets"))
    return (*sides, LENGTHS) if windows.has_lengths else tuple(sides)


@dataclass(frozen=True)
class WindowRows:
    """The windows of a split, as rows of shards."""

    ids: SplitIds
    index: WindowIndex
    padding_id: int

    def __len__(self) -> int:
        return len(self.index)

    def read(self, start: int, stop: int) -> Arrays:
        windows = take_range(self.ids, self.index, start, stop, self.padding_id)._asdict()
        if not self.index.has_lengths:
            del windows["lengths"]
        return windows


class PairsReader(SplitReader):
    """Reads windows that are stored with their targets."""

    def __init__(self, folder: str, manifest: Manifest, split: str) -> None:
        super().__init__(folder, manifest, split)
        self._roles = _roles(manifest.window_format)
        self._stops = np.cumsum([shard.rows for shard in self.split.shards], dtype=np.int64)
        self._starts = [0, *self._stops.tolist()]
        self._mapped: dict[int, Arrays] = {}

    def _shard(self, index: int) -> Arrays:
        if index not in self._mapped:
            files = self.split.shards[index].files
            self._mapped[index] = {
                role.name: map_array(self.folder, files[role.name], role.dtype) for role in self._roles
            }
        return self._mapped[index]

    def check(self) -> None:
        for index in range(len(self._stops)):
            self._shard(index)

    def arrays(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Inputs and targets of each shard, memory-mapped."""
        for index in range(len(self._stops)):
            shard = self._shard(index)
            yield shard["inputs"], shard["targets"]

    def _take(self, rows: NDArray[np.int64]) -> Windows:
        shard_of = np.searchsorted(self._stops, rows, "right")
        indices = np.unique(shard_of).tolist()
        if len(indices) == 1:
            return self._take_from(indices[0], rows)
        shape, dtype = (len(rows), self.manifest.context_length), self.manifest.dtype
        lengths = np.full(len(rows), self.manifest.context_length, LENGTHS_DTYPE)
        found = Windows(np.empty(shape, dtype), np.empty(shape, dtype), lengths)
        if len(indices) * _MANY > len(rows):
            for row, (index, number) in enumerate(zip(shard_of.tolist(), rows.tolist(), strict=True)):
                self._take_row(index, number, row, found)
            return found
        for index in indices:
            is_here = shard_of == index
            for all_rows, of_shard in zip(found, self._take_from(index, rows[is_here]), strict=True):
                all_rows[is_here] = of_shard
        return found

    def _take_row(self, index: int, number: int, row: int, found: Windows) -> None:
        """Read window `number`, which is in shard `index`, into a row of `found`."""
        shard = self._shard(index)
        local = number - self._starts[index]
        found.inputs[row], found.targets[row] = shard["inputs"][local], shard["targets"][local]
        if "lengths" in shard:
            found.lengths[row] = shard["lengths"][local]

    def _take_from(self, index: int, rows: NDArray[np.int64]) -> Windows:
        """Windows that are all in one shard."""
        shard = self._shard(index)
        local = rows - self._starts[index]
        if "lengths" in shard:
            lengths = shard["lengths"].take(local)
        else:
            lengths = np.full(len(rows), self.manifest.context_length, LENGTHS_DTYPE)
        return Windows(shard["inputs"].take(local, 0), shard["targets"].take(local, 0), lengths)


class PairsChecker(ShardChecker):
    """Checks ids, the shift between inputs and targets, padding, and that windows continue each other."""

    def check(self, first: int, block: Arrays, before: Arrays) -> None:
        for role in ("inputs", "targets"):
            self.check_ids(role, first, block)
        shifted = block["inputs"][:, 1:] != block["targets"][:, :-1]
        if "lengths" in block:
            shifted &= self._check_padding(first, block)[:, 1:]
        elif self.manifest.stride <= self.manifest.context_length:
            if self.manifest.shuffle:
                inputs, targets = (block[role].astype(np.uint64) for role in ("inputs", "targets"))
                self.fingerprints.append(overlap.fingerprints(inputs, targets, self.manifest.stride))
            else:
                self._check_continuity(first, block, before)
        what = "the target {} is not the next input"
        self.add_first(Place("targets", "shift", first, block), shifted, what)

    def _check_padding(self, first: int, block: Arrays) -> NDArray[np.bool_]:
        """Check lengths and padding; returns which inputs are not padding, (B, L)."""
        self.check_lengths(first, block)
        lengths, fill = block["lengths"].astype(np.int64), self.manifest.window_format.padding_id
        is_real: NDArray[np.bool_] = np.arange(self.manifest.context_length) < lengths[:, None]
        for role in ("inputs", "targets"):
            wrong = (block[role] != fill) & ~is_real
            self.add_first(Place(role, "padding", first, block), wrong, f"the padding is {{}}, not {fill}")
        return is_real

    def _check_continuity(self, first: int, block: Arrays, before: Arrays) -> None:
        """Check that each window continues the one before it."""
        stride, length = self.manifest.stride, self.manifest.context_length
        inputs, last_targets = block["inputs"], block["targets"][:, -1]
        if before:
            inputs = np.concatenate([before["inputs"], inputs])
            last_targets = np.concatenate([before["targets"][:, -1], last_targets])
            first -= 1
        wrong = last_targets[:-1] != inputs[1:, length - stride]
        if stride < length:
            wrong |= (inputs[:-1, stride:] != inputs[1:, : length - stride]).any(axis=1)
        what = "it does not continue the window before it"
        self.add_first(Place("inputs", "continuity", first + 1, block), wrong, what)


class PairsLayout(Layout):
    """Inputs and targets of every window."""

    name = "pairs"
    stores_windows = True

    def formats(self, windows: WindowFormat) -> dict[str, ShardFormat]:
        return {"shards": ShardFormat("window", _roles(windows), PairsChecker)}

    def rows(self, plan: SplitPlan, spec: WindowSpec, windows: WindowFormat) -> dict[str, Rows]:
        index = ShuffledWindows(plan.index, spec.seed) if spec.shuffle else plan.index
        return {"shards": WindowRows(plan.ids, index, windows.padding_id)}

    def open(self, folder: str, manifest: Manifest, split: str) -> SplitReader:
        return PairsReader(folder, manifest, split)
