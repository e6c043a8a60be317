"""Shard folders: windows as the book has them, read with nothing taken on trust."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep import open_shards
from gptprep.errors import DamagedData, GptprepError, WrongUsage
from gptprep.shards import ShardTask, SplitWindows, rows_per_shard, shard_tasks, write_shard
from gptprep.tokenstore import TokenStream
from tests.conftest import read_manifest, write_manifest
from tests.test_windows import book


@given(
    n_ids=st.integers(0, 80),
    first=st.integers(0, 20),
    context_length=st.integers(1, 9),
    stride=st.integers(1, 15),
    rows=st.integers(1, 5),
    block=st.integers(1, 40),
)
def test_shards_hold_the_books_windows(
    tmp_path_factory: pytest.TempPathFactory,
    n_ids: int,
    first: int,
    context_length: int,
    stride: int,
    rows: int,
    block: int,
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    ids = np.arange(1000, 1000 + first + n_ids, dtype="<u2")
    done: list[int] = []
    middle = len(ids) // 2
    ids[:middle].tofile(folder / "a.bin")
    ids[middle:].tofile(folder / "b.bin")
    parts = [(str(folder / "a.bin"), middle), (str(folder / "b.bin"), len(ids) - middle)]
    TokenStream(parts, ids.dtype, len(ids)).save(str(folder / "index"))
    inputs, targets = book(ids[first:].tolist(), context_length, stride)
    windows = SplitWindows(str(folder / "index"), len(inputs), context_length, stride, first)
    (folder / "train").mkdir()
    tasks = shard_tasks(ShardTask, str(folder), "train", len(inputs), rows, "<u2", windows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gptprep.shards.cutting.BLOCK_BYTES", block)
        shards = [write_shard(task, done.append) for task in tasks]
    assert len(inputs) == sum(done)
    for side, expected in (("inputs", inputs), ("targets", targets)):
        arrays = [np.load(folder / shard[side].file) for shard in shards]
        assert [window for array in arrays for window in array.tolist()] == expected
        assert all(len(array) <= rows for array in arrays)
        for shard in shards:
            array = shard[side]
            assert hashlib.sha256((folder / array.file).read_bytes()).hexdigest() == array.sha256


@given(data=st.data(), sizes=st.lists(st.integers(0, 9), min_size=1, max_size=5), keep=st.booleans())
def test_stretches_from_anywhere_in_a_stream(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, sizes: list[int], keep: bool
) -> None:
    folder = tmp_path_factory.mktemp("stream")
    ids = np.arange(1, sum(sizes) + 1, dtype="<u2")
    parts, begin = [], 0
    for number, size in enumerate(sizes):
        ids[begin : begin + size].tofile(folder / f"{number}.bin")
        parts.append((str(folder / f"{number}.bin"), size))
        begin += size
    n_ids = data.draw(st.integers(0, len(ids)))
    stream = TokenStream(parts, ids.dtype, n_ids, keep_mapped=keep)
    length = data.draw(st.integers(1, 12))
    starts = data.draw(st.lists(st.integers(0, max(0, n_ids - 1)), max_size=20))
    whole = [*ids[:n_ids].tolist(), *[0] * length]
    expected = [whole[start : start + length] for start in starts]
    assert stream.gather(np.array(starts, np.int64), length).tolist() == expected


def test_no_file_is_larger_than_the_shard_size() -> None:
    for size in (148, 1000, 10**6):
        rows = rows_per_shard(size, 10, np.dtype("<u2"))
        assert 128 + rows * 20 <= size < 128 + (rows + 1) * 20
    with pytest.raises(WrongUsage, match="no room for a window"):
        rows_per_shard(147, 10, np.dtype("<u2"))


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return make_shards(tmp_path)


def make_shards(folder: Path, **kind: Any) -> Path:
    from gptprep.pipelines.planning import WindowOptions, plan_window
    from gptprep.pipelines.window import run_window

    (folder / "a.txt").write_text("one two three four five six seven eight nine ten " * 20)
    options = WindowOptions(
        (str(folder / "a.txt"),), str(folder / "out"), 8, 4, "0.2", shard_size=1000, **kind
    )
    run_window(plan_window(options))
    return folder / "out"


def test_a_shard_folder_opens(shards: Path) -> None:
    folder = open_shards(str(shards))
    assert list(folder.manifest.splits) == ["train", "val"]
    for inputs, targets in folder.arrays("train"):
        assert inputs[:, 1:].tolist() == targets[:, :-1].tolist()
    with pytest.raises(WrongUsage, match="no split 'test'"):
        next(folder.arrays("test"))


@pytest.mark.parametrize("golden", ["shards-v3", "documents-v3"])
def test_golden_shards_still_open(golden: str) -> None:
    folder = open_shards(str(Path(__file__).parent / "golden" / golden))
    for name, split in folder.manifest.splits.items():
        assert sum(len(inputs) for inputs, _ in folder.arrays(name)) == split.windows


def test_manifests_of_other_versions_are_refused(shards: Path) -> None:
    manifest = read_manifest(shards)
    write_manifest(shards, {**manifest, "version": 2})
    with pytest.raises(DamagedData, match="has the version 2"):
        open_shards(str(shards))


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "", ".", "a/b", "a\0b", "\ud800"])
def test_names_of_splits_stay_in_the_folder(shards: Path, name: str) -> None:
    manifest = read_manifest(shards)
    copy = {**manifest, "splits": {name: manifest["splits"]["train"]}}
    write_manifest(shards, copy)
    with pytest.raises(DamagedData):
        open_shards(str(shards))


@pytest.mark.parametrize("layout", ["pairs", "tokens"])
@pytest.mark.parametrize("boundary", ["stream", "document"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_single_change_of_the_manifest_is_an_error_or_harmless(
    tmp_path: Path, layout: str, boundary: str, shuffle: bool
) -> None:
    shards = make_shards(tmp_path, layout=layout, boundary=boundary, shuffle=shuffle)
    manifest = read_manifest(shards)

    def variants(value: Any) -> Any:
        """The value with one of its parts replaced."""
        yield from (None, -1, "x", [], {}, 10**30, 5000, 1.5, True, [{}])
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, item in items:
            for variant in variants(item):
                copy = value.copy()
                copy[key] = variant
                yield copy

    errors = 0
    for variant in variants(manifest):
        write_manifest(shards, variant)
        try:
            for inputs, targets in open_shards(str(shards)).arrays("train"):
                assert inputs.shape == targets.shape
        except GptprepError:
            errors += 1
    assert errors > 250


@pytest.mark.parametrize(
    ("role", "value"), [("starts", -5), ("starts", 10**6), ("lengths", 0), ("lengths", 9), ("starts", 10**18)]
)
def test_a_table_that_points_elsewhere_is_damaged(tmp_path: Path, role: str, value: int) -> None:
    shards = make_shards(tmp_path, layout="tokens", boundary="document")
    path = shards / "train" / f"{role}-00000.npy"
    numbers = np.load(path)
    numbers[3] = value
    np.save(path, numbers)
    with pytest.raises(DamagedData, match="the table of windows"):
        open_shards(str(shards)).windows("train").take(range(5))


@pytest.mark.parametrize("kind", [{}, {"layout": "tokens"}, {"layout": "tokens", "shuffle": True}])
def test_windows_beyond_the_split_are_refused(tmp_path: Path, kind: dict[str, Any]) -> None:
    reader = open_shards(str(make_shards(tmp_path, **kind))).windows("train")
    for number in (-1, len(reader), 10**12):
        with pytest.raises(WrongUsage, match=f"window {number} of {len(reader)}"):
            reader.take([0, number])
    windows = reader.take(0)
    assert windows.inputs.shape == (1, 8)
    windows.targets[:] = 0
    assert windows.inputs.any()
    assert len(reader.take([]).inputs) == 0


def test_more_shards_than_files_may_be_open(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    folders = [make_shards(tmp_path)]
    n_windows = len(open_shards(str(folders[0])).windows("train"))
    options = ("window", tmp_path / "a.txt", "-L", "8", "-S", "1", "--shard-size", "170", "-q")
    for layout in ("pairs", "tokens"):
        folders.append(tmp_path / layout)
        command = [
            sys.executable,
            "-m",
            "gptprep",
            *map(str, options),
            "-o",
            str(folders[-1]),
            "--layout",
            layout,
        ]
        subprocess.run(command, check=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        for folder in folders[1:]:
            reader = open_shards(str(folder)).windows("train")
            assert len(reader) > 4 * n_windows
            reader.take(range(len(reader)))
            for inputs, targets in open_shards(str(folder)).arrays("train"):
                assert inputs.shape == targets.shape
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    "file", ["../secret.npy", "/etc/x.npy", "train/../../x.npy", "train/..npy/x.npy", "x.npy"]
)
def test_a_manifest_cannot_reach_outside_its_folder(shards: Path, file: str) -> None:
    manifest = read_manifest(shards)
    manifest["splits"]["train"]["shards"][0]["inputs"]["file"] = file
    write_manifest(shards, manifest)
    with pytest.raises(DamagedData):
        open_shards(str(shards))


def test_files_that_are_not_what_the_manifest_says(shards: Path) -> None:
    path = shards / "train" / "inputs-00000.npy"
    array = np.load(path)
    for wrong in (array[:-1], array.astype("<u4"), array.T.copy()):
        np.save(path, wrong)
        with pytest.raises(DamagedData, match="not what the manifest says"):
            list(open_shards(str(shards)).arrays())
    path.unlink()
    with pytest.raises(DamagedData, match="is missing"):
        list(open_shards(str(shards)).arrays())


@pytest.mark.parametrize(("name", "why"), [("none", "there is no such folder"), (".", "has no manifest")])
def test_folders_that_are_no_shards(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(GptprepError, match=why):
        open_shards(str(tmp_path / name))
