"""The checks for a shard folder: each shard by itself, and what all shards and the manifest say together."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import numpy as np

from gptprep.errors import CorruptDataError
from gptprep.shards.arrays import ArrayReader, Arrays, Role, Shard
from gptprep.shards.findings import (
    CheckFile,
    OnBytes,
    Problem,
    ShardChecker,
    Verified,
    stored_file_problem,
)
from gptprep.shards.folder import ShardFolder
from gptprep.shards.manifest import FORMAT, Split
from gptprep.shards.overlap import first_mismatch
from gptprep.storage.sealed import MANIFEST, StoredFile
from gptprep.units import MIB

_BLOCK_BYTES = 4 * MIB


class _Place(NamedTuple):
    """Where a shard is in its folder."""

    split: str
    series: str
    number: int
    first: int
    """How many rows the shards before it have."""


class ShardFolderChecks:
    """The checks for a shard folder.

    Attributes:
        format: the name of the format.
        files: all files that the manifest names.
        windows: how many windows each split has.
    """

    def __init__(self, folder: ShardFolder, *, hashed: bool) -> None:
        self._folder, self._manifest, self._hashed = folder, folder.manifest, hashed
        self._formats = folder.layout.formats(folder.manifest.window_format)
        splits, stored = self._manifest.splits, self._manifest.tokenizer_file
        self._stored = [stored] if stored else []
        shards = [shard for split in splits.values() for shard in split.shards + split.table]
        self.format = FORMAT
        self.files = [array.file for shard in shards for array in shard.files.values()]
        self.files += [stored.file for stored in self._stored]
        self.windows = {name: split.windows for name, split in splits.items()}

    # Each shard

    def of_files(self) -> list[CheckFile]:
        """One check for each shard; each reads different files."""
        checks: list[CheckFile] = [partial(self._check_stored, stored) for stored in self._stored]
        for name, split in self._manifest.splits.items():
            for series in self._formats:
                first = 0
                for number, shard in enumerate(split.series(series)):
                    checks.append(partial(self._check_shard, _Place(name, series, number, first)))
                    first += shard.rows
        return checks

    def _check_stored(self, stored: StoredFile, on_bytes: OnBytes) -> Verified:
        problem = stored_file_problem(self._folder.path, stored, on_bytes, hashed=self._hashed)
        return Verified([Problem(stored.file, problem)] if problem else [])

    def _check_shard(self, place: _Place, on_bytes: OnBytes) -> Verified:
        split, form = self._manifest.splits[place.split], self._formats[place.series]
        shards, roles = split.series(place.series), form.roles
        shard, n_rows = shards[place.number], shards[place.number].rows
        checker = form.checker(self._manifest, split, shard, form.unit)
        step = max(1, _BLOCK_BYTES // form.row_bytes)
        with ExitStack() as stack:
            files = self._open(stack, shard, roles, checker)
            can_check = len(files) == len(roles)
            before = self._last_row(shards[place.number - 1], roles) if place.number and can_check else {}
            for start in range(0, n_rows, step):
                block = _read(files, min(step, n_rows - start), checker)
                if len(block) == len(roles):
                    checker.check(place.first + start, block, before)
                    before = {name: rows[-1:] for name, rows in block.items()}
                on_bytes(sum(rows.nbytes for rows in block.values()))
            for name, file in files.items():
                if what := file.hash_problem():
                    checker.add(name, "hash", what)
        return Verified(checker.problems(), place.split, shard, checker.real_ids, tuple(checker.fingerprints))

    def _open(
        self, stack: ExitStack, shard: Shard, roles: tuple[Role, ...], checker: ShardChecker
    ) -> dict[str, ArrayReader]:
        """The files of a shard that can be opened, by role."""
        files = {}
        for role in roles:
            array = shard.files[role.name]
            try:
                reader = ArrayReader(self._folder.path, array, role.dtype, hashed=self._hashed)
                files[role.name] = stack.enter_context(reader)
            except CorruptDataError as error:
                checker.add(role.name, "file", Problem.of(array.file, error).what)
        return files

    def _last_row(self, shard: Shard, roles: tuple[Role, ...]) -> Arrays:
        """The last row of a shard, or nothing if it cannot be read: windows continue across shards."""
        last = {}
        try:
            for role in roles:
                array = shard.files[role.name]
                with ArrayReader(self._folder.path, array, role.dtype, hashed=False) as file:
                    file.skip(array.shape[0] - 1)
                    last[role.name] = file.read(1)
        except CorruptDataError:
            return {}
        return last

    # All shards together

    def of_all(self, verified: list[Verified]) -> Iterator[Problem]:
        """What does not hold between shards, or between them and the manifest."""
        is_readable = not any(found.problems for found in verified)
        yield from self._check_totals()
        for name, split in self._manifest.splits.items():
            of_split = [found for found in verified if found.split == name]
            strided = self._manifest.strided_windows(split)
            if strided is not None and (split.dropped, split.padding) != (strided.dropped, strided.padding):
                yield Problem(
                    MANIFEST, f"{name}: dropped_tail, dropped_gaps or padding do not follow from its ids"
                )
            if is_readable and self._manifest.window_format.has_lengths:
                yield from self._check_padding(name, split, of_split)
            if is_readable:
                yield from self._check_shuffled(of_split)

    def _check_totals(self) -> Iterator[Problem]:
        """Whether the splits divide the stream, and the sources make it up."""
        manifest = self._manifest
        in_splits = sum(split.ids for split in manifest.splits.values())
        if in_splits != manifest.ids:
            what = f"the splits have {in_splits:,} ids in all, not {manifest.ids:,}"
            yield Problem(MANIFEST, f"{what}: they may overlap")
        if not manifest.splits:
            yield Problem(MANIFEST, "it has no split")
        documents = sum(source.documents for source in manifest.sources)
        if documents != manifest.documents:
            yield Problem(MANIFEST, f"the sources have {documents:,} documents, not {manifest.documents:,}")
        in_sources = sum(source.ids for source in manifest.sources)
        # A split of whole documents leaves out its last end-of-text id, which may be one of the text.
        is_shorter = manifest.split_by == "document" and not manifest.window_format.has_lengths
        left_out = len(manifest.splits) if is_shorter else 0
        if not in_sources - left_out <= manifest.ids <= in_sources + documents:
            yield Problem(MANIFEST, f"the sources have {in_sources:,} ids, and the stream {manifest.ids:,}")
        if not any(source.splits for source in manifest.sources):
            return  # version 3
        for name, split in manifest.splits.items():
            shares = [source.splits[name] for source in manifest.sources if name in source.splits]
            found = sum(share.ids for share in shares), sum(share.windows for share in shares)
            if found != (split.ids, split.windows):
                what = f"the sources give {name} {found[0]:,} ids and {found[1]:,} windows"
                yield Problem(MANIFEST, f"{what}, and it has {split.ids:,} and {split.windows:,}")

    def _check_padding(self, name: str, split: Split, of_split: list[Verified]) -> Iterator[Problem]:
        real_ids = sum(found.real_ids for found in of_split)
        padding = split.windows * self._manifest.context_length - real_ids
        if padding != split.padding:
            yield Problem(MANIFEST, f"{name} has {padding:,} ids of padding, not {split.padding:,}")

    def _check_shuffled(self, of_split: list[Verified]) -> Iterator[Problem]:
        """Whether shuffled windows continue the windows before them in the text."""
        shards = [found.shard for found in of_split if found.fingerprints]
        fingerprints = [block for found in of_split for block in found.fingerprints]
        if not shards or (row := first_mismatch(np.concatenate(fingerprints), self._manifest.seed)) is None:
            return
        number = int(np.searchsorted(np.cumsum([shard.rows for shard in shards]), row, "right"))
        what = f"window {row:,}: it does not continue the window before it in the text"
        yield Problem(next(iter(shards[number].files.values())).file, what)


def _read(files: dict[str, ArrayReader], rows: int, checker: ShardChecker) -> Arrays:
    """The next rows; a file that cannot give them is left out from then on."""
    block = {}
    for name, file in list(files.items()):
        try:
            block[name] = file.read(rows)
        except CorruptDataError as error:
            checker.add(name, "shorter", error.what)
            del files[name]
    return block
