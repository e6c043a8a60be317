"""Phase 1 of `window` and of a large `encode`: sources to parts, files of ids that make up one stream.

The plan cuts by size alone, so the parts are the same however many workers there are. Each document is
followed by the end-of-text id in its part; the stream leaves out the last. Beside the ids a part keeps where
its documents end, and a receipt that lets a later run take it as it is.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gptprep.corpus import Source, TextOptions, exact_stretch, plan_stretches, with_first_line
from gptprep.errors import GptprepError
from gptprep.executors import local
from gptprep.pipelines import receipts
from gptprep.pipelines.encoding import (
    CorpusEncoder,
    SourceCounts,
    check_not_empty,
    no_end_of_text,
    total_bytes,
)
from gptprep.pipelines.progress import Progress, no_progress
from gptprep.tokenizers import Engine, SpecialPolicy, Tokenizer, load_tokenizer
from gptprep.tokenstore import IdsFile, IdsWriter, TokenStream, id_dtype

PART_BYTES = 1 << 24
"""Text of one part: large enough to be worth a task, small enough to be shared evenly."""
_PART_IDS = 1 << 22
"""Ids of one part, of inputs that are ids already."""


@dataclass(frozen=True)
class EncodeTask:
    """What a worker needs to write one part: sources or stretches of them, and how to encode them."""

    sources: tuple[Source, ...]
    owners: tuple[int, ...]
    """Which of all sources each belongs to."""
    part: str
    text: TextOptions
    tokenizer: str
    special: SpecialPolicy
    engine: Engine
    cross_check: bool
    receipt: bool
    """Whether to leave a receipt, and to look for that of an earlier run."""


class Part(NamedTuple):
    """What a worker says of the part that it wrote."""

    path: str
    ids: int
    documents: int
    """Those that end in this part."""
    counts: tuple[SourceCounts, ...]
    """Of each source or stretch of the task."""
    owners: tuple[int, ...]
    cross_checked: int
    resumed: bool = False
    """An earlier run wrote it."""

    @property
    def ends_path(self) -> str:
        """Where the documents end that end in this part, in ids from its begin: uint64."""
        return _ends_path(self.path)


def _ends_path(part: str) -> str:
    return part.removesuffix(".bin") + ".ends"


class EncodedCorpus(NamedTuple):
    """The parts, and what was read of each source."""

    parts: list[Part]
    n_ids: int
    """Of all parts, with the end-of-text id after each document."""
    n_vocab: int
    counts: list[SourceCounts]

    @property
    def cross_checked(self) -> int:
        """Bytes of text whose ids were compared with the truth's."""
        return sum(part.cross_checked for part in self.parts)

    @property
    def resumed(self) -> int:
        """How many parts an earlier run had written."""
        return sum(part.resumed for part in self.parts)

    def stream(self, n_ids: int) -> TokenStream:
        """The first ids of all parts, one after the other."""
        return TokenStream([(part.path, part.ids) for part in self.parts], id_dtype(self.n_vocab), n_ids)


def plan_tasks(
    sources: Sequence[Source], text: TextOptions, folder: str, ids_dtype: np.dtype[Any], **how: Any
) -> list[EncodeTask]:
    """Tasks of about `PART_BYTES` bytes each, in the order of the stream.

    Args:
        ids_dtype: of inputs that are raw ids.
        how: the other fields of the tasks.

    Raises:
        GptprepError: a file of ids cannot be read.
        DamagedData: a file of ids is not what its header says.
    """
    groups: list[list[tuple[int, Source]]] = [[]]
    size = 0
    for owner, source in enumerate(sources):
        for stretch in _stretches(source, text, ids_dtype):
            if size >= PART_BYTES:
                groups.append([])
                size = 0
            groups[-1].append((owner, stretch))
            size += _size(stretch)
    return [
        EncodeTask(
            sources=tuple(stretch for _, stretch in group),
            owners=tuple(owner for owner, _ in group),
            part=os.path.join(folder, f"part-{number:06d}.bin"),
            text=text,
            receipt=len(groups) > 1,
            **how,
        )
        for number, group in enumerate(groups)
    ]


def _stretches(source: Source, text: TextOptions, ids_dtype: np.dtype[Any]) -> Iterator[Source]:
    if source.kind != "ids":
        yield from plan_stretches([source], text, PART_BYTES)
        return
    with IdsFile(source.path, ids_dtype) as file:
        borders = [*range(0, len(file), _PART_IDS), None] if len(file) > _PART_IDS else [0, None]
    for begin, end in pairwise(borders):
        yield source._replace(begin=begin or 0, end=end)


