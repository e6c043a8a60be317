"""Shard folders whose seals are valid and whose numbers are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gptprep.errors import CorruptDataError
from gptprep.shards.folder import open_shards
from tests.helpers.cli import Run
from tests.helpers.folders import read_manifest, window, write_manifest
from tests.helpers.verification import verify_folder

STARTS = "train/starts-00000.npy"


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A folder of two documents in the tokens layout."""
    text = tmp_path / "a.txt"
    text.write_text("one two three four five six seven eight nine ten " * 9)
    window([text, text], tmp_path / "s", context_length=8, layout="tokens", boundary="document")
    return tmp_path / "s"


def change_manifest(folder: Path, change: Callable[[Any], object]) -> None:
    """Change the manifest and seal it again."""
    manifest = read_manifest(folder)
    change(manifest)
    write_manifest(folder, manifest)


@pytest.mark.parametrize("wrong", [(1 << 63) - 1, -1, 1 << 40])
def test_window_outside_the_stream_is_damaged_data(run: Run, shards: Path, wrong: int) -> None:
    starts = np.load(shards / STARTS)
    starts[1] = wrong
    np.save(shards / STARTS, starts)
    for numbers in ([1], [1, 2]):
        with pytest.raises(CorruptDataError, match="a window has ids that are not in the split"):
            open_shards(str(shards)).windows("train").take(numbers)
    assert run("embed", "s", "-o", "e", "--dim", "2", "--device", "cpu", "-q").code == 3


def test_manifest_with_too_many_ids_in_the_sources_is_a_problem(shards: Path) -> None:
    assert verify_folder(shards).problems == ()

    def change(manifest: Any) -> None:
        for source in manifest["sources"]:
            source["ids"] = 10**12

    change_manifest(shards, change)
    assert "the sources have" in verify_folder(shards).problems[0].what


def test_window_table_with_an_empty_shard_is_damaged_data(shards: Path) -> None:
    def change(manifest: Any) -> None:
        for array in manifest["splits"]["train"]["table"][0].values():
            array["shape"] = [0]

    change_manifest(shards, change)
    with pytest.raises(CorruptDataError, match="the shape of"):
        verify_folder(shards)


def test_windows_longer_than_a_manifest_may_say_are_not_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    for option in ("-L", "-S"):
        for number in (1 << 32, 10**24):
            done = run("window", "a.txt", "-o", "s", option, str(number), "--boundary", "document")
            assert (done.code, "give at most 4294967295" in done.err) == (2, True)
