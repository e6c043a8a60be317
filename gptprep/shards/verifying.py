"""Verifying a shard: its files against the manifest, and its windows against each other.

Files are read once, from the beginning to the end and without mapping them: one that shrinks meanwhile is
noticed and does not end the process.

Legend: B windows of a block, L context length.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep import npy, windows
from gptprep.errors import DamagedData, os_errors
from gptprep.files import is_file
from gptprep.shards import chain
from gptprep.shards.manifest import LENGTHS_DTYPE, STARTS_DTYPE, ArrayFile, Manifest, Shard, Split
from gptprep.shards.reading import ShardFolder

OnBytes = Callable[[int], None]
"""Called with the number of bytes read after each block."""
Blocks = dict[str, NDArray[Any]]
_BLOCK_BYTES = 1 << 22
_DTYPES = {"lengths": LENGTHS_DTYPE, "starts": STARTS_DTYPE}


class Problem(NamedTuple):
    """Something that does not hold."""

    file: str
    """Relative to the folder."""
    what: str

    @classmethod
    def of(cls, file: str, error: DamagedData) -> Problem:
        """What an error says, without the name of the file, which the problem has."""
        return cls(file, str(error).removeprefix(f"{file} "))


class Verified(NamedTuple):
    """What was found in a shard."""

    problems: list[Problem]
    real_ids: int
    """Of its lengths together, where it has lengths."""
    fingerprints: NDArray[np.uint64] | None = None
    """Of its windows, where they are shuffled and share ids with others: see `chain`."""


class HashedFile:
    """Reads an array of a folder by rows, and hashes on the way what it reads.

    Raises:
        DamagedData: it is missing, or is not what the manifest says.
    """

    def __init__(self, folder: str, array: ArrayFile, dtype: str, *, hashed: bool) -> None:
        self.array, self._path = array, os.path.join(folder, array.file)
        self._hash = hashlib.sha256() if hashed else None
        if not is_file(self._path):
            raise DamagedData("it is missing")
        with os_errors("read", self._path):
            self._file = open(self._path, "rb", buffering=0)  # noqa: SIM115  closed by __exit__
            try:
                self._check_header(np.dtype(dtype))
            except BaseException:
                self._file.close()
                raise

    def _check_header(self, dtype: np.dtype[Any]) -> None:
        header = npy.check_header(self._file, self.array.file, self.array.shape, dtype)
        self._dtype = dtype
        self._row = self.array.shape[1:]
        self._file.seek(0)
        self._digest(self._file.read(header.offset))

    def __enter__(self) -> HashedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def skip(self, rows: int) -> None:
        """Leave out the next rows, of a file that is not hashed."""
        self._file.seek(rows * math.prod(self._row) * self._dtype.itemsize, os.SEEK_CUR)

    def read(self, rows: int) -> NDArray[Any]:
        """The next rows.

        Raises:
            DamagedData: the file has become shorter.
            GptprepError: it cannot be read.
        """
        block = np.empty((rows, *self._row), self._dtype)
        view = block.reshape(-1).view(np.uint8).data
        with os_errors("read", self._path):
            done = 0
            while done < len(view):
                count = self._file.readinto(view[done:])
                if not count:
                    raise DamagedData("it became shorter while it was read")
                done += count
        self._digest(view)
        return block

    def _digest(self, data: bytes | memoryview) -> None:
        if self._hash:
            self._hash.update(data)

    def problem(self) -> str | None:
        """What the hash says when all rows have been read."""
        if self._hash and self._hash.hexdigest() != self.array.sha256:
            return "its sha256 is not the one in the manifest"
        return None


class ShardVerifier:
    """Verifies the files of one shard, or of one part of a table of windows.

    Args:
        number: of the shard in `shards` of the split, or in its `table`.
        first: how many rows the shards before it have.
        hashed: whether the hashes are compared.
    """

    def __init__(
        self, folder: ShardFolder, split: str, number: int, first: int, *, table: bool, hashed: bool
    ) -> None:
        self._folder, self._manifest = folder, folder.manifest
        self._split: Split = folder.manifest.splits[split]
        self._shards = self._split.table if table else self._split.shards
        self._shard: Shard = self._shards[number]
        self._number, self._table, self._hashed = number, table, hashed
        self._first = first
        self._found: dict[tuple[str, str], Problem] = {}
        self._real_ids = 0
        self._last: Blocks = {}
        self._fingerprints: list[NDArray[np.uint64]] = []

    def run(self, on_bytes: OnBytes = lambda _: None) -> Verified:
        """Read all of it."""
        with ExitStack() as stack:
            opened = {role: self._open(role) for role in self._shard}
            files = {role: stack.enter_context(file) for role, file in opened.items() if file}
            if len(files) == len(opened):
                self._last = self._row_before()
            step = max(1, _BLOCK_BYTES // self._row_bytes())
            for begin in range(0, _rows(self._shard), step):
                blocks = self._blocks(files, min(step, _rows(self._shard) - begin))
                if len(blocks) == len(opened):
                    self._check(self._first + begin, blocks)
                on_bytes(sum(block.nbytes for block in blocks.values()))
            for role, file in files.items():
                if what := file.problem():
                    self._add(role, "hash", what)
        fingerprints = np.concatenate(self._fingerprints) if self._fingerprints else None
        return Verified(list(self._found.values()), self._real_ids, fingerprints)

    def _row_bytes(self) -> int:
        return sum(
            math.prod(array.shape[1:]) * np.dtype(self._dtype(role)).itemsize
            for role, array in self._shard.items()
        )

    def _blocks(self, files: dict[str, HashedFile], rows: int) -> Blocks:
        """The next rows; a file that cannot give them is left out from then on."""
        blocks = {}
        for role, file in list(files.items()):
            try:
                blocks[role] = file.read(rows)
            except DamagedData as error:
                self._add(role, "shorter", error.what)
                del files[role]
        return blocks

    def _dtype(self, role: str) -> str:
        return _DTYPES.get(role, self._manifest.dtype)

    def _open(self, role: str) -> HashedFile | None:
        try:
            return HashedFile(self._folder.path, self._shard[role], self._dtype(role), hashed=self._hashed)
        except DamagedData as error:
            self._add(role, "file", Problem.of(self._shard[role].file, error).what)
            return None

    def _row_before(self) -> Blocks:
        """The last row of the shard before this one, if it can be read: windows go on across shards."""
        if not self._number:
            return {}
        last = {}
        try:
            for role, array in self._shards[self._number - 1].items():
                with HashedFile(self._folder.path, array, self._dtype(role), hashed=False) as file:
                    file.skip(array.shape[0] - 1)
                    last[role] = file.read(1)
        except DamagedData:
            return {}
        return last

    def _add(self, role: str, kind: str, what: str) -> None:
        """The first problem of a kind in a file is told; what follows is most often the same."""
        file = self._shard[role].file
        self._found.setdefault((file, kind), Problem(file, what))

    def _check(self, first: int, blocks: Blocks) -> None:
        if self._table:
            self._check_table(first, blocks)
        else:
            self._check_ids(first, blocks)
            if self._manifest.layout == "pairs":
                self._check_pairs(first, blocks)
        self._last = {role: block[-1:] for role, block in blocks.items()}

    def _check_ids(self, first: int, blocks: Blocks) -> None:
        n_vocab = self._manifest.tokenizer.n_vocab
        for role in ("inputs", "targets", "tokens"):
            ids = blocks.get(role)
            if ids is not None and not 0 <= int(ids.min()) <= int(ids.max()) < n_vocab:
                what = f"the id {{}} is not one of 0 to {n_vocab - 1}"
                self._at(role, "range", (ids < 0) | (ids >= n_vocab), first, what, blocks)

    def _check_pairs(self, first: int, blocks: Blocks) -> None:
        shift = blocks["inputs"][:, 1:] != blocks["targets"][:, :-1]
        if "lengths" in blocks:
            shift &= self._check_padding(first, blocks)[:, 1:]
        elif self._manifest.stride <= self._manifest.context_length:
            if self._manifest.shuffle:
                inputs, targets = (blocks[role].astype(np.uint64) for role in ("inputs", "targets"))
                self._fingerprints.append(chain.fingerprints(inputs, targets, self._manifest.stride))
            else:
                self._check_chain(first, blocks)
        self._at("targets", "shift", shift, first, "the target {} is not the next input", blocks)

    def _check_padding(self, first: int, blocks: Blocks) -> NDArray[np.bool_]:
        """Which inputs are real."""
        length, lengths = self._manifest.context_length, blocks["lengths"].astype(np.int64)
        self._at("lengths", "length", (lengths < 1) | (lengths > length), first, "the length is {}", blocks)
        self._real_ids += int(lengths.sum())
        is_real: NDArray[np.bool_] = np.arange(length) < lengths[:, None]
        fill = self._manifest.tokenizer.eot or 0
        for role in ("inputs", "targets"):
            wrong = (blocks[role] != fill) & ~is_real
            self._at(role, "padding", wrong, first, f"the padding is {{}}, not {fill}", blocks)
        return is_real

    def _check_chain(self, first: int, blocks: Blocks) -> None:
        """Each window goes on where the one before it says."""
        stride, length = self._manifest.stride, self._manifest.context_length
        inputs, ends = blocks["inputs"], blocks["targets"][:, -1]
        if self._last:
            inputs = np.concatenate([self._last["inputs"], inputs])
            ends = np.concatenate([self._last["targets"][:, -1], ends])
            first -= 1
        wrong = ends[:-1] != inputs[1:, length - stride]
        if stride < length:
            wrong |= (inputs[:-1, stride:] != inputs[1:, : length - stride]).any(axis=1)
        what = "it does not go on from the window before it"
        self._at("inputs", "chain", wrong, first + 1, what, blocks)

    def _check_table(self, first: int, blocks: Blocks) -> None:
        starts, lengths = blocks["starts"], blocks["lengths"].astype(np.int64)
        length, n_ids = self._manifest.context_length, self._split.ids
        self._real_ids += int(lengths.sum())
        self._at("lengths", "length", (lengths < 1) | (lengths > length), first, "the length is {}", blocks)
        outside = (starts < 0) | (starts >= n_ids - np.minimum(lengths, n_ids))
        self._at("starts", "range", outside, first, f"the start {{}} is not in the {n_ids} ids", blocks)
        before = self._last.get("starts", starts[:0])
        steps = np.diff(np.concatenate([before, starts]))
        self._at("starts", "order", steps <= 0, first + 1 - len(before), "the starts do not rise", blocks)

    def _at(
        self, role: str, kind: str, wrong: NDArray[np.bool_], first: int, what: str, blocks: Blocks
    ) -> None:
        """Say where the first wrong number of a block stands; `{}` is the number."""
        if not wrong.any():
            return
        row, *column = (int(index) for index in np.argwhere(wrong)[0])
        unit = "id" if self._manifest.layout == "tokens" and not self._table else "window"
        where = f"{unit} {first + row:,}" + (f", position {column[0]}" if column else "")
        value = blocks[role][row, *column] if row < len(blocks[role]) and "{}" in what else ""
        self._add(role, kind, f"{where}: {what.format(value)}")


def _rows(shard: Shard) -> int:
    return next(iter(shard.values())).shape[0]


def check_totals(manifest: Manifest, real_ids: dict[str, int]) -> list[Problem]:
    """Whether the splits share the stream, and the padding is what the manifest says.

    Args:
        real_ids: of the windows of each split that has lengths.
    """
    problems = []
    together = sum(split.ids for split in manifest.splits.values())
    if together != manifest.ids:
        what = f"the splits have {together:,} ids together, and the stream {manifest.ids:,}: they may overlap"
        problems.append(Problem("manifest.json", what))
    if not manifest.splits:
        problems.append(Problem("manifest.json", "it has no split"))
    documents = sum(source.documents for source in manifest.sources)
    if documents != manifest.documents:
        what = f"the sources have {documents:,} documents, not {manifest.documents:,}"
        problems.append(Problem("manifest.json", what))
    of_sources = sum(source.ids for source in manifest.sources)
    if not of_sources <= manifest.ids <= of_sources + documents:
        what = f"the sources have {of_sources:,} ids, and the stream {manifest.ids:,}"
        problems.append(Problem("manifest.json", what))
    for name, split in manifest.splits.items():
        if manifest.boundary == "stream":
            dropped = windows.dropped(split.ids, manifest.context_length, manifest.stride)
            if (split.dropped_tail, split.dropped_gaps, split.padding) != (*dropped, 0):
                problems.append(Problem("manifest.json", f"{name} drops other ids than it says"))
        if name in real_ids:
            padding = split.windows * manifest.context_length - real_ids[name]
            if padding != split.padding:
                what = f"{name} has {padding:,} ids of padding, not {split.padding:,}"
                problems.append(Problem("manifest.json", what))
    return problems
