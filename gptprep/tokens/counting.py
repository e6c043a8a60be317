"""Counting the ids of sources: they are encoded as for a file of ids, and nothing is written.

Tasks follow from the sources alone, and each gives the counts of its byte ranges; their sums are the same for
any number of workers.
"""

from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from typing import NamedTuple

from gptprep.corpus.sources import Source, total_bytes
from gptprep.parallel.look_ahead import look_ahead
from gptprep.progress import Report, no_report
from gptprep.tokenizers import Tokenizer
from gptprep.tokenizers.base import EncodedDocuments
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
from gptprep.tokens.spec import EncodingSpec
from gptprep.units import MIB

TASK_BYTES = 8 * MIB
"""Text of one task. Nothing is written, so tasks are worth their while sooner than parts of a stream are."""
_TASK_IDS = 1 << 22
"""Ids of one task, for inputs that are ids already."""
_QUICK_BYTES = MIB
"""Text that is encoded sooner by the engine for small texts than the fast one starts."""


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


class _TaskCounts(NamedTuple):
    """What was counted in the byte ranges of one task."""

    owners: tuple[int, ...]
    """The number of the source that each range belongs to."""
    ranges: tuple[SourceCount, ...]
    cross_checked: int


@dataclass(frozen=True)
class _Task:
    """What a worker needs to count the ids of some byte ranges."""

    sources: TaskSources
    spec: EncodingSpec
    identity: str
    quick_bytes: int
    """How much of the text the engine encodes that needs no start."""


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
    total, task_bytes = total_bytes(sources), tokenizer.task_bytes(task_bytes)
    can_divide = tokenizer.split_points.exist
    planned = list(plan_task_sources(sources, spec.text, task_bytes, can_divide, divided_ids(_TASK_IDS)))
    may_be_small = len(planned) == 1 and (total is None or total < _QUICK_BYTES)
    tasks = [_Task(task, spec, identity, _QUICK_BYTES if may_be_small else 0) for task in planned]
    workers = usable_workers(tasks, workers)
    spec.load_shared(workers)
    streams = Streams(spec.text, task_bytes, tokenizer.split_points.first, _of_range)
    counts = [SourceCounts(path=source.name) for source in sources]
    text_bytes, cross_checked = [0] * len(sources), 0
    with streams.divided(tasks) as divided:
        for counted in _results(divided, workers, report):
            for owner, (count, n_bytes) in zip(counted.owners, counted.ranges, strict=True):
                counts[owner].add(count)
                text_bytes[owner] += n_bytes
            cross_checked += counted.cross_checked
    return Counted(tuple(map(SourceCount, counts, text_bytes)), cross_checked)


def _of_range(task: _Task, sources: TaskSources, number: int) -> _Task:
    data = sources.ranges[0].data  # a short pipe is in memory
    may_be_small = number == 0 and data is not None and len(data) < _QUICK_BYTES
    return replace(task, sources=sources, quick_bytes=_QUICK_BYTES if may_be_small else 0)


def _results(tasks: Iterable[_Task], workers: int, report: Report) -> Iterator[_TaskCounts]:
    n_ahead, waiting = look_ahead(tasks, 2)
    if n_ahead < 2:
        yield from (_count(task, report) for task in waiting)
        return
    from gptprep.parallel import processes  # multiprocessing takes as long to import as a short text to count

    workers = min(workers, len(tasks)) if isinstance(tasks, Sized) else workers
    yield from processes.run_reporting(_count, waiting, workers, report)


def _count(task: _Task, report: Report = no_report) -> _TaskCounts:
    """Count the ids of the byte ranges of one task; raises as `count_sources`."""
    tokenizer, spec = task.spec.load_unchanged(task.identity), task.spec

    def read(exact: tuple[Source, ...]) -> _TaskCounts:
        quick = _Quick(tokenizer, task.quick_bytes)
        checker = CrossChecker(tokenizer, enabled=spec.cross_check, skipped=task.quick_bytes)
        encoder = CorpusEncoder[Sized](exact, tokenizer, spec.text, quick, checker, report)
        text_bytes = [0] * len(exact)
        for encoded in encoder.in_batches():
            text_bytes[len(encoder.counts) - 1] += encoded.n_bytes
        ranges = tuple(map(SourceCount, encoder.counts, text_bytes))
        return _TaskCounts(task.sources.owners, ranges, checker.compared)

    return read_ranges(task.sources.ranges, spec.text, tokenizer.split_points.first, read)


class _Quick:
    """Encodes texts, the first ones by the engine that needs no start.

    Args:
        n_bytes: how much text that engine encodes.
    """

    def __init__(self, tokenizer: Tokenizer, n_bytes: int) -> None:
        self._tokenizer, self._left = tokenizer, n_bytes

    def encode_array(self, text: bytes) -> Sized:
        """The ids of a valid UTF-8 text; raises as `Tokenizer.encode_array`."""
        if len(text) > self._left:
            return self._tokenizer.encode_array(text)
        self._left -= len(text)
        return self._tokenizer.encode(text.decode())

    def encode_documents(self, texts: Sequence[bytes]) -> EncodedDocuments | None:
        """The ids of several texts; None for the first ones, which are encoded one by one."""
        return None if sum(map(len, texts)) <= self._left else self._tokenizer.encode_documents(texts)