def _size(stretch: Source) -> int:
    if stretch.kind == "ids":
        return stretch.size or 0 if stretch.end is None and not stretch.begin else PART_BYTES
    end = stretch.size if stretch.end is None else stretch.end
    return (end or 0) - stretch.begin


def encode_parts(
    sources: Sequence[Source],
    tasks: Sequence[EncodeTask],
    tokenizer: Tokenizer,
    workers: int,
    progress: Progress,
) -> EncodedCorpus:
    """Write all parts; their ids are one stream.

    Raises:
        GptprepError: a source cannot be read or encoded, or there is no text; says where.
        DamagedData: a source is not what its format says.
    """
    if any(source.size is None for source in sources):
        workers = 1  # a pipe can be read only by the process that has it
    counts = [SourceCounts(path=source.name) for source in sources]
    parts: list[Part] = []
    total, done = total_bytes(sources), 0
    receipts.remove_others(os.path.dirname(tasks[0].part), [task.part for task in tasks])
    one = len(tasks) == 1
    for part in [encode_part(tasks[0], progress)] if one else local.run(encode_part, tasks, workers):
        parts.append(part)
        for owner, count in zip(part.owners, part.counts, strict=True):
            _add(counts[owner], count)
            done += count.bytes
        if tokenizer.eot is None and sum(count.documents for count in counts) > 1:
            raise no_end_of_text(tokenizer)
        progress("encoding", done, total, "bytes")
    check_not_empty(sources, counts)
    return EncodedCorpus(parts, sum(part.ids for part in parts), tokenizer.n_vocab, counts)


def encode_part(task: EncodeTask, progress: Progress = no_progress) -> Part:
    """Encode the sources of one task into its part; raises as `encode_parts`."""
    tokenizer = shared_tokenizer(task.tokenizer, task.special, task.engine)
    how = [tokenizer.fingerprint, task.special, task.text]
    if task.receipt and (value := receipts.read(task.part, task.sources, how)):
        counts = tuple(SourceCounts(**count) for count in value["counts"])
        return Part(
            task.part, value["ids"], value["documents"], counts, task.owners, value["cross_checked"], True
        )
    with suppress(FileNotFoundError):
        os.unlink(receipts.path_of(task.part))
    try:
        part = _encode_part(task, tokenizer, tuple(_exact(task, tokenizer)), progress)
    except GptprepError:
        if all(source.begin == 0 or source.kind == "ids" for source in task.sources):
            raise
        # Again, now that it is worth finding out in which line the stretches begin, to say so.
        return _encode_part(task, tokenizer, tuple(map(with_first_line, _exact(task, tokenizer))), progress)
    if task.receipt:
        receipts.write(task.part, task.sources, how, part)
    return part


def _exact(task: EncodeTask, tokenizer: Tokenizer) -> Iterator[Source]:
    return (exact_stretch(source, task.text, tokenizer.first_cut) for source in task.sources)


def _encode_part(
    task: EncodeTask, tokenizer: Tokenizer, sources: tuple[Source, ...], progress: Progress
) -> Part:
    encoder = CorpusEncoder(
        sources, tokenizer, task.text, tokenizer.encode_array, progress, cross_check=task.cross_check
    )
    end_of_text = np.array([] if tokenizer.eot is None else [tokenizer.eot], np.uint32)
    ends = array("Q")
    with open(task.part, "wb", buffering=1 << 20) as file:
        writer = IdsWriter(file, tokenizer.n_vocab, npy_header=False)
        for encoded in encoder:
            may_end_within = encoded.source.kind == "ids" or encoder.counts[-1].literal_specials
            if may_end_within and tokenizer.eot is not None:
                within = (encoded.ids == tokenizer.eot).nonzero()[0] + len(writer) + 1
                ends.frombytes(within.astype(np.uint64).tobytes())
            writer.append(encoded.ids)
            if encoded.last:
                writer.append(end_of_text)
                ends.append(len(writer))
    with open(_ends_path(task.part), "wb") as file:
        file.write(ends)
    return Part(task.part, len(writer), len(ends), tuple(encoder.counts), task.owners, encoder.cross_checked)


@cache
def shared_tokenizer(name: str, special: SpecialPolicy, engine: Engine) -> Tokenizer:
    """One for each process; a forked worker finds its parent's."""
    return load_tokenizer(name, special, engine)


def _add(total: SourceCounts, count: SourceCounts) -> None:
    for field in fields(SourceCounts):
        if field.name != "path":
            setattr(total, field.name, getattr(total, field.name) + getattr(count, field.name))
