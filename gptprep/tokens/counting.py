"""Counting the ids of sources: they are encoded as for a file of ids, and nothing is written.

Tasks follow from the sources alone, and each gives the counts of its byte ranges; their sums are the same for
any number of workers.
"""

from collections.abc import Sequence, Sized
from dataclasses import dataclass, replace
from typing import NamedTuple

from gptprep.corpus.sources import Source
from gptprep.parallel import processes
from gptprep.progress import Report, no_report
from gptprep.tokens.counts import SourceCounts
from gptprep.tokens.cross_check import CrossChecker
from gptprep.tokens.encoder import CorpusEncoder
from gptprep.tokens.planning import (
    Streams,
    TaskSources,
    divided_ids,
    plan_task_sources,
    read_ranges,
    usable_workers,
)
from gptprep.tokens.reference_first import ReferenceFirst, as_they_are, reference_bytes
from gptprep.tokens.spec import EncodingSpec
from gptprep.units import MIB

TASK_BYTES = 8 * MIB
"""Text of one task. Nothing is written, so tasks are worth their while sooner than parts of a stream are."""
_TASK_IDS = 1 << 22
"""Ids of one task, for inputs that are ids already."""


class SourceCount(NamedTuple):
    """What was counted in one source or byte range."""

    counts: SourceCounts
    text_bytes: int
    """UTF-8 bytes of the text of its documents: without separators, and without the JSON around a text."""


class Counted(NamedTuple):
    """What was counted in some sources."""

    sources: tuple[SourceCount, ...]
    cross_checked: int
    """Bytes of text whose ids were compared with the reference."""
    by_reference: bool
    """Whether the reference encoded all of it."""


class _TaskCounts(NamedTuple):
    """What was counted in the byte ranges of one task."""

    owners: tuple[int, ...]
    """The number of the source that each range belongs to."""
    ranges: tuple[SourceCount, ...]
    cross_checked: int
    by_reference: bool


@dataclass(frozen=True)
class _Task:
    """What a worker needs to count the ids of some byte ranges."""

    sources: TaskSources
    spec: EncodingSpec
    identity: str
    reference_bytes: int
    """How much of the text the reference encodes."""


def count_sources(
    sources: Sequence[Source],
    spec: EncodingSpec,
    identity: str,
    workers: int,
    report: Report,
    task_bytes: int = TASK_BYTES,
) -> Counted:
    """Count the ids of each source.

    Args:
        identity: that of the tokenizer that `spec` loads.
        report: called with what was read of the sources, as it is on disk, and the ids of it.

    Raises:
        GptprepError: a source cannot be read or encoded; says where.
        CorruptDataError: a source is not what its format says.
    """
    tokenizer = spec.load_unchanged(identity)  # before workers are forked, which then have it too
    task_bytes = tokenizer.task_bytes(task_bytes)
    can_divide = tokenizer.split_points.exist
    planned = list(plan_task_sources(sources, spec.text, task_bytes, can_divide, divided_ids(_TASK_IDS)))
    n_bytes = reference_bytes(sources, tokenizer, len(planned))
    tasks = [_Task(task, spec, identity, n_bytes) for task in planned]
    workers = usable_workers(tasks, workers)
    spec.load_shared(workers)
    streams = Streams(spec.text, task_bytes, tokenizer.split_points.first, _of_range)
    counts = [SourceCounts(path=source.name) for source in sources]
    text_bytes, cross_checked, by_reference = [0] * len(sources), 0, True
    with streams.divided(tasks) as divided:
        for counted in processes.run_reporting(_count, divided, workers, report):
            for owner, (count, n_bytes) in zip(counted.owners, counted.ranges, strict=True):
                counts[owner].add(count)
                text_bytes[owner] += n_bytes
            cross_checked += counted.cross_checked
            by_reference &= counted.by_reference
    return Counted(tuple(map(SourceCount, counts, text_bytes)), cross_checked, by_reference)


def _of_range(task: _Task, sources: TaskSources, _: int) -> _Task:
    tokenizer = task.spec.load_unchanged(task.identity)
    return replace(task, sources=sources, reference_bytes=reference_bytes(sources.ranges, tokenizer))


def _count(task: _Task, report: Report = no_report) -> _TaskCounts:
    """Count the ids of the byte ranges of one task; raises as `count_sources`."""
    tokenizer, spec = task.spec.load_unchanged(task.identity), task.spec

    def read(exact: tuple[Source, ...]) -> _TaskCounts:
        engine = ReferenceFirst(tokenizer, task.reference_bytes, as_they_are)
        checker = CrossChecker(tokenizer, enabled=spec.cross_check, engine=engine)
        encoder = CorpusEncoder[Sized](exact, tokenizer, spec.text, engine, checker, report)
        text_bytes = [0] * len(exact)
        for encoded in encoder.in_batches():
            text_bytes[len(encoder.counts) - 1] += encoded.n_bytes
        ranges = tuple(map(SourceCount, encoder.counts, text_bytes))
        return _TaskCounts(task.sources.owners, ranges, checker.compared, engine.by_reference)

    return read_ranges(task.sources.ranges, spec.text, tokenizer.split_points.first, read)
