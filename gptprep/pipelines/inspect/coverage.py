"""How much of some text a vocabulary has, or how a BPE uses its vocabulary; all cores count."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from gptprep.choices import SourceKind
from gptprep.corpus.documents import TextOptions as TextOptions
from gptprep.corpus.sources import FileFilter, Selection, Source, select_sources, total_bytes
from gptprep.errors import UsageError, os_errors
from gptprep.parallel import processes
from gptprep.parallel.workers import chosen_workers
from gptprep.pipelines import vocab
from gptprep.progress import Progress, no_progress
from gptprep.storage.temporary import temporary_errors, temporary_folder
from gptprep.tokenizers import Tokenizer
from gptprep.tokenizers.train.words import check_special_tokens
from gptprep.tokenizers.visible import visible
from gptprep.tokens.encoder import (
    CorpusEncoder,
    CrossChecker,
    SourceCounts,
    Totals,
    check_not_empty,
    totals,
)
from gptprep.tokens.planning import TaskSources, plan_task_sources, read_ranges
from gptprep.tokens.spec import EncodingSpec
from gptprep.units import MIB

_TASK_BYTES = 32 * MIB
"""Text that a worker encodes at a time."""


class Missing(NamedTuple):
    """A word or character that a vocabulary does not have."""

    token: str
    """Made visible."""
    occurrences: int


@dataclass(frozen=True, kw_only=True)
class Coverage(Totals):
    """What a vocabulary has of some text."""

    unit: Literal["word", "character", "id"]
    """What is counted."""
    count: int
    """Words or characters of the text that are not special tokens, or all ids."""
    covered: int
    """How many of them the vocabulary has: of ids, all."""
    used: int
    """How many ordinary tokens of the vocabulary are in the text."""
    usable: int
    """How many ordinary tokens the vocabulary has."""
    distinct_missing: int
    missing: tuple[Missing, ...]
    """The most frequent words or characters that the vocabulary does not have."""


@dataclass(frozen=True)
class CoverageOptions:
    """The text, and how it is read and encoded."""

    inputs: tuple[str, ...]
    encoding: EncodingSpec
    stdin: SourceKind = "text"
    files: FileFilter = field(default_factory=FileFilter)
    workers: int | None = None
    shown: int = 20
    """How many missing words or characters the result has."""


def measure_coverage(
    tokenizer: Tokenizer, options: CoverageOptions, progress: Progress = no_progress
) -> Coverage:
    """Count what a tokenizer has of some text.

    Args:
        tokenizer: the one that `options.encoding` names.

    Raises:
        GptprepError: an input cannot be read or encoded, or there is no text.
        CorruptDataError: an input is not what its format says.
    """
    if tokenizer.kind in ("word", "char"):
        return _of_words(tokenizer, options, progress)
    return _of_ids(tokenizer, options, progress)


def _of_words(tokenizer: Tokenizer, options: CoverageOptions, progress: Progress) -> Coverage:
    kind: Literal["word", "char"] = "word" if tokenizer.kind == "word" else "char"
    plan = vocab.plan(
        vocab.VocabOptions(
            inputs=options.inputs,
            kind=kind,
            special_tokens=tuple(_countable(kind, tokenizer.special_tokens)),
            text=options.encoding.text,
            stdin=options.stdin,
            files=options.files,
            workers=options.workers,
        )
    )
    counted, counts = vocab.count_tokens(plan, progress)
    tokens = {tokenizer.token_bytes(token_id).decode() for token_id in range(tokenizer.n_vocab)}
    tokens -= tokenizer.special_tokens.keys()
    missing = Counter({token: n for token, n in counted.items() if token not in tokens})
    first = sorted(missing.items(), key=lambda item: (-item[1], item[0]))[: options.shown]
    return Coverage(
        unit="word" if kind == "word" else "character",
        count=counted.total(),
        covered=counted.total() - missing.total(),
        used=len(counted) - len(missing),
        usable=len(tokens),
        distinct_missing=len(missing),
        missing=tuple(Missing(visible(token.encode()), n) for token, n in first),
        **totals(counts, plan.selection),
    )


def _countable(kind: str, special_tokens: Sequence[str] | dict[str, int]) -> Iterator[str]:
    """The special tokens that can be in a text as tokens; a vocabulary file may have others."""
    for token in special_tokens:
        try:
            check_special_tokens(kind, (token,))
        except UsageError:
            continue
        yield token


# Ids


@dataclass(frozen=True)
class IdTask:
    """What a worker encodes and counts."""

    sources: TaskSources
    spec: EncodingSpec
    fingerprint: str
    file: str
    """Where the counts go: an array is too large to be sent between processes."""


class CountedIds(NamedTuple):
    """What a worker counted."""

    file: str
    """.npy: how often each id occurs."""
    sources: tuple[SourceCounts, ...]
    owners: tuple[int, ...]


def _of_ids(tokenizer: Tokenizer, options: CoverageOptions, progress: Progress) -> Coverage:
    import numpy as np

    selection = select_sources(options.inputs, stdin=options.stdin, file_filter=options.files)
    sources, workers = selection.sources, chosen_workers(options.workers)
    if any(source.size is None for source in sources):
        workers = 1  # only the process that has a pipe can read it
    counts = [SourceCounts(path=source.name) for source in sources]
    found = np.zeros(tokenizer.n_vocab, np.int64)
    total, done = total_bytes(sources), 0
    scratch = temporary_folder("counting")
    with temporary_errors(scratch), tempfile.TemporaryDirectory(dir=scratch) as folder:
        tasks = list(_tasks(tokenizer, options, sources, folder))
        only = [count_ids(tasks[0], progress)] if len(tasks) == 1 else None
        for counted in only or processes.run(count_ids, tasks, workers):
            found += np.load(counted.file)
            os.unlink(counted.file)
            for owner, count in zip(counted.owners, counted.sources, strict=True):
                counts[owner].add(count)
                done += count.bytes
            progress("encoding", done, total, "bytes")
    check_not_empty(sources, counts)
    return _coverage_of_ids(tokenizer, found, counts, selection)


def _tasks(
    tokenizer: Tokenizer, options: CoverageOptions, sources: list[Source], folder: str
) -> Iterator[IdTask]:
    spec, can_divide = options.encoding, tokenizer.split_points.exist
    for number, planned in enumerate(plan_task_sources(sources, spec.text, _TASK_BYTES, can_divide)):
        yield IdTask(planned, spec, tokenizer.fingerprint, os.path.join(folder, f"{number}.npy"))


def count_ids(task: IdTask, progress: Progress = no_progress) -> CountedIds:
    """Encode some sources and count their ids.

    Raises:
        GptprepError: a source cannot be read or encoded; says where.
        CorruptDataError: a source is not what its format says.
    """
    import numpy as np

    tokenizer, text = task.spec.load_unchanged(task.fingerprint), task.spec.text

    def read(ranges: tuple[Source, ...]) -> CountedIds:
        checker = CrossChecker(tokenizer, enabled=task.spec.cross_check)
        encoder = CorpusEncoder[Any](ranges, tokenizer, text, tokenizer.encode_array, checker, progress)
        found = np.zeros(tokenizer.n_vocab, np.int64)
        for chunk in encoder:
            # A short chunk would cost as much as the vocabulary is large.
            ids, n = np.unique(chunk.ids, return_counts=True)
            found[ids] += n
        with os_errors("write", task.file), open(task.file, "wb") as file:
            np.save(file, found)
        return CountedIds(task.file, tuple(encoder.counts), task.sources.owners)

    return read_ranges(task.sources.ranges, text, tokenizer.split_points.first, read)


def _coverage_of_ids(
    tokenizer: Tokenizer, found: Any, counts: Sequence[SourceCounts], selection: Selection
) -> Coverage:
    special_ids = set(tokenizer.special_tokens.values())
    n_ids = int(found.sum())
    found[[*special_ids]] = 0
    return Coverage(
        unit="id",
        count=n_ids,
        covered=n_ids,
        used=int((found > 0).sum()),
        usable=_ordinary(tokenizer, special_ids),
        distinct_missing=0,
        missing=(),
        **totals(counts, selection),
    )


def _ordinary(tokenizer: Tokenizer, special_ids: set[int]) -> int:
    """How many ids have an ordinary token."""
    n = 0
    for token_id in range(tokenizer.n_vocab):
        try:
            tokenizer.token_bytes(token_id)
        except KeyError:
            continue
        n += token_id not in special_ids
    return n
