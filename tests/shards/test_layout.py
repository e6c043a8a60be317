"""What layouts have in common: how many rows a shard has, and readers of windows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gptprep.errors import UsageError
from gptprep.shards.arrays import Role
from gptprep.shards.folder import open_shards
from gptprep.shards.layout import ShardFormat
from gptprep.shards.pairs import PairsChecker
from tests.helpers.folders import make_shards, window


@pytest.mark.parametrize("size", [148, 1000, 10**6])
def test_shard_has_as_many_rows_as_fit_in_its_size(size: int) -> None:
    form = ShardFormat("window", (Role("inputs", (10,), np.dtype("<u2")),), PairsChecker)
    rows = form.rows_that_fit(size)
    assert 128 + rows * 20 <= size < 128 + (rows + 1) * 20


def test_shard_without_room_for_a_window_is_a_usage_error() -> None:
    form = ShardFormat("window", (Role("inputs", (10,), np.dtype("<u2")),), PairsChecker)
    with pytest.raises(UsageError, match="no room for a window"):
        form.rows_that_fit(147)


@pytest.mark.parametrize("kind", [{}, {"layout": "tokens"}, {"layout": "tokens", "shuffle": True}], ids=str)
def test_window_beyond_the_split_is_a_usage_error(tmp_path: Path, kind: dict[str, Any]) -> None:
    reader = open_shards(str(make_shards(tmp_path, **kind))).windows("train")
    for number in (-1, len(reader), 10**12):
        with pytest.raises(UsageError, match=f"window {number} of {len(reader)}"):
            reader.take([0, number])
    windows = reader.take(0)
    assert windows.inputs.shape == (1, 8)
    windows.targets[:] = 0
    assert windows.inputs.any()
    assert len(reader.take([]).inputs) == 0


_OPEN_FILES = 100


@pytest.fixture
def _few_open_files() -> Iterator[None]:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_few_open_files")
@pytest.mark.parametrize(("layout", "shard_size"), [("pairs", 170), ("tokens", 130)])
def test_there_may_be_more_shards_than_open_files(tmp_path: Path, layout: str, shard_size: int) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 20)
    out = tmp_path / "s"
    window([tmp_path / "a.txt"], out, context_length=8, stride=1, shard_size=shard_size, layout=layout)
    assert len(list((out / "train").iterdir())) > 1.5 * _OPEN_FILES
    reader = open_shards(str(out)).windows("train")
    reader.take(range(len(reader)))
    for inputs, targets in open_shards(str(out)).arrays("train"):
        assert inputs.shape == targets.shape
