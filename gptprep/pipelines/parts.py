"""Phase 1 of `window`: sources to parts, files of ids that make up one stream when put one after the other.

The plan cuts by size alone, so the parts are the same however many workers there are. Each document is
followed by the end-of-text id in its part; the stream leaves out the last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from gptprep.corpus import Source, TextOptions, exact_stretch, plan_stretches, with_first_line
from gptprep.errors import GptprepError
from gptprep.executors import local
from gptprep.pipelines.encoding import (
    CorpusEncoder,
    SourceCounts,
    check_not_empty,
    no_end_of_text,
    total_bytes,
)
from gptprep.pipelines.progress import Progress, no_progress
from gptprep.tokenizers import Engine, SpecialPolicy, Tokenizer, load_tokenizer
from gptprep.tokenstore import IdsWriter, TokenStream, id_dtype

PART_BYTES = 1 << 24
"""Text of one part: large enough to be worth a task, small enough to be shared evenly."""


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


class Part(NamedTuple):
    """What a worker says of the part that it wrote."""

    path: str
    ids: int
    counts: tuple[SourceCounts, ...]
    """Of each source or stretch of the task."""
    owners: tuple[int, ...]
    cross_checked: int


class EncodedCorpus(NamedTuple):
    """The stream, and what was read of each source."""

    stream: TokenStream
    counts: list[SourceCounts]
    cross_checked: int


def plan_tasks(sources: Sequence[Source], text: TextOptions, folder: str, **how: Any) -> list[EncodeTask]:
    """Tasks of about `PART_BYTES` bytes each, in the order of the stream; `how` are their other fields."""
    tasks: list[EncodeTask] = []
    group: list[tuple[int, Source]] = []

    def finish() -> None:
        owners, stretches = zip(*group, strict=True)
        part = os.path.join(folder, f"part-{len(tasks):06d}.bin")
        tasks.append(EncodeTask(stretches, owners, part, text, **how))
        group.clear()

    size = 0
    for owner, source in enumerate(sources):
        for stretch in plan_stretches([source], text, PART_BYTES):
            group.append((owner, stretch))
            size += _size(stretch)
            if size >= PART_BYTES:
                finish()
                size = 0
    if group:
        finish()
    return tasks


def _size(stretch: Source) -> int:
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
    n_ids = sum(part.ids for part in parts) - (tokenizer.eot is not None)
    stream = TokenStream([(part.path, part.ids) for part in parts], id_dtype(tokenizer.n_vocab), n_ids)
    return EncodedCorpus(stream, counts, sum(part.cross_checked for part in parts))


def encode_part(task: EncodeTask, progress: Progress = no_progress) -> Part:
    """Encode the sources of one task into its part; raises as `encode_parts`."""
    try:
        return _encode_part(task, task.sources, progress)
    except GptprepError:
        if all(source.begin == 0 for source in task.sources):
            raise
        # Again, now that it is worth finding out in which line the stretches begin, to say so.
        return _encode_part(task, tuple(map(with_first_line, _exact(task))), progress)


def _exact(task: EncodeTask) -> Iterator[Source]:
    tokenizer = shared_tokenizer(task.tokenizer, task.special, task.engine)
    return (exact_stretch(source, task.text, tokenizer.first_cut) for source in task.sources)


def _encode_part(task: EncodeTask, sources: Sequence[Source], progress: Progress) -> Part:
    tokenizer = shared_tokenizer(task.tokenizer, task.special, task.engine)
    exact = tuple(_exact(task)) if sources is task.sources else tuple(sources)
    encoder = CorpusEncoder(
        exact, tokenizer, task.text, tokenizer.encode_array, progress, cross_check=task.cross_check
    )
    end_of_text = None if tokenizer.eot is None else np.array([tokenizer.eot], np.uint32)
    with open(task.part, "wb", buffering=1 << 20) as file:
        writer = IdsWriter(file, tokenizer.n_vocab, npy_header=False)
        for _, ids, last in encoder:
            writer.append(ids)
            if last and end_of_text is not None:
                writer.append(end_of_text)
    return Part(task.part, len(writer), tuple(encoder.counts), task.owners, encoder.cross_checked)


@cache
def shared_tokenizer(name: str, special: SpecialPolicy, engine: Engine) -> Tokenizer:
    """One for each process; a forked worker finds its parent's."""
    return load_tokenizer(name, special, engine)


def _add(total: SourceCounts, count: SourceCounts) -> None:
    for field in fields(SourceCounts):
        if field.name != "path":
            setattr(total, field.name, getattr(total, field.name) + getattr(count, field.name))
