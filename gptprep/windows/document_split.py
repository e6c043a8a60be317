"""The documents of each split: where they are in the parts, and copying them into one file for each split.

A split has a number: 0 for train, 1 for val. If all ids go to one file, all documents have the number 0.
"""

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep.parallel import processes
from gptprep.progress import Progress, SharedProgress, no_progress
from gptprep.tokens.id_file import IdFile, id_dtype
from gptprep.tokens.parts import EncodedCorpus
from gptprep.tokens.receipts import Part, ends_path
from gptprep.tokens.stream import TokenStream
from gptprep.windows.by_document import Documents
from gptprep.windows.shuffle import hash_numbers
from gptprep.windows.spec import WindowSpec

_BLOCK_IDS = 1 << 20
"""Ids copied at a time."""


class _PartDocuments(NamedTuple):
    """The documents of a part: the first may continue from the part before it, the last into the next."""

    stops: NDArray[np.int64]
    """In ids from the start of the part; the last is the end of the part."""
    split: NDArray[np.int64]
    """The number of each document's split."""

    def sizes(self) -> NDArray[np.int64]:
        """How many ids each has."""
        return np.diff(self.stops, prepend=0)


def _with_first_document(parts: list[Part]) -> Iterator[tuple[Part, int]]:
    """Each part, and the number of the document that it starts with or continues."""
    return zip(parts, accumulate((part.documents for part in parts), initial=0), strict=False)


def _part_documents(part: Part, first: int, spec: WindowSpec) -> _PartDocuments:
    """The documents of a part, the first of which has the number `first`.

    Ids after the last document end belong to the document that continues in the next part.
    """
    with IdFile(ends_path(part.path), np.dtype("<u8")) as file:
        stops = np.append(file.read(0, len(file)).astype(np.int64), part.ids)
    if not spec.splits_by_document:
        return _PartDocuments(stops, np.zeros(len(stops), np.int64))
    return _PartDocuments(stops, goes_to_val(first, len(stops), spec).astype(np.int64))


def goes_to_val(first: int, count: int, spec: WindowSpec) -> NDArray[np.bool_]:
    """Which of `count` documents from number `first` on go to val, (count,)."""
    hashes = hash_numbers(np.arange(first, first + count), spec.seed)
    is_val: NDArray[np.bool_] = hashes < np.uint64(math.floor(spec.fraction * (1 << 64)))
    return is_val


def documents_of(parts: list[Part], spec: WindowSpec, split: int, id_range: range) -> Iterator[Documents]:
    """The documents of a split, part by part, clipped to the split's range and relative to its start."""
    if not spec.splits_by_document:
        split = 0
    offset = start = 0
    for part, first in _with_first_document(parts):
        documents = _part_documents(part, first, spec)
        is_here = documents.split == split
        stops = offset + np.cumsum(np.where(is_here, documents.sizes(), 0))
        offset = int(stops[-1])
        ended = stops[:-1][is_here[:-1]]
        if len(ended):
            starts = np.append(start, ended[:-1])
            start = int(ended[-1])
            low, high = id_range.start, id_range.stop
            yield Documents(np.clip(starts, low, high) - low, np.clip(ended, low, high) - low)


@dataclass(frozen=True)
class CopyTask:
    """A part whose documents are copied into the files of the splits."""

    part: Part
    first: int
    """The number of its first document."""
    spec: WindowSpec
    dtype: str
    files: tuple[str, ...]
    offsets: tuple[int, ...]
    """The offset in each file, in ids."""


def ids_by_source(encoded: EncodedCorpus, spec: WindowSpec) -> NDArray[np.int64]:
    """How many ids each source gives, (1, number of sources); (2, ...) for train and val by document."""
    by_document = spec.splits_by_document
    found = np.zeros((2 if by_document else 1, len(encoded.counts)), np.int64)
    for part, first in _with_first_document(encoded.parts):
        owners = np.array(part.owners)
        if not by_document:
            np.add.at(found[0], owners, np.array(part.range_ids, np.int64))
            continue
        documents = _part_documents(part, first, spec)
        sizes = documents.sizes()
        has_ids = sizes > 0
        starts = (documents.stops - sizes)[has_ids]
        ranges = np.searchsorted(np.cumsum(part.range_ids), starts, "right")
        np.add.at(found, (documents.split[has_ids], owners[ranges]), sizes[has_ids])
    return found


class Scratch(NamedTuple):
    """Where what splits need beside the parts is written, and how."""

    folder: str
    workers: int = 1
    progress: Progress = no_progress


def copy_documents(
    encoded: EncodedCorpus, spec: WindowSpec, names: list[str], scratch: Scratch
) -> dict[str, TokenStream]:
    """Copy the documents of all parts into one file for each split."""
    dtype = id_dtype(encoded.n_vocab)
    files = tuple(os.path.join(scratch.folder, f"{name}-stream.bin") for name in names)
    totals = [0] * len(names)
    tasks = []
    for part, first in _with_first_document(encoded.parts):
        tasks.append(CopyTask(part, first, spec, dtype.str, files, tuple(totals)))
        documents = _part_documents(part, first, spec)
        for number in range(len(totals)):
            totals[number] += int(documents.sizes()[documents.split == number].sum())
    for path, total in zip(files, totals, strict=True):
        with open(path, "wb") as new:
            new.truncate(total * dtype.itemsize)
    copied = SharedProgress(scratch.progress, "copying", encoded.n_ids * dtype.itemsize, "bytes")
    for task, _ in zip(tasks, processes.run(copy_part, tasks, scratch.workers), strict=True):
        copied.add(task.part.ids * dtype.itemsize)
    streams = [TokenStream([(path, total)], dtype, total) for path, total in zip(files, totals, strict=True)]
    return dict(zip(names, streams, strict=True))


def copy_part(task: CopyTask) -> None:
    """Copy the documents of one part to their places in the files of the splits."""
    dtype = np.dtype(task.dtype)
    documents = _part_documents(task.part, task.first, task.spec)
    with IdFile(task.part.path, dtype) as part, ExitStack() as stack:
        files = [stack.enter_context(open(path, "r+b")) for path in task.files]
        for file, offset in zip(files, task.offsets, strict=True):
            file.seek(offset * dtype.itemsize)
        for first in range(0, len(part), _BLOCK_IDS):
            ids = part.read(first, first + _BLOCK_IDS)
            if len(files) == 1:
                files[0].write(ids.data)
                continue
            places = np.searchsorted(documents.stops, np.arange(first, first + len(ids)), "right")
            for number, file in enumerate(files):
                file.write(ids[documents.split[places] == number].data)
