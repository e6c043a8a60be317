"""`verify`: whether a folder is intact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gptprep.errors import CorruptDataError, GptprepError
from tests.helpers.cli import Run
from tests.helpers.deep_trees import DeepTree
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


def test_files_that_desktops_leave_are_no_problem(tmp_path: Path) -> None:
    path = make_varied_shards(tmp_path)
    (path / ".DS_Store").write_text("x")
    (path / "train" / "Thumbs.db").write_text("x")
    assert problems(path) == []


def test_folder_with_a_deep_tree_in_it_is_read(tmp_path: Path, deep_tree: DeepTree) -> None:
    path = make_varied_shards(tmp_path)
    deep_tree(1500, "folder", "s/more")
    assert problems(path) == ["more: it is not in the manifest"]


@pytest.mark.parametrize(
    ("name", "why"), [("nowhere", "no such folder"), (".", "no manifest.json"), ("a.txt", "it is a file")]
)
def test_what_is_not_our_folder_is_refused(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(GptprepError, match=f"is not a folder of shards or embeddings: .*{why}") as caught:
        verify_folder(tmp_path / name)
    assert caught.value.fix == "name a folder that `gptprep window` or `gptprep embed` wrote"


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


@pytest.mark.parametrize(
    ("file", "text", "fix", "way"),
    [
        ("notes.txt", "mine", "remove what is not in the manifest", "notes.txt is not in its manifest.json"),
        ("manifest.json", "{", "remove the folder and write it again", "its manifest.json is damaged"),
    ],
)
def test_what_keeps_a_folder_from_being_replaced_is_named(
    run: Run, tmp_path: Path, file: str, text: str, fix: str, way: str
) -> None:
    path = make_varied_shards(tmp_path)
    (path / file).write_text(text)
    done = run("verify", "s")
    assert (done.code, done.err.splitlines()[-1]) == (3, f"  fix: {fix}")
    done = run("window", "0.txt", "-o", "s", "-L", "8", "--force")
    assert (done.code, way in done.err) == (1, True)
    assert "remove the file or the folder yourself" in done.err
