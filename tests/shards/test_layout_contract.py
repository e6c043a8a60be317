"""What every layout promises: the layouts of the package, and one that only this file knows.

`ReversedLayout` shows that a new layout needs nothing but its own module and an entry in `LAYOUTS`.
(The CLI also needs its name in `choices.Layout`.)
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from gptprep.errors import CorruptDataError, UsageError
from gptprep.shards import overlap
from gptprep.shards.arrays import Arrays, Role, map_array
from gptprep.shards.findings import Place, ShardChecker
from gptprep.shards.folder import LAYOUTS, not_only_shards, open_shards, read_manifest
from gptprep.shards.layout import Layout, Rows, ShardFormat, SplitReader
from gptprep.shards.manifest import Manifest, WindowFormat, parse_manifest
from gptprep.shards.pairs import WindowRows
from gptprep.storage.sealed import sealed_json
from gptprep.windows.gather import Windows, take_range
from gptprep.windows.index import LENGTHS_DTYPE
from gptprep.windows.shuffle import ShuffledWindows
from gptprep.windows.spec import WindowSpec
from gptprep.windows.splits import SplitPlan
from tests.helpers.folders import change_array, contents, window, window_options
from tests.helpers.slow_windows import EOT, Row, split_rows
from tests.helpers.verification import kind_name, problems

# A layout of its own: each window is a row of L + 1 ids, from its last target back to its first input


def reversed_roles(windows: WindowFormat) -> tuple[Role, ...]:
    ids = Role("reversed", (windows.context_length + 1,), windows.dtype)
    return (ids, Role("lengths", (), LENGTHS_DTYPE)) if windows.has_lengths else (ids,)


class ReversedRows(WindowRows):
    """Inputs and the last target of every window, in reverse order."""

    def read(self, start: int, stop: int) -> Arrays:
        inputs, targets, lengths = take_range(self.ids, self.index, start, stop, self.padding_id)
        rows = {"reversed": np.concatenate([inputs[:, :1], targets], axis=1)[:, ::-1]}
        return {**rows, "lengths": lengths} if self.index.has_lengths else rows


class ReversedReader(SplitReader):
    """Reads whole splits and turns the rows round."""

    def _role(self, role: Role) -> NDArray[Any]:
        shards = self.split.shards
        return np.concatenate(
            [map_array(self.folder, shard.files[role.name], role.dtype) for shard in shards]
        )

    def _take(self, rows: NDArray[np.int64]) -> Windows:
        windows = self.manifest.window_format
        ids, *lengths = (self._role(role)[rows] for role in reversed_roles(windows))
        length = lengths[0] if lengths else np.full(len(rows), windows.context_length, LENGTHS_DTYPE)
        inputs, targets = ids[:, :0:-1].copy(), ids[:, -2::-1].copy()
        inputs[np.arange(windows.context_length) >= length[:, None]] = windows.padding_id
        return Windows(inputs, targets, length)

    def check(self) -> None:
        for role in reversed_roles(self.manifest.window_format):
            self._role(role)


class ReversedChecker(ShardChecker):
    """Checks ids, lengths, and that windows continue each other."""

    def check(self, first: int, block: Arrays, before: Arrays) -> None:
        self.check_ids("reversed", first, block)
        stride, length = self.manifest.stride, self.manifest.context_length
        if "lengths" in block:
            self.check_lengths(first, block)
        elif stride <= length and self.manifest.shuffle:
            ids = block["reversed"][:, ::-1].astype(np.uint64)
            self.fingerprints.append(overlap.fingerprints(ids[:, :-1], ids[:, 1:], stride))
        elif stride <= length:
            ids = np.concatenate([before.get("reversed", block["reversed"][:0]), block["reversed"]])[:, ::-1]
            wrong = (ids[:-1, stride:] != ids[1:, : length + 1 - stride]).any(axis=1)
            place = Place("reversed", "continuity", first + 1 - bool(before), block)
            self.add_first(place, wrong, "it does not continue the window before it")


class ReversedLayout(Layout):
    """The ids of every window, in reverse order."""

    name = "reversed"
    stores_windows = True

    def formats(self, windows: WindowFormat) -> dict[str, ShardFormat]:
        return {"shards": ShardFormat("window", reversed_roles(windows), ReversedChecker)}

    def rows(self, plan: SplitPlan, spec: WindowSpec, windows: WindowFormat) -> dict[str, Rows]:
        index = ShuffledWindows(plan.index, spec.seed) if spec.shuffle else plan.index
        return {"shards": ReversedRows(plan.ids, index, windows.padding_id)}

    def open(self, folder: str, manifest: Manifest, split: str) -> SplitReader:
        return ReversedReader(folder, manifest, split)


TRIED: dict[str, Layout] = {**LAYOUTS, ReversedLayout.name: ReversedLayout()}
STORING_WINDOWS = [name for name, layout in TRIED.items() if layout.stores_windows]
KINDS = [
    {"layout": name, "boundary": boundary, "shuffle": shuffle}
    for name, boundary, shuffle in itertools.product(TRIED, ["stream", "document"], [False, True])
]
L, SHARD_SIZE = 8, 300
USUAL = {"context_length": L, "stride": 5, "val_fraction": "0.3", "seed": 3, "shard_size": SHARD_SIZE}
DOCUMENTS = [list(range(1000 * size, 1000 * size + size)) for size in (30, 1, 3, 49, 8, 2, 40, 17, 9, 4)]
"""An id occurs once, so that it tells where it is from."""


class Written(NamedTuple):
    """A folder that was written, and the windows that it must hold."""

    path: Path
    options: dict[str, Any]
    manifest: Manifest
    rows: dict[str, list[Row]]


@pytest.fixture(scope="module", autouse=True)
def _layout_of_this_file() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LAYOUTS, ReversedLayout.name, TRIED[ReversedLayout.name])
        yield


@pytest.fixture(scope="module")
def ids_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents as a file of ids."""
    path = tmp_path_factory.mktemp("ids") / "ids.bin"
    np.array([token for ids in DOCUMENTS for token in (EOT, *ids)][1:], "<u2").tofile(path)
    return path


