"""Which ids go to train and val, and the index of each split's windows.

If the inputs make the splits, each split is what its inputs alone would give.
A split by tail takes a range of the stream as it is in the parts. A split by document copies its documents
from the parts into a file of its own, and leaves out the last end-of-text id unless windows end with their
document. For windows that are read in random order all ids are copied into one
file, because reading from many files would be slow.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep.tokens.parts import EncodedCorpus
from gptprep.tokens.stream import TokenStream
from gptprep.windows.by_document import DocumentWindows
from gptprep.windows.document_split import Scratch, copy_documents, documents_of, ids_by_source
from gptprep.windows.index import WindowIndex
from gptprep.windows.spec import WindowSpec, train_ids
from gptprep.windows.strided import StridedWindows


class FileOfIds(NamedTuple):
    """A file, and the range of the ids of a split that it holds."""

    path: str
    start: int
    stop: int


@dataclass(frozen=True)
class SplitIds:
    """The ids of a split: a range of a saved token stream. Small enough to be sent to another process."""

    path: str
    """The file of the saved stream."""
    start: int
    n_ids: int

    def files(self) -> Iterator[FileOfIds]:
        """The files whose ids are all in the split, in order."""
        stop = -self.start
        for path, count in TokenStream.load(self.path).parts:
            start, stop = stop, stop + count
            if 0 <= start < stop <= self.n_ids:
                yield FileOfIds(path, start, stop)

    @cached_property
    def _stream(self) -> TokenStream:
        return TokenStream.load(self.path)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The ids `start` to `stop` of the split."""
        return self._stream.read(self.start + start, self.start + stop)

    def gather(self, starts: NDArray[np.int64], length: int) -> NDArray[Any]:
        """The `length` ids from each start on, (B, length); ids beyond the stream are 0."""
        return self._stream.gather(self.start + starts, length)


@dataclass(frozen=True)
class SplitPlan:
    """One split before it is written."""

    ids: SplitIds
    index: WindowIndex
    """In text order."""
    source_ids: NDArray[np.int64]
    """How many of its ids each source gave, (number of sources,)."""

    @property
    def source_windows(self) -> NDArray[np.int64]:
        """How many of its windows start in the ids of each source, (number of sources,)."""
        return np.diff(self.index.count_before(np.cumsum(self.source_ids)), prepend=0)


def plan_splits(
    encoded: EncodedCorpus,
    spec: WindowSpec,
    scratch: Scratch,
    *,
    train_sources: int,
    in_one_file: bool,
) -> dict[str, SplitPlan]:
    """Plan the splits; what they need beside the parts is written to `scratch`.

    Args:
        train_sources: how many of the sources are for train, if the inputs make the splits.
        in_one_file: whether the windows will be read in random order.

    Raises:
        CorruptDataError: a part has changed since it was written.
    """
    if spec.split_by != "inputs":
        return _plan_corpus(encoded, spec, scratch, in_one_file)
    plans = {}
    for name, corpus in zip(("train", "val"), encoded.divided(train_sources), strict=True):
        own = scratch._replace(folder=os.path.join(scratch.folder, name))
        os.mkdir(own.folder)
        plans[name] = _plan_corpus(corpus, replace(spec, split_by="tail"), own, in_one_file)["train"]
    return plans


def _plan_corpus(
    encoded: EncodedCorpus, spec: WindowSpec, scratch: Scratch, in_one_file: bool
) -> dict[str, SplitPlan]:
    """The splits of one corpus: train, and val if there is a `--val-fraction`."""
    if spec.splits_by_document:
        streams = copy_documents(encoded, spec, ["train", "val"], scratch)
        n_trailing = int(encoded.has_eot and not spec.ends_with_documents)
        ranges = {name: range(max(0, len(stream) - n_trailing)) for name, stream in streams.items()}
    else:
        n_ids = encoded.n_ids if spec.ends_with_documents else encoded.stream_ids
        n_train = train_ids(n_ids, spec.fraction)
        ranges = {"train": range(n_train)} | ({"val": range(n_train, n_ids)} if spec.fraction else {})
        if in_one_file:
            stream = copy_documents(encoded, spec, ["all"], scratch)["all"]
        else:
            stream = encoded.stream(n_ids)
        streams = dict.fromkeys(ranges, stream)
    by_source = ids_by_source(encoded, spec)
    plans = {}
    for number, (name, id_range) in enumerate(ranges.items()):
        path, n_ids = os.path.join(scratch.folder, f"{name}-stream.json"), len(id_range)
        streams[name].save(path)
        index: WindowIndex
        if spec.ends_with_documents:
            documents = documents_of(encoded.parts, spec, number, id_range)
            table = os.path.join(scratch.folder, name)
            index = DocumentWindows.write(table, documents, n_ids, spec.context_length, spec.step)
        else:
            index = StridedWindows(n_ids, spec.context_length, spec.step)
        source_ids = _clipped(by_source[number if spec.splits_by_document else 0], id_range)
        plans[name] = SplitPlan(SplitIds(path, id_range.start, n_ids), index, source_ids)
    return plans


def _clipped(sizes: NDArray[np.int64], id_range: range) -> NDArray[np.int64]:
    """How much of a range each of some consecutive ranges, which have these sizes, takes up."""
    stops = np.cumsum(sizes)
    low, high = id_range.start, id_range.stop
    clipped: NDArray[np.int64] = np.clip(stops, low, high) - np.clip(stops - sizes, low, high)
    return clipped
