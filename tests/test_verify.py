"""`verify`: what holds, what does not, and where."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gptprep.errors import DamagedData, GptprepError
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.verify import verify_folder
from gptprep.pipelines.window import run_window
from gptprep.shards import HashedFile
from tests.conftest import Run, read_manifest, write_manifest

L, S = 8, 5
KINDS = [
    {"layout": layout, "boundary": boundary, "shuffle": shuffle, "split_by": split_by}
    for layout, boundary, shuffle, split_by in itertools.product(
        ["pairs", "tokens"], ["stream", "document"], [False, True], ["tail", "document"]
    )
]


def make(folder: Path, stride: int = S, **kind: Any) -> Path:
    """Several shards in train, documents of many lengths, a val split."""
    lines = [" ".join(f"word{number * n}" for number in range(n)) for n in (30, 1, 3, 50, 8, 2, 40, 17, 9, 4)]
    for number, line in enumerate(lines):
        (folder / f"{number}.txt").write_text(line)
    options = WindowOptions(
        (str(folder / "*.txt"),), str(folder / "s"), L, stride, "0.3", shard_size=400, **kind
    )
    run_window(plan_window(options))
    return folder / "s"


def problems(path: Path, **options: Any) -> list[str]:
    return [f"{problem.file}: {problem.what}" for problem in verify_folder(str(path), **options).problems]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
@pytest.mark.parametrize("stride", [3, L, 11])
@pytest.mark.parametrize("block", [1, 40, 1 << 22])
def test_what_window_writes_is_whole(
    tmp_path: Path, kind: dict[str, Any], stride: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path, stride, **kind)
    monkeypatch.setattr("gptprep.shards.verifying._BLOCK_BYTES", block)
    for fast in (False, True):
        report = verify_folder(str(path), fast=fast)
        assert (report.problems, report.hashed) == ((), not fast)
    files = [file for file in path.rglob("*") if file.is_file()]
    assert report.files == len(files)
    assert (
        report.bytes == sum(file.stat().st_size for file in files) - (path / "manifest.json").stat().st_size
    )


@pytest.mark.parametrize("kind", KINDS[::2], ids=lambda kind: "-".join(map(str, kind.values())))
def test_every_byte_counts(tmp_path: Path, kind: dict[str, Any]) -> None:
    """A flip of any byte of any file but the manifest is found, and named by file."""
    path = make(tmp_path, **kind)
    for file in sorted(path.rglob("*.npy"))[:4]:
        data = file.read_bytes()
        for place in [*range(0, 128, 5), *range(128, len(data), 37), len(data) - 1]:
            changed = bytearray(data)
            changed[place] ^= 1 << place % 8
            file.write_bytes(changed)
            found = problems(path)
            assert any(problem.startswith(f"{file.relative_to(path)}: ") for problem in found), place
        file.write_bytes(data)
    assert problems(path) == []


@pytest.mark.parametrize("kind", KINDS[::4], ids=lambda kind: "-".join(map(str, kind.values())))
def test_a_file_of_any_other_length_is_found(tmp_path: Path, kind: dict[str, Any]) -> None:
    path = make(tmp_path, **kind)
    for file in sorted(path.rglob("*.npy"))[:3]:
        data = file.read_bytes()
        for changed in (*(data[:size] for size in range(0, len(data), 11)), data + b"\0"):
            file.write_bytes(changed)
            assert len(problems(path, fast=True)) >= 1
        file.unlink()
        assert problems(path) == [f"{file.relative_to(path)}: it is missing"]
        file.write_bytes(data)
    assert problems(path) == []


def rewrite(path: Path, file: str, change: Callable[[Any], None]) -> None:
    """Change an array, and the manifest with it, as if it had been written so."""
    array = np.load(path / file)
    change(array)
    np.save(path / file, array)
    manifest = read_manifest(path)
    for described in manifest["splits"].values():
        for shard in described["shards"] + described["table"]:
            for entry in shard.values():
                if entry["file"] == file:
                    entry["sha256"] = hashlib.sha256((path / file).read_bytes()).hexdigest()
    write_manifest(path, manifest)


def set_to(*place: int, value: int) -> Callable[[Any], None]:
    def change(array: Any) -> None:
        array[place] = value

    return change


WRONG: list[tuple[dict[str, Any], str, Callable[[Any], None], str]] = [
    ({}, "train/targets-00001.npy", set_to(3, 2, value=7), "position 2: the target 7 is not the next input"),
    ({}, "train/targets-00001.npy", set_to(3, 7, value=7), "it does not go on from the window before it"),
    ({}, "train/inputs-00001.npy", set_to(0, 0, value=7), "it does not go on from the window before it"),
    (
        {},
        "train/inputs-00000.npy",
        set_to(4, 5, value=60_000),
        "window 4, position 5: the id 60000 ",
    ),
    (
        {"layout": "tokens"},
        "train/tokens-00000.npy",
        set_to(9, value=60_000),
        "id 9: the id 60000 ",
    ),
    ({"shuffle": True}, "train/inputs-00001.npy", set_to(3, 0, value=7), "is before it in the text"),
    ({"shuffle": True}, "val/targets-00000.npy", set_to(1, 7, value=7), "is before it in the text"),
    ({"boundary": "document"}, "train/lengths-00000.npy", set_to(2, value=9), "window 2: the length is 9"),
    ({"boundary": "document"}, "train/lengths-00000.npy", set_to(2, value=0), "window 2: the length is 0"),
    (
        {"boundary": "document"},
        "val/lengths-00000.npy",
        lambda array: array.fill(L),
        "val has 0 ids of padding",
    ),
    (
        {"boundary": "document", "layout": "tokens"},
        "train/starts-00000.npy",
        set_to(2, value=10**12),
        "window 2: the start 1000000000000 is not in the",
    ),
    (
        {"boundary": "document", "layout": "tokens"},
        "train/starts-00000.npy",
        set_to(3, value=0),
        "window 3: the starts do not rise",
    ),
    (
        {"boundary": "document", "layout": "tokens"},
        "train/lengths-00000.npy",
        set_to(0, value=1),
        "manifest.json: train has ",
    ),
]


@pytest.mark.parametrize(("kind", "file", "change", "what"), WRONG, ids=[row[3] for row in WRONG])
def test_numbers_that_cannot_be_are_found_though_the_hashes_hold(
    tmp_path: Path, kind: dict[str, Any], file: str, change: Callable[[Any], None], what: str
) -> None:
    path = make(tmp_path, **kind)
    rewrite(path, file, change)
    found = problems(path)
    assert any(what in problem for problem in found), found
    assert not any("sha256" in problem for problem in found)


def swap(array: Any) -> None:
    array[[1, 4]] = array[[4, 1]]


@pytest.mark.parametrize("stride", [3, L])
@pytest.mark.parametrize("shuffle", [False, True])
def test_windows_that_have_changed_places_are_found(tmp_path: Path, shuffle: bool, stride: int) -> None:
    """Each is right in itself, and the hashes hold."""
    path = make(tmp_path, stride, shuffle=shuffle)
    for file in ("train/inputs-00001.npy", "train/targets-00001.npy"):
        rewrite(path, file, swap)
    found = problems(path)
    assert len(found) == 1
    assert "it does not go on from the window" in found[0]
    assert problems(path, fast=True) == found


def test_what_is_not_in_the_manifest_is_found(tmp_path: Path) -> None:
    path = make(tmp_path)
    (path / "train" / "notes.txt").write_text("mine")
    (path / "more").mkdir()
    assert problems(path) == [
        "more: it is not in the manifest",
        "train/notes.txt: it is not in the manifest",
    ]


@pytest.mark.parametrize("kind", KINDS[::3], ids=lambda kind: "-".join(map(str, kind.values())))
def test_shards_that_have_changed_places_are_found(tmp_path: Path, kind: dict[str, Any]) -> None:
    path = make(tmp_path, **kind)
    manifest = read_manifest(path)
    shards = manifest["splits"]["train"]["shards"]
    shards[0], shards[1] = shards[1], shards[0]
    write_manifest(path, manifest)
    with pytest.raises(DamagedData, match="is not train/"):
        verify_folder(str(path))


@pytest.mark.parametrize("change", [{"dropped_tail": 1_000}, {"dropped_gaps": 7}, {"padding": 3}])
def test_what_a_split_drops_is_recounted(tmp_path: Path, change: dict[str, int]) -> None:
    path = make(tmp_path)
    manifest = read_manifest(path)
    manifest["splits"]["train"] |= change
    write_manifest(path, manifest)
    assert problems(path) == ["manifest.json: train drops other ids than it says"]


def test_a_file_that_shrinks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path)
    real = HashedFile.read

    def read(file: HashedFile, rows: int) -> Any:
        if file.array.file == "train/targets-00001.npy" and file._hash:
            os.truncate(path / file.array.file, 140)
        return real(file, rows)

    monkeypatch.setattr(HashedFile, "read", read)
    assert problems(path) == ["train/targets-00001.npy: it became shorter while it was read"]


def test_splits_that_have_more_ids_than_the_stream_overlap(tmp_path: Path) -> None:
    path = make(tmp_path)
    manifest = read_manifest(path)
    manifest["ids"] -= 3
    write_manifest(path, manifest)
    assert "manifest.json: the splits have" in problems(path)[0]


def test_what_is_no_folder_of_ours(tmp_path: Path) -> None:
    for name in ("nowhere", "."):
        with pytest.raises(GptprepError, match="is not a shard folder"):
            verify_folder(str(tmp_path / name))
    for text in ("", "{", "[]", '{"format": 1}', '{"format": "gptprep-embeddings"}', "null"):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(DamagedData):
            verify_folder(str(tmp_path))


def test_at_the_shell(run: Run, tmp_path: Path) -> None:
    path = make(tmp_path)
    done = run("verify", "s")
    assert (done.code, done.out) == (0, b"")
    assert "✓ s is whole: " in done.err
    fast = run("verify", "s", "--fast", "--json")
    assert (fast.code, json.loads(fast.out)["problems"], json.loads(fast.out)["hashed"]) == (0, [], False)
    (path / "train" / "inputs-00000.npy").unlink()
    (path / "val" / "inputs-00000.npy").write_bytes(b"")
    done = run("verify", "s")
    assert (done.code, done.out) == (3, b"")
    assert "✗ train/inputs-00000.npy: it is missing\n" in done.err
    assert "error: s is not whole\n  why: train/inputs-00000.npy: it is missing (and 1 more)\n" in done.err
    found = run("verify", "s", "--json")
    assert found.code == 3
    assert [problem["file"] for problem in json.loads(found.out)["problems"]] == [
        "train/inputs-00000.npy",
        "val/inputs-00000.npy",
    ]


def test_embeddings_are_verified_too(run: Run, tmp_path: Path) -> None:
    make(tmp_path)
    assert run("embed", "s", "-o", "e", "--dim", "3", "--device", "cpu", "-q").code == 0
    assert run("verify", "e").code == 0
    for file in ("weights.safetensors", "train/embeddings-00000.npy"):
        path = tmp_path / "e" / file
        data = path.read_bytes()
        for changed in (data[:-1] + b"x", None, data[:-1]):
            path.unlink(missing_ok=True)
            if changed is not None:
                path.write_bytes(changed)
            for fast in (False, True) if changed is None or len(changed) < len(data) else (False,):
                found = problems(tmp_path / "e", fast=fast)
                assert [problem.split(":")[0] for problem in found] == [file]
        path.write_bytes(data)
    assert problems(tmp_path / "e") == []
    manifest = read_manifest(tmp_path / "e")
    changes: list[dict[str, Any]] = [
        {"version": 9},
        {"dtype": "int8"},
        {"dim": 4},
        {"dim": 0},
        {"context_length": 0},
        {"splits": {"../x": manifest["splits"]["train"]}},
        {"splits": 3},
        {"weights": {"file": "../w", "sha256": ""}},
    ]
    for change in changes:
        write_manifest(tmp_path / "e", {**manifest, **change})
        with pytest.raises(DamagedData):
            verify_folder(str(tmp_path / "e"))
