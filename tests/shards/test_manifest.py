"""Manifests of shard folders, which may hold anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gptprep import open_shards
from gptprep.errors import CorruptDataError, GptprepError
from tests.helpers.folders import make_shards, read_manifest, write_manifest


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A small shard folder."""
    return make_shards(tmp_path)


def test_manifest_of_another_version_is_refused(shards: Path) -> None:
    write_manifest(shards, {**read_manifest(shards), "version": 2})
    with pytest.raises(CorruptDataError, match="has the version 2"):
        open_shards(str(shards))


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "", ".", "a/b", "a\0b", "\ud800"])
def test_split_name_that_leaves_the_folder_is_refused(shards: Path, name: str) -> None:
    manifest = read_manifest(shards)
    write_manifest(shards, {**manifest, "splits": {name: manifest["splits"]["train"]}})
    with pytest.raises(CorruptDataError):
        open_shards(str(shards))


@pytest.mark.parametrize(
    "file", ["../secret.npy", "/etc/x.npy", "train/../../x.npy", "train/..npy/x.npy", "x.npy"]
)
def test_file_name_that_leaves_the_folder_is_refused(shards: Path, file: str) -> None:
    manifest = read_manifest(shards)
    manifest["splits"]["train"]["shards"][0]["inputs"]["file"] = file
    write_manifest(shards, manifest)
    with pytest.raises(CorruptDataError):
        open_shards(str(shards))


def variants(value: Any) -> Iterator[Any]:
    """A JSON value with one value in it, or itself, replaced."""
    yield from (None, -1, "x", [], {}, 10**30, 5000, 1.5, True, [{}])
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        for variant in variants(item):
            copy = value.copy()
            copy[key] = variant
            yield copy


@pytest.mark.faults
@pytest.mark.parametrize("layout", ["pairs", "tokens"])
@pytest.mark.parametrize("boundary", ["stream", "document"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_any_changed_value_is_an_error_or_harmless(
    tmp_path: Path, layout: str, boundary: str, shuffle: bool
) -> None:
    shards = make_shards(tmp_path, layout=layout, boundary=boundary, shuffle=shuffle)
    errors = 0
    for variant in variants(read_manifest(shards)):
        write_manifest(shards, variant)
        try:
            for inputs, targets in open_shards(str(shards)).arrays("train"):
                assert inputs.shape == targets.shape
        except GptprepError:
            errors += 1
    assert errors > 250
