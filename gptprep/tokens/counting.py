"""Counting the ids of sources: they are encoded as for a file of ids, and nothing is written.

Tasks follow from the sources alone, and each gives the counts of its byte ranges; their sums are the same for
any number of workers.
"""

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import NamedTuple

from gptprep.corpus.sources import Source, total_bytes
from gptprep.progress import Report, no_report
from gptprep.tokenizers import Tokenizer
from gptprep.tokens.encoder import CorpusEncoder, CrossChecker, SourceCounts
from gptprep.tokens.planning import TaskSources, divided_ids, plan_task_sources, read_ranges
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


@dataclass(frozen=True)
class _Task:
    """What a worker needs to count the ids of some byte ranges."""

    sources: TaskSources
    spec: EncodingSpec
    fingerprint: str
    quick_bytes: int
    """How much of the text the engine encodes that needs no start."""


def count_sources(
    sources: Sequence[Source],
    spec: EncodingSpec,
    fingerprint: str,
    workers: int,
    report: Report,
    task_bytes: int = TASK_BYTES,
) -> Counted:
    """Count the ids of each source.

    Args:
        fingerprint: that of the tokenizer that `spec` loads, or of its file; see `load_unchanged`.
        report: called with what was read of the sources, as it is on disk, and the ids of it.

    Raises:
        GptprepError: a source cannot be read or encoded; says where.
        CorruptDataError: a source is not what its format says.
    """
    tokenizer = spec.load_unchanged(fingerprint)  # before workers are forked, which then have it too
    total = total_bytes(sources)
    can_divide = tokenizer.split_points.exist
    planned = list(plan_task_sources(sources, spec.text, task_bytes, can_divide, divided_ids(_TASK_IDS)))
    may_be_small = len(planned) == 1 and (total is None or total < _QUICK_BYTES)
    tasks = [_Task(task, spec, fingerprint, _QUICK_BYTES if may_be_small else 0) for task in planned]
    if any(source.size is None for source in sources):
        workers = 1  # only the process that has a pipe can read it
    counts = [SourceCounts(path=source.name) for source in sources]
    text_bytes, cross_checked = [0] * len(sources), 0
    for task, counted in zip(tasks, _results(tasks, workers, report), strict=True):
        for owner, (count, n_bytes) in zip(task.sources.owners, counted.sources, strict=True):
            counts[owner].add(count)
            text_bytes[owner] += n_bytes
        cross_checked += counted.cross_checked
    return Counted(tuple(map(SourceCount, counts, text_bytes)), cross_checked)


def _results(tasks: Sequence[_Task], workers: int, report: Report) -> Iterator[Counted]:
    if len(tasks) == 1:
        yield _count(tasks[0], report)
        return
    from gptprep.parallel import processes  # multiprocessing takes as long to import as a short text to count

    yield from processes.run_reporting(_count, tasks, workers, report)


def _count(task: _Task, report: Report = no_report) -> Counted:
    """Count the ids of the byte ranges of one task; raises as `count_sources`."""
    tokenizer, spec = task.spec.load_unchanged(task.fingerprint), task.spec

    def read(exact: tuple[Source, ...]) -> Counted:
        encode = _Encode(tokenizer, CrossChecker(tokenizer, enabled=spec.cross_check), task.quick_bytes)
        unchecked = CrossChecker(tokenizer, enabled=False)  # `encode` compares
        encoder = CorpusEncoder[Sized](exact, tokenizer, spec.text, encode, unchecked, report)
        text_bytes = [0] * len(exact)
        for _ in encoder:
            text_bytes[len(encoder.counts) - 1] += encode.taken_bytes()
        return Counted(tuple(map(SourceCount, encoder.counts, text_bytes)), encode.cross_checked)

    return read_ranges(task.sources.ranges, spec.text, tokenizer.split_points.first, read)


class _Encode:
    """Encodes texts, the first ones by the engine that needs no start.

    Args:
        quick_bytes: how much text that engine encodes.
    """

    def __init__(self, tokenizer: Tokenizer, cross_checker: CrossChecker, quick_bytes: int) -> None:
        self._tokenizer, self._cross_checker, self._quick_left = tokenizer, cross_checker, quick_bytes
        self._n_bytes = 0

    def __call__(self, text: bytes) -> Sized:
        """The ids of a valid UTF-8 text; raises as `Tokenizer.encode_array` and `CrossChecker.check`."""
        self._n_bytes += len(text)
        if len(text) <= self._quick_left:
            self._quick_left -= len(text)
            return self._tokenizer.encode(text.decode())
        ids = self._tokenizer.encode_array(text)
        self._cross_checker.check(text)
        return ids

    def taken_bytes(self) -> int:
        """How many bytes of text were encoded since this was asked last."""
        n_bytes, self._n_bytes = self._n_bytes, 0
        return n_bytes

    @property
    def cross_checked(self) -> int:
        """Bytes whose ids were compared with the reference."""
        return self._cross_checker.compared
