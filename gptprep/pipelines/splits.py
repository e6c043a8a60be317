"""Phase 2 of `window`, the plan: which ids go to which split, and where the windows of each begin.

A split by tail takes a range of the stream as it lies in the parts. A split by document takes its documents
out of the parts into a file of its own, and so does a shuffle, for which all ids have to be in reach at once.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep import shuffling, windows
from gptprep.executors import local
from gptprep.pipelines.parts import EncodedCorpus, Part
from gptprep.shards import Boundary, Layout, SplitBy, SplitWindows, WindowTable
from gptprep.tokenstore import IdsFile, TokenStream, id_dtype

_BLOCK = 1 << 20
"""Ids copied at a time."""


@dataclass(frozen=True)
class Cutting:
    """How a corpus is split and cut into windows."""

    context_length: int
    stride: int
    val_fraction: Fraction
    split_by: SplitBy
    boundary: Boundary
    shuffle: bool
    seed: int
    layout: Layout

    @property
    def takes_documents_apart(self) -> bool:
        """Whether whole documents go to one split or the other."""
        return self.split_by == "document" and self.val_fraction > 0


class SplitPlan(NamedTuple):
    """One split, before it is written."""

    windows: SplitWindows
    ids: int
    padding: int
    dropped: windows.Dropped


def plan_splits(
    encoded: EncodedCorpus, eot: int | None, cutting: Cutting, folder: str, workers: int
) -> dict[str, SplitPlan]:
    """Lay out the splits; what they need beside the parts is written into `folder`.

    Raises:
        DamagedData: a part has changed since it was written.
    """
    by_document = cutting.boundary == "document"
    trailing = 0 if by_document else encoded.n_ids - encoded.stream_ids
    if cutting.takes_documents_apart:
        streams = _copy(encoded, cutting, ["train", "val"], folder, workers)
        ranges = {name: range(max(0, total - trailing)) for name, (_, total) in streams.items()}
    else:
        n_ids = encoded.n_ids - trailing
        n_train = windows.split_tail(n_ids, cutting.val_fraction)
        ranges = {"train": range(n_train)} | ({"val": range(n_train, n_ids)} if cutting.val_fraction else {})
        if cutting.shuffle and cutting.layout == "pairs":  # stored ids are shuffled when they are read
            streams = dict.fromkeys(ranges, _copy(encoded, cutting, ["all"], folder, workers)["all"])
        else:
            streams = dict.fromkeys(ranges, (encoded.stream(n_ids), n_ids))
    plans = {}
    for number, (name, stretch) in enumerate(ranges.items()):
        index = os.path.join(folder, f"{name}-stream.json")
        streams[name][0].save(index)
        if by_document:
            spans = _spans(encoded.parts, cutting, number)
            plans[name] = _by_document(spans, stretch, cutting, index, os.path.join(folder, name), eot or 0)
        else:
            plans[name] = _by_stride(stretch, cutting, index)
    return plans


def _by_stride(stretch: range, cutting: Cutting, index: str) -> SplitPlan:
    length, stride = cutting.context_length, cutting.stride
    count = windows.count(len(stretch), length, stride)
    seed = cutting.seed if cutting.shuffle else None
    found = SplitWindows(index, count, length, stride, stretch.start, seed)
    return SplitPlan(found, len(stretch), 0, windows.dropped(len(stretch), length, stride))


def _by_document(
    spans: Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]],
    stretch: range,
    cutting: Cutting,
    index: str,
    table: str,
    padding: int,
) -> SplitPlan:
    """Windows of the documents that lie in a stretch, or of what of them lies in it."""
    length, stride = cutting.context_length, cutting.stride
    count = real = documents = covered = 0
    place = WindowTable(table, 0, padding)
    with open(place.starts_path, "wb") as starts_file, open(place.lengths_path, "wb") as lengths_file:
        for begins, ends in spans:
            begins, ends = (np.clip(border, stretch.start, stretch.stop) for border in (begins, ends))
            starts, lengths = windows.document_windows(begins, ends, length, stride)
            starts_file.write(starts.astype("<i8").tobytes())
            lengths_file.write(lengths.astype("<u4").tobytes())
            count, real = count + len(starts), real + int(lengths.sum())
            sizes = (ends - begins)[ends - begins > 1]
            documents, covered = documents + len(sizes), covered + int(sizes.sum())
    gaps = (count - documents) * max(0, stride - length - 1)
    if stride > length:
        covered = real + count
    found = SplitWindows(
        index,
        count,
        length,
        stride,
        stretch.start,
        cutting.seed if cutting.shuffle else None,
        WindowTable(table, count, padding),
    )
    dropped = windows.Dropped(len(stretch) - covered - gaps, gaps)
    return SplitPlan(found, len(stretch), count * length - real, dropped)


# Documents: where they end in the parts, and what each split gets of them


class Pieces(NamedTuple):
    """The documents, or the stretches of documents, of a part."""

    ends: NDArray[np.int64]
    """In ids from the begin of the part; the last is the end of the part."""
    split: NDArray[np.int64]
    """To which split each goes: 0 or 1."""

    def sizes(self) -> NDArray[np.int64]:
        """How many ids each has."""
        return np.diff(self.ends, prepend=0)


def _numbered(parts: list[Part]) -> Iterator[tuple[Part, int]]:
    """Parts, and the number of the document that each begins with or goes on with."""
    return zip(parts, accumulate((part.documents for part in parts), initial=0), strict=False)


def _pieces(ends_path: str, n_ids: int, first: int, cutting: Cutting) -> Pieces:
    """The documents of a part, the first of which has the number `first`.

    What is at its end without an end belongs to the document that goes on in the next part.
    """
    with IdsFile(ends_path, np.dtype("<u8")) as file:
        ends = np.append(file.read(0, len(file)).astype(np.int64), n_ids)
    if not cutting.takes_documents_apart:
        return Pieces(ends, np.zeros(len(ends), np.int64))
    hashes = shuffling.hash_numbers(np.arange(first, first + len(ends)), cutting.seed)
    limit = math.floor(cutting.val_fraction * (1 << 64))
    return Pieces(ends, (hashes < np.uint64(limit)).astype(np.int64))


def _spans(
    parts: list[Part], cutting: Cutting, split: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Where the documents of a split begin and end in its stream, part by part."""
    if not cutting.takes_documents_apart:
        split = 0
    offset = begin = 0
    for part, first in _numbered(parts):
        pieces = _pieces(part.ends_path, part.ids, first, cutting)
        here = pieces.split == split
        ends = offset + np.cumsum(np.where(here, pieces.sizes(), 0))
        offset = int(ends[-1])
        ended = ends[:-1][here[:-1]]
        if len(ended):
            yield np.append(begin, ended[:-1]), ended
            begin = int(ended[-1])


