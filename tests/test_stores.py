""".npy headers, ids files, shard folders: written as numpy writes, read with nothing taken on trust."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep import npy, open_shards
from gptprep.errors import DamagedData, GptprepError, WrongUsage
from gptprep.shards import ShardTask, SplitWindows, rows_per_shard, shard_tasks, write_shard
from gptprep.tokenstore import IdsFile, IdsWriter, TokenStream, id_dtype
from tests.test_windows import book

# .npy


@given(st.lists(st.integers(0, 20), max_size=4).map(tuple), st.sampled_from(["<u2", "<u4", "<i8", "<f4"]))
def test_headers_are_those_of_numpy_save(shape: tuple[int, ...], dtype: str) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(shape, dtype))
    header = npy.header(shape, np.dtype(dtype))
    assert buffer.getvalue().startswith(header)
    assert len(buffer.getvalue()) == len(header) + np.zeros(shape, dtype).nbytes


def test_arrays_come_back(tmp_path: Path) -> None:
    for array in (
        np.arange(6, dtype="<u2").reshape(2, 3),
        np.zeros((0, 5), "<u4"),
        np.array([1.5], np.float32),
    ):
        np.save(tmp_path / "a.npy", array)
        opened = npy.open_array(str(tmp_path / "a.npy"))
        assert (opened.dtype, opened.tolist()) == (array.dtype, array.tolist())
        assert not opened.flags.writeable or 0 in array.shape


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.array([{}]), "holds .O data"),
        (np.zeros(3, ">u2"), "holds >u2 data"),
        (np.asfortranarray(np.zeros((2, 3), "<u2")), "Fortran"),
        (np.array(["text"]), "holds <U4 data"),
        (np.zeros(2, [("a", "<u2")]), "of numbers"),
        (np.zeros(2, bool), "data"),
    ],
)
def test_arrays_of_other_kinds_are_refused(tmp_path: Path, array: Any, what: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(DamagedData, match=what):
        npy.open_array(str(tmp_path / "a.npy"))


def test_a_file_cut_at_any_length_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6, dtype="<u2"))
    data = (tmp_path / "a.npy").read_bytes()
    for changed in [*(data[:length] for length in range(len(data))), data + b"x"]:
        (tmp_path / "b.npy").write_bytes(changed)
        with pytest.raises(DamagedData):
            npy.open_array(str(tmp_path / "b.npy"))


@pytest.mark.parametrize(
    "shape",
    [
        "(10000000000000,)",
        "(-1,)",
        "(1.5,)",
        "'x'",
        "(" * 500,
        "(2,), 'x': (3",
        "(0, 1152921504606846976)",
        str((1,) * 65),
    ],
)
def test_headers_that_lie_are_refused(tmp_path: Path, shape: str) -> None:
    text = f"{{'descr': '<u2', 'fortran_order': False, 'shape': {shape}, }}"
    header = text.encode().ljust(117) + b"\n"
    (tmp_path / "a.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"12"
    )
    with pytest.raises(DamagedData):
        npy.open_array(str(tmp_path / "a.npy"))


# Files of ids


@given(st.lists(st.lists(st.integers(0, 70_000), max_size=9), max_size=5), st.booleans())
def test_ids_files_are_plain_arrays(chunks: list[list[int]], header: bool) -> None:
    for n_vocab in (70_001, 1 << 16):
        kept = [[n % n_vocab for n in chunk] for chunk in chunks]
        file = io.BytesIO()
        writer = IdsWriter(file, n_vocab, npy_header=header)
        for chunk in kept:
            writer.append(np.array(chunk, np.uint32))
        writer.finish()
        ids = np.array([n for chunk in kept for n in chunk], id_dtype(n_vocab))
        expected = io.BytesIO()
        np.save(expected, ids)
        assert file.getvalue() == (expected.getvalue() if header else ids.tobytes())
        assert len(writer) == len(ids)


@pytest.mark.parametrize(
    ("n_vocab", "name"), [(2, "uint16"), (65536, "uint16"), (65537, "uint32"), (1 << 32, "uint32")]
)
def test_the_smallest_dtype_that_holds_all_ids(n_vocab: int, name: str) -> None:
    assert id_dtype(n_vocab).name == name
    assert n_vocab - 1 <= np.iinfo(name).max


def test_a_vocabulary_that_no_dtype_holds() -> None:
    with pytest.raises(GptprepError, match="too large"):
        id_dtype((1 << 32) + 1)


def test_ids_out_of_range_are_never_narrowed(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        writer = IdsWriter(file, 10, npy_header=False)
        writer.append(np.array([9, 0], np.uint32))
        with pytest.raises(GptprepError, match="the id 10 at position 3"):
            writer.append(np.array([1, 10, 11], np.uint32))


def test_ranges_of_an_ids_file(tmp_path: Path) -> None:
    ids = np.arange(100, dtype="<u2")
    np.save(tmp_path / "a.npy", ids)
    ids.tofile(tmp_path / "a.bin")
    for name in ("a.npy", "a.bin"):
        with IdsFile(str(tmp_path / name), np.dtype("<u2")) as file:
            assert len(file) == 100
            assert file.read(0, 1000).tolist() == list(range(100))
            assert file.read(7, 9).tolist() == [7, 8]
            assert file.read(9, 7).tolist() == []


def test_ids_files_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.bin")
    with pytest.raises(GptprepError, match="is not a regular file"):
        IdsFile(str(tmp_path / "a.bin"), np.dtype("<u2"))


@pytest.mark.parametrize("array", [np.zeros((2, 2), "<u2"), np.zeros(2, "<f4")])
def test_arrays_that_are_no_ids(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DamagedData, match="not a file of ids"):
        IdsFile(str(tmp_path / "a.npy"), np.dtype("<u2"))


def test_raw_ids_cut_short(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"123")
    with pytest.raises(DamagedData, match="cut short"):
        IdsFile(str(tmp_path / "a.bin"), np.dtype("<u2"))


# Shards


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
    from gptprep.pipelines.planning import WindowOptions, plan_window
    from gptprep.pipelines.window import run_window

    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 20)
    options = WindowOptions((str(tmp_path / "a.txt"),), str(tmp_path / "out"), 8, 4, "0.2", shard_size=1000)
    run_window(plan_window(options))
    return tmp_path / "out"


def test_a_shard_folder_opens(shards: Path) -> None:
    folder = open_shards(str(shards))
    assert list(folder.manifest.splits) == ["train", "val"]
    for inputs, targets in folder.arrays("train"):
        assert inputs[:, 1:].tolist() == targets[:, :-1].tolist()
    with pytest.raises(WrongUsage, match="no split 'test'"):
        next(folder.arrays("test"))


@pytest.mark.parametrize("golden", ["shards-v1", "documents-v1"])
def test_golden_shards_still_open(golden: str) -> None:
    folder = open_shards(str(Path(__file__).parent / "golden" / golden))
    for name, split in folder.manifest.splits.items():
        assert sum(len(inputs) for inputs, _ in folder.arrays(name)) == split.windows


def test_manifests_of_other_versions_are_refused(shards: Path) -> None:
    manifest = json.loads((shards / "manifest.json").read_text())
    (shards / "manifest.json").write_text(json.dumps({**manifest, "version": 2}))
    with pytest.raises(DamagedData, match="has the version 2"):
        open_shards(str(shards))


def test_every_single_change_of_the_manifest_is_an_error_or_harmless(shards: Path) -> None:
    manifest = json.loads((shards / "manifest.json").read_text())

    def variants(value: Any) -> Any:
        """The value with one of its parts replaced."""
        yield from (None, -1, "x", [], {}, 10**30, 1.5, True)
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, item in items:
            for variant in variants(item):
                copy = value.copy()
                copy[key] = variant
                yield copy

    errors = 0
    for name in ("../x", "/tmp/x", "", ".", "a/b", "a\0b", "\ud800"):
        copy = {**manifest, "splits": {name: manifest["splits"]["train"]}}
        (shards / "manifest.json").write_text(json.dumps(copy))
        with pytest.raises(DamagedData):
            open_shards(str(shards))
    for variant in variants(manifest):
        (shards / "manifest.json").write_text(json.dumps(variant))
        try:
            list(open_shards(str(shards)).arrays("train"))
        except GptprepError:
            errors += 1
    assert errors > 300


@pytest.mark.parametrize(
    "file", ["../secret.npy", "/etc/x.npy", "train/../../x.npy", "train/..npy/x.npy", "x.npy"]
)
def test_a_manifest_cannot_reach_outside_its_folder(shards: Path, file: str) -> None:
    manifest = json.loads((shards / "manifest.json").read_text())
    manifest["splits"]["train"]["shards"][0]["inputs"]["file"] = file
    (shards / "manifest.json").write_text(json.dumps(manifest))
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
