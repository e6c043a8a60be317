"""What `verify` finds in a folder of embeddings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gptprep.errors import CorruptDataError
from tests.helpers.folders import make_varied_shards, read_manifest, write_manifest
from tests.helpers.fork_server import ForkServer
from tests.helpers.verification import problems, verify_folder


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, fork_server: Callable[[str], ForkServer]) -> Path:
    """A small folder of embeddings. It is not changed."""
    folder = tmp_path_factory.mktemp("embeddings")
    make_varied_shards(folder)
    command = ["embed", "s", "-o", "e", "--dim", "3", "--device", "cpu", "-q"]
    code, _, messages = fork_server("embed").run(command, folder, dict(os.environ), b"")
    assert code == 0, messages
    return folder / "e"


@pytest.fixture
def embeddings(written: Path, tmp_path: Path) -> Path:
    """A folder of embeddings, to be damaged."""
    return Path(shutil.copytree(written, tmp_path / "e"))


def test_embeddings_are_intact(written: Path) -> None:
    assert problems(written) == []
    assert problems(written, fast=True) == []


@pytest.mark.parametrize("file", ["weights.safetensors", "train/embeddings-00000.npy"])
def test_changed_missing_and_truncated_files_are_found(embeddings: Path, file: str) -> None:
    path = embeddings / file
    data = path.read_bytes()
    for changed in (data[:-1] + b"x", None, data[:-1]):
        path.unlink(missing_ok=True)
        if changed is not None:
            path.write_bytes(changed)
        for fast in (False, True) if changed is None or len(changed) < len(data) else (False,):
            assert [problem.split(":")[0] for problem in problems(embeddings, fast=fast)] == [file]
    path.write_bytes(data)
    assert problems(embeddings) == []


CHANGES: list[dict[str, Any]] = [
    {"version": 9},
    {"dtype": "int8"},
    {"dim": 4},
    {"dim": 0},
    {"context_length": 0},
    {"splits": {"../x": "train"}},
    {"splits": 3},
    {"weights": {"file": "../w", "sha256": ""}},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_manifest_with_an_impossible_value_is_damaged(embeddings: Path, change: dict[str, Any]) -> None:
    manifest = read_manifest(embeddings)
    if change == {"splits": {"../x": "train"}}:
        change = {"splits": {"../x": manifest["splits"]["train"]}}
    write_manifest(embeddings, {**manifest, **change})
    with pytest.raises(CorruptDataError):
        verify_folder(embeddings)
