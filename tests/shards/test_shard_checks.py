"""What `verify` finds in shards: damaged files, and numbers that contradict each other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gptprep.errors import CorruptDataError
from gptprep.shards.arrays import ArrayReader
from tests.helpers.folders import change_array, make_varied_shards, read_manifest, write_manifest
from tests.helpers.verification import KINDS, kind_name, problems, verify_folder

L = 8
DOCUMENT = {"boundary": "document"}
TABLE = {"boundary": "document", "layout": "tokens"}


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
@pytest.mark.parametrize("stride", [3, L, 11])
def test_what_window_writes_is_intact(
    tmp_path: Path, kind: dict[str, Any], stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_varied_shards(tmp_path, stride=stride, **kind)
    files = [file for file in path.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files if file.name != "manifest.json")
    for block_bytes in (1, 40, 1 << 22):
        monkeypatch.setattr("gptprep.shards.shard_checks._BLOCK_BYTES", block_bytes)
        for fast in (False, True):
            report = verify_folder(path, fast=fast)
            assert (report.problems, report.hashed) == ((), not fast)
            assert (report.files, report.bytes) == (len(files), size)


@pytest.mark.parametrize("kind", KINDS[::2], ids=kind_name)
def test_flipped_bit_is_found_in_its_file(tmp_path: Path, kind: dict[str, Any]) -> None:
    path = make_varied_shards(tmp_path, **kind)
    for file in sorted(path.rglob("*.npy"))[:4]:
        data = file.read_bytes()
        with open(file, "r+b") as opened:
            for place in [*range(0, 128, 5), *range(128, len(data), 37), len(data) - 1]:
                os.pwrite(opened.fileno(), bytes([data[place] ^ 1 << place % 8]), place)
                found = problems(path)
                assert any(problem.startswith(f"{file.relative_to(path)}: ") for problem in found), place
                os.pwrite(opened.fileno(), data[place : place + 1], place)
    assert problems(path) == []


@pytest.mark.parametrize("kind", KINDS[::4], ids=kind_name)
def test_file_of_any_other_length_is_found(tmp_path: Path, kind: dict[str, Any]) -> None:
    path = make_varied_shards(tmp_path, **kind)
    for file in sorted(path.rglob("*.npy"))[:3]:
        data = file.read_bytes()
        for changed in (*(data[:size] for size in range(0, len(data), 11)), data + b"\0"):
            file.write_bytes(changed)
            assert len(problems(path, fast=True)) >= 1
        file.unlink()
        assert problems(path) == [f"{file.relative_to(path)}: it is missing"]
        file.write_bytes(data)
    assert problems(path) == []


def set_to(*place: int, value: int) -> Callable[[Any], None]:
    def change(array: Any) -> None:
        array[place] = value

    return change


def set_all(value: int) -> Callable[[Any], None]:
    return lambda array: array.fill(value)


@pytest.mark.parametrize(
    ("kind", "file", "change", "what"),
    [
        ({}, "targets-00001", set_to(3, 2, value=7), "position 2: the target 7 is not the next input"),
        ({}, "targets-00001", set_to(3, 7, value=7), "it does not continue the window before it"),
        ({}, "inputs-00001", set_to(0, 0, value=7), "it does not continue the window before it"),
        ({}, "inputs-00000", set_to(4, 5, value=60_000), "window 4, position 5: the id 60000 "),
        ({"layout": "tokens"}, "tokens-00000", set_to(9, value=60_000), "id 9: the id 60000 "),
        ({"shuffle": True}, "inputs-00001", set_to(3, 0, value=7), "the window before it in the text"),
        (
            {"shuffle": True},
            "../val/targets-00000",
            set_to(1, 7, value=7),
            "the window before it in the text",
        ),
        (DOCUMENT, "lengths-00000", set_to(2, value=9), "window 2: the length is 9"),
        (DOCUMENT, "lengths-00000", set_to(2, value=0), "window 2: the length is 0"),
        (DOCUMENT, "../val/lengths-00000", set_all(L), "val has 0 ids of padding"),
        (TABLE, "starts-00000", set_to(2, value=10**12), "window 2: the start 1000000000000 is not in the"),
        (TABLE, "starts-00000", set_to(3, value=0), "window 3: the starts do not increase"),
        (TABLE, "lengths-00000", set_to(0, value=1), "manifest.json: train has "),
    ],
)
def test_impossible_number_is_found_though_its_hash_matches(
    tmp_path: Path, kind: dict[str, Any], file: str, change: Callable[[Any], None], what: str
) -> None:
    path = make_varied_shards(tmp_path, **kind)
    change_array(path, os.path.normpath(f"train/{file}.npy"), change)
    found = problems(path)
    assert any(what in problem for problem in found), found
    assert not any("sha256" in problem for problem in found)


def swap(array: Any) -> None:
    array[[1, 4]] = array[[4, 1]]


@pytest.mark.parametrize("stride", [3, L])
@pytest.mark.parametrize("shuffle", [False, True])
def test_windows_in_the_wrong_order_are_found(tmp_path: Path, shuffle: bool, stride: int) -> None:
    """Each is right in itself, and the hashes match."""
    path = make_varied_shards(tmp_path, stride=stride, shuffle=shuffle)
    for file in ("train/inputs-00001.npy", "train/targets-00001.npy"):
        change_array(path, file, swap)
    found = problems(path)
    assert len(found) == 1
    assert "it does not continue the window" in found[0]
    assert problems(path, fast=True) == found


@pytest.mark.parametrize("kind", KINDS[::3], ids=kind_name)
def test_shards_in_the_wrong_order_are_found(tmp_path: Path, kind: dict[str, Any]) -> None:
    path = make_varied_shards(tmp_path, **kind)
    manifest = read_manifest(path)
    shards = manifest["splits"]["train"]["shards"]
    shards[0], shards[1] = shards[1], shards[0]
    write_manifest(path, manifest)
    with pytest.raises(CorruptDataError, match="is not train/"):
        verify_folder(path)


@pytest.mark.parametrize("change", [{"dropped_tail": 1_000}, {"dropped_gaps": 7}, {"padding": 3}], ids=str)
def test_dropped_ids_and_padding_are_counted_again(tmp_path: Path, change: dict[str, int]) -> None:
    path = make_varied_shards(tmp_path)
    manifest = read_manifest(path)
    manifest["splits"]["train"] |= change
    write_manifest(path, manifest)
    assert problems(path) == [
        "manifest.json: train: dropped_tail, dropped_gaps or padding do not follow from its ids"
    ]


def test_splits_with_more_ids_than_the_stream_are_found(tmp_path: Path) -> None:
    path = make_varied_shards(tmp_path)
    manifest = read_manifest(path)
    manifest["ids"] -= 3
    write_manifest(path, manifest)
    assert "manifest.json: the splits have" in problems(path)[0]


def test_file_that_becomes_shorter_while_it_is_read_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_varied_shards(tmp_path)
    read_rows = ArrayReader.read

    def read(reader: ArrayReader, rows: int) -> Any:
        if reader.array.file == "train/targets-00001.npy" and reader._hash:
            os.truncate(path / reader.array.file, 140)
        return read_rows(reader, rows)

    monkeypatch.setattr(ArrayReader, "read", read)
    assert problems(path) == ["train/targets-00001.npy: it became shorter while it was read"]
