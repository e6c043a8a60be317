"""Opening shard folders."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from gptprep import choices, open_shards
from gptprep.errors import CorruptDataError, GptprepError, UsageError
from gptprep.shards.folder import LAYOUTS
from tests.helpers.folders import make_shards
from tests.helpers.paths import GOLDEN


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A small shard folder."""
    return make_shards(tmp_path)


def test_shard_folder_opens(shards: Path) -> None:
    folder = open_shards(str(shards))
    assert list(folder.manifest.splits) == ["train", "val"]
    for inputs, targets in folder.arrays("train"):
        assert inputs[:, 1:].tolist() == targets[:, :-1].tolist()


def test_unknown_split_is_a_usage_error(shards: Path) -> None:
    with pytest.raises(UsageError, match="no split 'test'"):
        next(open_shards(str(shards)).arrays("test"))


@pytest.mark.parametrize("golden", ["shards-v3", "documents-v3", "shards-v4", "documents-v4"])
def test_golden_shards_still_open(golden: str) -> None:
    folder = open_shards(str(GOLDEN / golden))
    for name, split in folder.manifest.splits.items():
        assert sum(len(inputs) for inputs, _ in folder.arrays(name)) == split.windows


def test_file_that_is_not_what_the_manifest_says_is_found(shards: Path) -> None:
    path = shards / "train" / "inputs-00000.npy"
    array = np.load(path)
    for wrong in (array[:-1], array.astype("<u4"), array.T.copy()):
        np.save(path, wrong)
        with pytest.raises(CorruptDataError, match="not what the manifest says"):
            list(open_shards(str(shards)).arrays())
    path.unlink()
    with pytest.raises(CorruptDataError, match="is missing"):
        list(open_shards(str(shards)).arrays())


@pytest.mark.parametrize(("name", "why"), [("none", "there is no such folder"), (".", "has no manifest")])
def test_other_folders_are_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(GptprepError, match=why):
        open_shards(str(tmp_path / name))


def test_command_line_offers_every_layout() -> None:
    assert get_args(choices.Layout) == tuple(LAYOUTS)