@pytest.fixture(scope="module", params=KINDS, ids=kind_name)
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, ids_file: Path
) -> Written:
    """A folder of each kind. It is not changed."""
    path, options = tmp_path_factory.mktemp("written") / "s", {**USUAL, **request.param}
    manifest = window([ids_file], path, **options).manifest
    return Written(path, options, manifest, split_rows(DOCUMENTS, window_options([], "", **options).windows))


@pytest.fixture
def copy(written: Written, tmp_path: Path) -> Path:
    """A copy of the folder, to be damaged."""
    return Path(shutil.copytree(written.path, tmp_path / "s"))


def rows_of(windows: Windows) -> list[Row]:
    return list(zip(*(array.tolist() for array in windows), strict=True))


@pytest.mark.parametrize("many", [0, 2, 1000])
def test_take_gives_what_the_slow_way_does(
    written: Written, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr("gptprep.shards.pairs._MANY", many)
    monkeypatch.setattr("gptprep.tokens.stream._MANY", many)
    for split, expected in written.rows.items():
        reader = open_shards(str(written.path)).windows(split)
        assert len(reader) == len(expected) > 3
        assert rows_of(reader.take(range(len(expected)))) == expected
        mixed = [2, len(expected) - 1, 0, 2, 1]
        assert rows_of(reader.take(mixed)) == [expected[number] for number in mixed]
        assert rows_of(reader.take(3)) == expected[3:4]
        assert rows_of(reader.take([])) == []


def test_take_gives_new_arrays_in_the_dtype_of_the_ids(written: Written) -> None:
    reader = open_shards(str(written.path)).windows()
    inputs, targets, _ = reader.take([0, 1])
    assert inputs.dtype == targets.dtype == np.uint16
    assert inputs.shape == targets.shape == (2, L)
    targets[:] = 0
    assert inputs.tolist() == [row[0] for row in written.rows["train"][:2]]
    assert rows_of(reader.take([0, 1])) == written.rows["train"][:2]


def test_arrays_give_all_windows_in_order(written: Written) -> None:
    folder = open_shards(str(written.path))
    for split, expected in written.rows.items():
        inputs, targets = zip(*folder.arrays(split), strict=True)
        assert np.concatenate(inputs).tolist() == [row[0] for row in expected]
        assert np.concatenate(targets).tolist() == [row[1] for row in expected]


@pytest.mark.parametrize("wrong", [-1, 1000, np.ones(1000, bool)], ids=["-1", "1000", "mask"])
def test_wrong_number_is_a_usage_error(written: Written, wrong: Any) -> None:
    with pytest.raises(UsageError, match="window"):
        open_shards(str(written.path)).windows().take(wrong)


def check_reader(path: Path) -> None:
    folder = open_shards(str(path))
    for split in folder.manifest.splits:
        folder.windows(split).check()


def test_check_of_a_reader_finds_truncated_and_missing_files(copy: Path) -> None:
    check_reader(copy)
    for file in sorted(copy.rglob("*.npy")):
        data = file.read_bytes()
        file.write_bytes(data[:-1])
        with pytest.raises(CorruptDataError, match="has the wrong size"):
            check_reader(copy)
        file.unlink()
        with pytest.raises(CorruptDataError, match="is missing"):
            check_reader(copy)
        file.write_bytes(data)
    check_reader(copy)


# Writing


def test_no_file_is_larger_than_the_shard_size_and_all_but_the_last_are_full(written: Written) -> None:
    assert all(file.stat().st_size <= SHARD_SIZE for file in written.path.rglob("*.npy"))
    formats = LAYOUTS[written.manifest.layout].formats(written.manifest.window_format)
    for split, (series, form) in itertools.product(written.manifest.splits.values(), formats.items()):
        full = form.rows_that_fit(SHARD_SIZE)
        *others, last = (shard.rows for shard in split.series(series))
        assert others == [full] * len(others)
        assert last <= full
    assert len(written.manifest.splits["train"].shards) > 1


def test_shard_size_without_room_for_a_row_is_a_usage_error(
    written: Written, ids_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="has no room for a"):
        window([ids_file], tmp_path / "s", **{**written.options, "shard_size": 129})
    assert not (tmp_path / "s").exists()


def test_manifest_is_read_as_it_was_written(written: Written) -> None:
    assert read_manifest(str(written.path)) == written.manifest
    data = (written.path / "manifest.json").read_bytes()
    assert sealed_json(written.manifest) == data
    assert parse_manifest(json.loads(data)) == written.manifest
    assert written.manifest.layout == written.options["layout"]


def test_manifest_counts_windows_and_padding(written: Written) -> None:
    for name, rows in written.rows.items():
        split = written.manifest.splits[name]
        assert split.windows == len(rows)
        assert split.padding == len(rows) * L - sum(length for _, _, length in rows)


def test_folder_is_recognised_as_ours(written: Written, copy: Path) -> None:
    assert not_only_shards(str(written.path)) == ""
    (copy / "notes.txt").write_text("mine")
    assert not_only_shards(str(copy)) == "notes.txt is not in its manifest.json"


@pytest.mark.parametrize("name", TRIED)
def test_two_workers_write_the_same_bytes_as_one(name: str, ids_file: Path, tmp_path: Path) -> None:
    kind: dict[str, Any] = {**USUAL, "layout": name, "boundary": "document", "shuffle": True}
    for workers in (1, 2):
        window([ids_file], tmp_path / f"{workers}", **kind, workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_folder_of_an_unknown_layout_is_damaged(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(LAYOUTS, written.manifest.layout)
    with pytest.raises(CorruptDataError, match="is damaged") as raised:
        open_shards(str(written.path))
    assert f"the layout is '{written.manifest.layout}'" in str(raised.value.why)


# Verifying


@pytest.mark.parametrize("block_bytes", [1, 40, 1 << 22])
def test_verify_finds_nothing_in_what_window_wrote(
    written: Written, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptprep.shards.shard_checks._BLOCK_BYTES", block_bytes)
    for fast in (False, True):
        assert problems(written.path, fast=fast) == []


def test_verify_finds_a_flipped_bit_in_any_file(copy: Path) -> None:
    for file in sorted(copy.rglob("*.npy")):
        data = file.read_bytes()
        for place in (20, 128, (128 + len(data)) // 2, len(data) - 1):
            with open(file, "r+b") as opened:
                os.pwrite(opened.fileno(), bytes([data[place] ^ 1]), place)
            found = problems(copy)
            assert any(problem.startswith(f"{file.relative_to(copy)}: ") for problem in found), place
            file.write_bytes(data)
    assert problems(copy) == []


def test_verify_finds_impossible_numbers_whose_hashes_match(written: Written, copy: Path) -> None:
    """Also if it does not compare hashes."""
    impossible = {"lengths": L + 1, "starts": 10**12}
    for file in sorted(str(path.relative_to(copy)) for path in copy.rglob("*.npy")):
        number = impossible.get(Path(file).name.partition("-")[0], 60_000)
        change_array(copy, file, partial(np.put, ind=-1, v=number))
        for fast in (False, True):
            assert any(problem.startswith(f"{file}: ") for problem in problems(copy, fast=fast)), file
        for name in (file, "manifest.json"):
            shutil.copy(written.path / name, copy / name)
    assert problems(copy) == []


def swap(array: NDArray[Any]) -> None:
    array[[1, 4]] = array[[4, 1]]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("name", STORING_WINDOWS)
def test_verify_finds_stored_windows_in_the_wrong_order(
    name: str, shuffle: bool, ids_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is right in itself, and the hashes match."""
    folder = tmp_path / "s"
    window([ids_file], folder, **USUAL, layout=name, shuffle=shuffle)
    for file in (folder / "train").glob("*-00000.npy"):
        change_array(folder, f"train/{file.name}", swap)
    for block_bytes in (1, 1 << 22):
        monkeypatch.setattr("gptprep.shards.shard_checks._BLOCK_BYTES", block_bytes)
        (found,) = problems(folder)
        assert "it does not continue the window before it" in found
        assert problems(folder, fast=True) == [found]
