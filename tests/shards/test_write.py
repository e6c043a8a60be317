"""Shards that are written block by block."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.shards import write
from gptprep.shards.arrays import ArrayWriter
from gptprep.shards.layout import ShardFormat
from gptprep.shards.manifest import WindowFormat
from gptprep.shards.pairs import PairsLayout, WindowRows
from gptprep.shards.write import plan_shards, write_shard
from gptprep.storage import npy
from gptprep.tokens.stream import TokenStream
from gptprep.windows.splits import SplitIds
from gptprep.windows.strided import StridedWindows
from tests.helpers import book
from tests.helpers.folders import contents, window

U16 = np.dtype("<u2")


def save_stream(folder: Path, ids: list[int]) -> str:
    """Save a stream of two files."""
    middle = len(ids) // 2
    parts = [(str(folder / "a.bin"), middle), (str(folder / "b.bin"), len(ids) - middle)]
    for (path, _), part in zip(parts, (ids[:middle], ids[middle:]), strict=True):
        np.array(part, U16).tofile(path)
    TokenStream(parts, U16, len(ids)).save(str(folder / "stream.json"))
    return str(folder / "stream.json")


def pairs_format(context_length: int) -> ShardFormat:
    """Shards of the layout `pairs` with windows of full length."""
    return PairsLayout().formats(WindowFormat(context_length, U16, False, 0))["shards"]


@given(
    n_ids=st.integers(0, 80),
    first=st.integers(0, 20),
    context_length=st.integers(1, 9),
    stride=st.integers(1, 15),
    most_rows=st.integers(1, 5),
    block_bytes=st.integers(1, 40),
)
def test_shards_hold_the_windows_of_the_book(
    tmp_path_factory: pytest.TempPathFactory,
    n_ids: int,
    first: int,
    context_length: int,
    stride: int,
    most_rows: int,
    block_bytes: int,
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    (folder / "train").mkdir()
    ids = list(range(1000, 1000 + first + n_ids))
    inputs, targets = book.windows(ids[first:], context_length, stride)
    index = StridedWindows(n_ids, context_length, stride)
    rows = WindowRows(SplitIds(save_stream(folder, ids), first, n_ids), index, 0)
    form, done = pairs_format(context_length), list[int]()
    shard_size = len(npy.header((0, context_length), U16)) + most_rows * context_length * 2
    tasks = plan_shards(str(folder), "train", {"shards": form}, {"shards": rows}, shard_size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gptprep.windows.gather.BLOCK_BYTES", block_bytes)
        shards = [write_shard(task, lambda n_bytes, *_: done.append(n_bytes)) for task in tasks]
    assert len(inputs) * form.row_bytes == sum(done)
    for side, expected in (("inputs", inputs), ("targets", targets)):
        arrays = [np.load(folder / shard.files[side].file) for shard in shards]
        assert [window for array in arrays for window in array.tolist()] == expected
        assert all(len(array) <= most_rows for array in arrays)
        for shard in shards:
            array = shard.files[side]
            assert hashlib.sha256((folder / array.file).read_bytes()).hexdigest() == array.sha256


def test_large_shards_are_written_past_the_page_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bool] = []

    class Writer(ArrayWriter):
        def __init__(self, *arguments: Any, direct: bool) -> None:
            opened.append(direct)
            super().__init__(*arguments, direct=direct)

    monkeypatch.setattr(write, "ArrayWriter", Writer)
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    window([tmp_path / "a.txt"], tmp_path / "small", context_length=8)
    monkeypatch.setattr(write, "LARGE_BYTES", 100)
    window([tmp_path / "a.txt"], tmp_path / "large", context_length=8)
    assert opened == [False, False, True, True]
    assert contents(tmp_path / "small") == contents(tmp_path / "large")
