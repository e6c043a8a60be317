"""What every index class promises, against the slow and obvious way.

A new index class needs an entry in `INDEXES`.
"""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep import windows
from gptprep.windows.by_document import Documents, DocumentWindows
from gptprep.windows.index import WindowIndex
from gptprep.windows.shuffle import ShuffledWindows
from gptprep.windows.strided import StridedWindows
from tests.helpers.slow_windows import Span, document_spans, permuted, strided_spans

SEED = 7
SHAPES = {
    "sizes": st.lists(st.integers(0, 15), max_size=8),
    "context_length": st.integers(1, 6),
    "stride": st.integers(1, 14),
}
"""The sizes of documents in ids, L, and the stride."""


class Shape(NamedTuple):
    """What an index is made of."""

    sizes: list[int]
    context_length: int
    stride: int

    @property
    def n_ids(self) -> int:
        """How many ids the documents have together."""
        return sum(self.sizes)


class Kind(NamedTuple):
    """An index class, and what it must give."""

    make: Callable[[Path, Shape], WindowIndex]
    spans: Callable[[Shape], list[Span]]
    """The windows, one by one."""
    ends_with_documents: bool


def make_strided(folder: Path, shape: Shape) -> StridedWindows:  # noqa: ARG001
    return StridedWindows(shape.n_ids, shape.context_length, shape.stride)


def make_document(folder: Path, shape: Shape) -> DocumentWindows:
    """The index of some documents, which come a few at a time, as from parts."""
    stops = np.cumsum(shape.sizes, dtype=np.int64)
    starts = stops - np.array(shape.sizes, np.int64)
    batches = [Documents(starts[n : n + 3], stops[n : n + 3]) for n in range(0, len(stops), 3)]
    path = str(folder / "table")
    return DocumentWindows.write(path, batches, shape.n_ids, shape.context_length, shape.stride)


def make_shuffled(make: Callable[[Path, Shape], WindowIndex]) -> Callable[[Path, Shape], WindowIndex]:
    return lambda folder, shape: ShuffledWindows(make(folder, shape), SEED)


def in_text_order(shape: Shape) -> list[Span]:
    return strided_spans(shape.n_ids, shape.context_length, shape.stride)


def document_by_document(shape: Shape) -> list[Span]:
    return document_spans(shape.sizes, shape.context_length, shape.stride)


def shuffled(spans: Callable[[Shape], list[Span]]) -> Callable[[Shape], list[Span]]:
    def in_another_order(shape: Shape) -> list[Span]:
        ordered = spans(shape)
        return [ordered[permuted(number, len(ordered), SEED)] for number in range(len(ordered))]

    return in_another_order


INDEXES = {
    "strided": Kind(make_strided, in_text_order, False),
    "document": Kind(make_document, document_by_document, True),
    "shuffled strided": Kind(make_shuffled(make_strided), shuffled(in_text_order), False),
    "shuffled document": Kind(make_shuffled(make_document), shuffled(document_by_document), True),
}


@pytest.fixture(scope="module", params=INDEXES)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of index."""
    return INDEXES[request.param]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tables are written, one after the other."""
    return tmp_path_factory.mktemp("index")


def concrete_subclasses(base: type) -> Iterator[type]:
    subclasses: list[type] = base.__subclasses__()
    for subclass in subclasses:
        if not inspect.isabstract(subclass):
            yield subclass
        yield from concrete_subclasses(subclass)


def located(index: WindowIndex, numbers: list[int]) -> list[Span]:
    starts, lengths = index.locate(np.array(numbers, np.int64))
    return [Span(*span) for span in zip(starts.tolist(), lengths.tolist(), strict=True)]


def test_this_suite_has_every_index_class(folder: Path) -> None:
    for module in pkgutil.iter_modules(windows.__path__):
        importlib.import_module(f"gptprep.windows.{module.name}")
    in_room = {
        found for found in concrete_subclasses(WindowIndex) if found.__module__.startswith(windows.__name__)
    }
    assert in_room == {type(kind.make(folder, Shape([5], 2, 2))) for kind in INDEXES.values()}


@given(numbers=st.data(), **SHAPES)
def test_windows_are_those_of_the_slow_way(
    kind: Kind, folder: Path, numbers: st.DataObject, sizes: list[int], context_length: int, stride: int
) -> None:
    shape = Shape(sizes, context_length, stride)
    index, spans = kind.make(folder, shape), kind.spans(shape)
    assert len(index) == len(spans)
    assert index.context_length == context_length
    assert located(index, list(range(len(spans)))) == spans
    some = numbers.draw(st.lists(st.integers(0, len(spans) - 1), max_size=9)) if spans else []
    assert located(index, some) == [spans[number] for number in some]


@given(**SHAPES)
def test_windows_and_their_targets_are_in_the_split(
    kind: Kind, folder: Path, sizes: list[int], context_length: int, stride: int
) -> None:
    shape = Shape(sizes, context_length, stride)
    index = kind.make(folder, shape)
    for start, length in located(index, list(range(len(index)))):
        assert 0 <= start < start + length < shape.n_ids
        assert 1 <= length <= context_length
        assert index.has_lengths or length == context_length


@given(**SHAPES)
def test_dropped_ids_and_padding_are_counted(
    kind: Kind, folder: Path, sizes: list[int], context_length: int, stride: int
) -> None:
    """A gap is followed by an id of a window of the same stream or document, the tail is not."""
    shape = Shape(sizes, context_length, stride)
    index, spans = kind.make(folder, shape), kind.spans(shape)
    used = {position for start, length in spans for position in range(start, start + length + 1)}
    tail = gaps = 0
    bounds = list(accumulate(sizes if kind.ends_with_documents else [shape.n_ids], initial=0))
    for start, stop in pairwise(bounds):
        after_last = max((position + 1 for position in used if start <= position < stop), default=start)
        tail += stop - after_last
        gaps += sum(position not in used for position in range(start, after_last))
    assert index.dropped == (tail, gaps)
    assert index.padding == sum(context_length - length for _, length in spans)


@given(**SHAPES)
def test_evenly_spaced_windows_are_full_and_near_each_other(
    kind: Kind, folder: Path, sizes: list[int], context_length: int, stride: int
) -> None:
    shape = Shape(sizes, context_length, stride)
    index, spans = kind.make(folder, shape), kind.spans(shape)
    for number in range(len(spans)):
        if (spacing := index.evenly_spaced(number)) is not None:
            first, step = spacing
            after = range(len(spans) - number)
            assert spans[number:] == [Span(first + n * step, context_length) for n in after]
            assert step <= 2 * context_length


def test_windows_that_overlap_in_text_order_are_read_in_one_range() -> None:
    assert StridedWindows(100, 4, 3).evenly_spaced(5) == (15, 3)


def test_windows_far_apart_are_not_read_in_one_range() -> None:
    assert StridedWindows(100, 4, 9).evenly_spaced(0) is None


def test_index_of_many_windows_is_pickled_small(kind: Kind, folder: Path) -> None:
    shape = Shape([50] * 2_000, 4, 2)
    index, spans = kind.make(folder, shape), kind.spans(shape)
    assert located(index, [0, 7_000]) == [spans[0], spans[7_000]]  # an index that was used is no larger
    pickled = pickle.dumps(index)
    assert len(pickled) < 2_000
    copy: WindowIndex = pickle.loads(pickled)
    assert len(copy) == len(spans)
    assert (copy.dropped, copy.padding, copy.has_lengths) == (index.dropped, index.padding, index.has_lengths)
    assert located(copy, [3, 7_001, 40]) == [spans[3], spans[7_001], spans[40]]
