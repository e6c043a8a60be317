"""Counting the ids of sources: how often each occurs, how long documents are, and which scripts they are in.

Tasks are planned as for `encode`, and a result is small and adds up, so the counts are the same for any
number of workers. Nothing is written.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep.corpus.sources import Source, stored_bytes
from gptprep.parallel import processes
from gptprep.pipelines.inspect.scripts import count_scripts
from gptprep.progress import Progress, Report, SharedProgress, no_progress, no_report
from gptprep.tokenizers import Tokenizer
from gptprep.tokens.counts import SourceCounts
from gptprep.tokens.cross_check import CrossChecker
from gptprep.tokens.encoder import CorpusEncoder, EncodedBatch, EncodedChunk
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

TASK_BYTES = 16 * MIB
"""Text of one task."""
SAMPLE_BYTES = MIB
"""Text at the start of each task whose scripts are counted."""
_COUNTED_IDS = 1 << 17
"""Ids that are counted together: more than most vocabularies have, so that the counts cost little."""
_TASK_IDS = 1 << 22
"""Ids of one task, for files of ids."""


@dataclass(frozen=True)
class CountTask:
    """What a worker needs to count."""

    sources: TaskSources
    spec: EncodingSpec
    identity: str
    """Of the tokenizer that the plan was made with."""
    counts_scripts: bool


class Lengths(NamedTuple):
    """The lengths of documents in ids, of a part of the stream that may start and end inside a document."""

    first: int | None
    """The ids before the first end of a document; None if no document ends here."""
    others: dict[int, int]
    """How many documents have each length, of those that start and end here."""
    rest: int
    """The ids after the last end of a document."""


class TaskCounts(NamedTuple):
    """What one task has counted."""

    owners: tuple[int, ...]
    sources: tuple[SourceCounts, ...]
    """One for each owner."""
    text_bytes: tuple[int, ...]
    """UTF-8 bytes of the text of their documents: without separators, and without the JSON around a text."""
    distinct: NDArray[Any]
    """(d,) the ids that occur."""
    occurrences: NDArray[Any]
    """(d,) how often each of them does."""
    lengths: Lengths
    scripts: dict[str, tuple[int, int]]
    """The bytes and ids of each script, in the sample."""
    cross_checked: int


@dataclass
class Counts:
    """What all tasks have counted."""

    sources: list[SourceCounts]
    occurrences_V: NDArray[Any]  # noqa: N815  as in the words of docs/architecture.md
    """How often each id occurs."""
    text_bytes: list[int]
    """Of each source; see `TaskCounts`."""
    lengths: Counter[int] = field(default_factory=Counter)
    """How many documents have each length."""
    scripts: dict[str, tuple[int, int]] = field(default_factory=dict)
    cross_checked: int = 0
    _open: int = 0
    """The ids of a document that has not ended."""

    @property
    def ids(self) -> int:
        """All ids of documents."""
        return int(self.occurrences_V.sum())

    def add(self, task: TaskCounts) -> None:
        """Add what the next task has counted."""
        for owner, count, text_bytes in zip(task.owners, task.sources, task.text_bytes, strict=True):
            self.sources[owner].add(count)
            self.text_bytes[owner] += text_bytes
        self.occurrences_V[task.distinct] += task.occurrences
        self.scripts = _added(self.scripts, task.scripts)
        self.cross_checked += task.cross_checked
        if task.lengths.first is not None:
            self.lengths[self._open + task.lengths.first] += 1
            self.lengths.update(task.lengths.others)
            self._open = 0
        self._open += task.lengths.rest


def _added(a: dict[str, tuple[int, int]], b: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    none = (0, 0)
    return {
        name: (a.get(name, none)[0] + b.get(name, none)[0], a.get(name, none)[1] + b.get(name, none)[1])
        for name in {**a, **b}
    }


def count(
    sources: Sequence[Source],
    spec: EncodingSpec,
    workers: int,
    progress: Progress = no_progress,
    *,
    counts_scripts: bool = False,
) -> Counts:
    """Count the ids of all sources.

    Raises:
        GptprepError: a source cannot be read or encoded; says where.
        CorruptDataError: a source is not what its format says.
    """
    tokenizer = spec.load_tokenizer()
    tasks = _plan(sources, spec, tokenizer, counts_scripts=counts_scripts)
    workers = usable_workers(tasks, workers)
    spec.load_shared(workers)
    streams = Streams(spec.text, tokenizer.task_bytes(TASK_BYTES), tokenizer.split_points.first, _of_range)
    of_sources = [SourceCounts(path=source.name) for source in sources]
    counts = Counts(of_sources, _zeros(tokenizer), [0] * len(sources))
    done = SharedProgress(progress, "counting", stored_bytes(sources), "bytes")
    with streams.divided(tasks) as divided:
        for result in processes.run_reporting(count_task, divided, workers, done.add):
            counts.add(result)
    return counts


def _plan(
    sources: Sequence[Source], spec: EncodingSpec, tokenizer: Tokenizer, *, counts_scripts: bool
) -> list[CountTask]:
    can_divide = tokenizer.split_points.exist
    planned = plan_task_sources(
        sources, spec.text, tokenizer.task_bytes(TASK_BYTES), can_divide, divided_ids(_TASK_IDS)
    )
    return [CountTask(task, spec, tokenizer.identity, counts_scripts) for task in planned]


def _of_range(task: CountTask, sources: TaskSources, _: int) -> CountTask:
    return replace(task, sources=sources)


def count_task(task: CountTask, report: Report = no_report) -> TaskCounts:
    """Count the ids of one task; raises as `count`."""
    tokenizer, (ranges, owners, _) = task.spec.load_unchanged(task.identity), task.sources

    def read(exact: tuple[Source, ...]) -> TaskCounts:
        return _TaskCounter(task, tokenizer).count(exact, owners, report)

    return read_ranges(ranges, task.spec.text, tokenizer.split_points.first, read)


class _TaskCounter:
    """Counts while chunks are encoded: scripts need the text too."""

    def __init__(self, task: CountTask, tokenizer: Tokenizer) -> None:
        self._task, self._tokenizer = task, tokenizer
        self._left = SAMPLE_BYTES if task.counts_scripts else 0
        self._scripts: dict[str, tuple[int, int]] = {}

    def count(self, ranges: tuple[Source, ...], owners: tuple[int, ...], report: Report) -> TaskCounts:
        tokenizer, spec = self._tokenizer, self._task.spec
        checker = CrossChecker(tokenizer, enabled=spec.cross_check)
        encoder = CorpusEncoder(ranges, tokenizer, spec.text, tokenizer, checker, report)
        occurrences_V, ends = _zeros(tokenizer), list[NDArray[Any]]()
        text_bytes = [0] * len(ranges)
        n_ids = n_waiting = 0
        waiting: list[NDArray[Any]] = []  # many small documents are counted at once
        for encoded in encoder.in_batches():
            text_bytes[len(encoder.counts) - 1] += encoded.n_bytes
            self._sample(encoded)
            waiting.append(encoded.ids)
            n_waiting += len(encoded.ids)
            if isinstance(encoded, EncodedBatch):
                occurrences_V[tokenizer.eot] -= len(encoded.ends)
                ends.append(n_ids + encoded.ends - np.arange(1, len(encoded.ends) + 1))
            elif encoded.last:
                ends.append(np.array([n_ids + len(encoded.ids)]))
            n_ids += encoded.n_ids
            if n_waiting > _COUNTED_IDS:
                occurrences_V += _occurrences(waiting, tokenizer.n_vocab)
                waiting, n_waiting = [], 0
        occurrences_V += _occurrences(waiting, tokenizer.n_vocab)
        distinct = occurrences_V.nonzero()[0].astype(np.uint32)
        return TaskCounts(
            owners=owners[: len(encoder.counts)],
            sources=tuple(encoder.counts),
            text_bytes=tuple(text_bytes[: len(encoder.counts)]),
            distinct=distinct,
            occurrences=occurrences_V[distinct],
            lengths=_lengths(ends, n_ids),
            scripts=self._scripts,
            cross_checked=checker.compared,
        )

    def _sample(self, encoded: EncodedChunk[NDArray[Any]] | EncodedBatch) -> None:
        """Count the scripts of the first texts."""
        if isinstance(encoded, EncodedChunk):
            self._sample_text(encoded.text, encoded.ids)
            return
        for number, text in enumerate(encoded.texts):
            if self._left <= 0:
                break
            self._sample_text(text, encoded.encoded.ids_of(number))

    def _sample_text(self, text: bytes, ids: NDArray[Any]) -> None:
        """Count the scripts of a text, or of its start if it is larger than what is left of the sample."""
        if self._left <= 0 or not text:
            return
        lengths = _token_sizes(self._tokenizer).of(ids)
        if int(lengths.sum()) != len(text):
            self._left = 0  # the tokens are not the text, as with vocabularies of words
            return
        if len(text) > self._left:
            lengths = lengths[: np.searchsorted(np.cumsum(lengths), self._left, "right")]
        self._scripts = _added(self._scripts, count_scripts(text, lengths))
        self._left -= len(text)


def _occurrences(arrays: list[NDArray[Any]], n_vocab: int) -> NDArray[np.int64]:
    """How often each id is in some arrays, (V,)."""
    ids = np.concatenate(arrays) if arrays else np.zeros(0, np.int64)
    return np.bincount(ids.astype(np.int64, copy=False), minlength=n_vocab)


class _TokenSizes:
    """The bytes of tokens, which are looked up when they are first needed."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._sizes_V = np.full(tokenizer.n_vocab, -1, np.int64)

    def of(self, ids: NDArray[Any]) -> NDArray[Any]:
        """The bytes (n,) of each id."""
        sizes: NDArray[Any] = self._sizes_V[ids]
        if (unknown := np.unique(ids[sizes < 0])).size:
            self._sizes_V[unknown] = [len(self._tokenizer.token_bytes(one)) for one in unknown.tolist()]
            sizes = self._sizes_V[ids]
        return sizes


@lru_cache(maxsize=1)
def _token_sizes(tokenizer: Tokenizer) -> _TokenSizes:
    """One for each process."""
    return _TokenSizes(tokenizer)


def _zeros(tokenizer: Tokenizer) -> NDArray[Any]:
    return np.zeros(tokenizer.n_vocab, np.int64)


def _lengths(ends: list[NDArray[Any]], n_ids: int) -> Lengths:
    """The lengths of documents that end after so many ids."""
    lengths = np.diff(np.concatenate([np.zeros(1, np.int64), *ends]))
    if not len(lengths):
        return Lengths(None, {}, n_ids)
    found, how_often = np.unique(lengths[1:], return_counts=True)
    others = dict(zip(found.tolist(), how_often.tolist(), strict=True))
    return Lengths(int(lengths[0]), others, n_ids - int(lengths.sum()))
