"""Windows read from a stream: one range, or one window after the other, gives the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.tokens.stream import TokenStream
from gptprep.windows.by_document import Documents, DocumentWindows
from gptprep.windows.gather import Windows, blocks, take, take_range
from gptprep.windows.index import WindowIndex
from gptprep.windows.strided import StridedWindows
from tests.helpers.slow_windows import Row, document_spans, row, strided_spans

PADDING = 999


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ids and tables are written, one after the other."""
    return tmp_path_factory.mktemp("gather")


def rows(windows: Windows) -> list[Row]:
    return list(zip(*(array.tolist() for array in windows), strict=True))


@given(
    sizes=st.lists(st.integers(0, 15), max_size=6),
    context_length=st.integers(1, 6),
    stride=st.integers(1, 14),
    by_document=st.booleans(),
    data=st.data(),
)
def test_take_and_take_range_give_the_windows_of_the_slow_way(
    folder: Path,
    sizes: list[int],
    context_length: int,
    stride: int,
    by_document: bool,
    data: st.DataObject,
) -> None:
    n_ids = sum(sizes)
    ids = np.arange(100, 100 + n_ids, dtype="<u2")
    ids.tofile(folder / "ids.bin")
    stream = TokenStream([(str(folder / "ids.bin"), n_ids)], ids.dtype, n_ids)
    index: WindowIndex = StridedWindows(n_ids, context_length, stride)
    spans = strided_spans(n_ids, context_length, stride)
    if by_document:
        stops = np.cumsum(sizes, dtype=np.int64)
        documents = [Documents(stops - np.array(sizes, np.int64), stops)]
        index = DocumentWindows.write(str(folder / "table"), documents, n_ids, context_length, stride)
        spans = document_spans(sizes, context_length, stride)
    expected = [row(ids.tolist(), span, context_length, PADDING) for span in spans]
    numbers = np.arange(len(spans))
    assert rows(take(stream, index, numbers, PADDING)) == expected
    if spans:
        start = data.draw(st.integers(0, len(spans) - 1))
        stop = data.draw(st.integers(start + 1, len(spans)))
        assert rows(take_range(stream, index, start, stop, PADDING)) == expected[start:stop]


@pytest.mark.parametrize(
    ("row_bytes", "expected"), [(1, [(3, 9)]), (30, [(3, 5), (5, 7), (7, 9)]), (99, None)]
)
def test_blocks_have_about_the_block_size_and_at_least_a_row(
    row_bytes: int, expected: list[tuple[int, int]] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptprep.windows.gather.BLOCK_BYTES", 60)
    each_row = [(row, row + 1) for row in range(3, 9)]
    assert list(blocks(3, 9, row_bytes)) == (expected or each_row)