# Streams of one file


@dataclass(frozen=True)
class CopyTask:
    """A part whose documents are copied into the files of the splits."""

    part: str
    ends: str
    n_ids: int
    first: int
    """The number of its first document."""
    cutting: Cutting
    dtype: str
    files: tuple[str, ...]
    places: tuple[int, ...]
    """Where in each file, in ids."""


def _copy(
    encoded: EncodedCorpus, cutting: Cutting, names: list[str], folder: str, workers: int
) -> dict[str, tuple[TokenStream, int]]:
    """Copy the documents of all parts into one file for each split."""
    dtype = id_dtype(encoded.n_vocab)
    files = tuple(os.path.join(folder, f"{name}-stream.bin") for name in names)
    totals = [0] * len(names)
    tasks = []
    for part, first in _numbered(encoded.parts):
        tasks.append(
            CopyTask(part.path, part.ends_path, part.ids, first, cutting, dtype.str, files, tuple(totals))
        )
        _, split = pieces = _pieces(part.ends_path, part.ids, first, cutting)
        totals = [total + int(pieces.sizes()[split == n].sum()) for n, total in enumerate(totals)]
    for file, total in zip(files, totals, strict=True):
        with open(file, "wb") as new:
            new.truncate(total * dtype.itemsize)
    for _ in local.run(copy_part, tasks, workers):
        pass
    return {
        name: (TokenStream([(file, total)], dtype, total), total)
        for name, file, total in zip(names, files, totals, strict=True)
    }


def copy_part(task: CopyTask) -> None:
    """Copy the documents of one part to their places in the files of the splits."""
    dtype = np.dtype(task.dtype)
    pieces = _pieces(task.ends, task.n_ids, task.first, task.cutting)
    with IdsFile(task.part, dtype) as part, ExitStack() as stack:
        files = [stack.enter_context(open(path, "r+b", buffering=0)) for path in task.files]
        for file, place in zip(files, task.places, strict=True):
            file.seek(place * dtype.itemsize)
        for first in range(0, len(part), _BLOCK):
            ids = part.read(first, first + _BLOCK)
            for number, file in enumerate(files):
                _write(file, ids[_owners(pieces, first, len(ids)) == number] if len(files) > 1 else ids)


def _owners(pieces: Pieces, first: int, count: int) -> NDArray[np.int64]:
    """To which split each of some ids of a part goes."""
    return pieces.split[np.searchsorted(pieces.ends, np.arange(first, first + count), "right")]


def _write(file: BinaryIO, ids: NDArray[Any]) -> None:
    view = ids.data.cast("B") if len(ids) else memoryview(b"")
    while view:
        view = view[file.write(view) :]
