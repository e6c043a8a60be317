"""`verify`: whether a folder is intact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gptprep.errors import CorruptDataError, GptprepError
from tests.helpers.cli import Run
from tests.helpers.folders import make_varied_shards
from tests.helpers.verification import problems, verify_folder


def test_files_that_the_manifest_does_not_name_are_found(tmp_path: Path) -> None:
    path = make_varied_shards(tmp_path)
    (path / "train" / "notes.txt").write_text("mine")
    (path / "more").mkdir()
    assert problems(path) == [
        "more: it is not in the manifest",
        "train/notes.txt: it is not in the manifest",
    ]


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_other_folders_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(GptprepError, match="is not a shard folder"):
        verify_folder(tmp_path / name)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": "gptprep-embeddings"}', "null"])
def test_manifest_that_holds_something_else_is_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(CorruptDataError):
        verify_folder(tmp_path)


# At the shell


def test_intact_folder_exits_0(run: Run, tmp_path: Path) -> None:
    make_varied_shards(tmp_path)
    done = run("verify", "s")
    assert (done.code, done.out) == (0, b"")
    assert "✓ s is intact: " in done.err
    fast = run("verify", "s", "--fast", "--json")
    assert (fast.code, json.loads(fast.out)["problems"], json.loads(fast.out)["hashed"]) == (0, [], False)


def test_damaged_folder_exits_3_and_names_its_files(run: Run, tmp_path: Path) -> None:
    path = make_varied_shards(tmp_path)
    (path / "train" / "inputs-00000.npy").unlink()
    (path / "val" / "inputs-00000.npy").write_bytes(b"")
    done = run("verify", "s")
    assert (done.code, done.out) == (3, b"")
    assert "✗ train/inputs-00000.npy: it is missing\n" in done.err
    assert "error: s is damaged\n  why: train/inputs-00000.npy: it is missing (and 1 more)\n" in done.err
    found = run("verify", "s", "--json")
    assert found.code == 3
    assert [problem["file"] for problem in json.loads(found.out)["problems"]] == [
        "train/inputs-00000.npy",
        "val/inputs-00000.npy",
    ]


def test_intact_embeddings_exit_0(run: Run, tmp_path: Path) -> None:
    make_varied_shards(tmp_path)
    assert run("embed", "s", "-o", "e", "--dim", "3", "--device", "cpu", "-q").code == 0
    assert run("verify", "e").code == 0
