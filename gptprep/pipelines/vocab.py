"""`vocab`: a vocabulary of words or characters, or a trained byte-level BPE, from text.

Workers count the tokens of parts of the text, and their counts are added up.
"""

import json
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Literal, NamedTuple

from gptprep.choices import SourceKind, VocabKind
from gptprep.corpus.batches import Batch, read_batches
from gptprep.corpus.selection import FileFilter, Selection, select_sources
from gptprep.corpus.sources import Source, stored_bytes
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import UsageError, os_errors
from gptprep.parallel import processes
from gptprep.parallel.limits import limit_rayon_threads
from gptprep.parallel.workers import chosen_workers, usable_cores
from gptprep.progress import Progress, Report, SharedProgress, no_progress, no_report
from gptprep.storage.json_files import json_bytes, read_json
from gptprep.storage.publish import check_file_output, publish_file
from gptprep.storage.temporary import temporary_errors, temporary_folder
from gptprep.tokenizers.gigatoken import is_installed
from gptprep.tokenizers.train import bpe
from gptprep.tokenizers.train.pretokens import PretokenCounter
from gptprep.tokenizers.train.words import TokenCounter, build_vocabulary
from gptprep.tokenizers.vocabulary import DEFAULT_SPECIAL_TOKENS
from gptprep.tokens.counts import SourceCounts, Totals, check_not_empty, totals
from gptprep.tokens.planning import Streams, TaskSources, plan_task_sources, read_ranges, usable_workers
from gptprep.units import MIB

TASK_BYTES = 32 * MIB
"""Text that a worker counts at a time."""


@dataclass(frozen=True)
class VocabOptions:
    """What to build.

    Without `special_tokens` a vocabulary has `<|endoftext|>`, and one of words or characters also `<|unk|>`.
    """

    inputs: tuple[str, ...]
    output: str | None = None
    """A file, "-" for the stream given to `run`, or None for a report alone."""
    kind: VocabKind = "word"
    size: int | None = None
    """The number of tokens, including special ones."""
    min_count: int = 1
    special_tokens: tuple[str, ...] | None = None
    top: int = 20
    """How many of the most frequent tokens the report has."""
    text: TextOptions = field(default_factory=TextOptions)
    stdin: SourceKind = "text"
    files: FileFilter = field(default_factory=FileFilter)
    workers: int | None = None
    force: bool = False

    def specials(self) -> tuple[str, ...]:
        """The special tokens, given or by default."""
        if self.special_tokens is not None:
            return self.special_tokens
        return DEFAULT_SPECIAL_TOKENS[:1] if self.kind == "bpe" else DEFAULT_SPECIAL_TOKENS


@dataclass(frozen=True)
class VocabPlan:
    """What a run will read."""

    options: VocabOptions
    sources: tuple[Source, ...]
    selection: Selection
    workers: int


@dataclass(frozen=True, kw_only=True)
class VocabReport(Totals):
    """What was built."""

    output: str | None
    kind: VocabKind
    size: int
    wanted: int | None
    """The size that was asked for: the text may have too few tokens, or pairs to merge, for it."""
    special_tokens: tuple[str, ...]
    tokens: int
    """All tokens of the text; of a BPE, after its merges."""
    distinct: int
    """Distinct tokens of the text; of a BPE, distinct pre-tokens."""
    covered: int
    """How many of `tokens` the vocabulary has."""
    top: tuple[tuple[str, int, int], ...]
    """The most frequent tokens of the vocabulary: token, id, count."""


def plan(options: VocabOptions) -> VocabPlan:
    """Check everything that can be checked before the work.

    Raises:
        UsageError: an option gives no vocabulary.
        GptprepError: an input or the output cannot be used.
    """
    for name, number, least in (("--top", options.top, 0), ("--min-count", options.min_count, 1)):
        if number < least:
            raise UsageError(f"{name} is {number}", fix=f"give {least} or more")
    selection = select_sources(options.inputs, stdin=options.stdin, file_filter=options.files)
    sources = selection.sources
    if options.output not in (None, "-"):
        check_file_output(options.output, force=options.force, inputs=(source.path for source in sources))
        if not options.output.endswith(".json"):
            what = f"{options.output} does not end in .json"
            fix = f"name it {os.path.splitext(options.output)[0]}.json"
            raise UsageError(what, "a vocabulary is recognized by this ending", fix)
    workers = chosen_workers(options.workers)
    if options.kind == "bpe":
        bpe.check_request(options.size, options.specials())
        workers = 1  # gigatoken counts with threads of its own, which a forked process does not have
    return VocabPlan(options, tuple(sources), selection, workers)


def run(plan: VocabPlan, progress: Progress = no_progress, out: BinaryIO | None = None) -> VocabReport:
    """Count the tokens of the inputs and write the vocabulary, to `out` if the output is "-".

    Raises:
        UsageError: the size has no room for a token.
        GptprepError: an input or the output cannot be used; nothing is left at the output's name.
    """
    options = plan.options
    if options.kind == "bpe" and is_installed():
        limit_rayon_threads(usable_cores())  # gigatoken counts with them
    counted, counts = count_tokens(plan, progress)
    built: dict[str, Any] = (_build_bpe if options.kind == "bpe" else _build_words)(
        options, counted, progress
    )
    data = json_bytes(built.pop("file"))
    if options.output == "-":
        if out is not None:
            out.write(data)
    elif options.output is not None:
        with publish_file(options.output, force=options.force) as file:
            file.write(data)
    return VocabReport(
        output=options.output,
        kind=options.kind,
        wanted=options.size,
        special_tokens=options.specials(),
        **built | totals(counts, plan.selection),
    )


# Counting


@dataclass(frozen=True)
class CountTask:
    """What a worker counts."""

    sources: TaskSources
    text: TextOptions
    kind: VocabKind
    special_tokens: tuple[str, ...]
    file: str
    """Where the counts go, as JSON: they may be too large to be sent between processes. If it is empty they
    are in the result."""


class Counted(NamedTuple):
    """What a worker counted."""

    counts: Counter[Any]
    """How often each token occurs; nothing if that is in the file of the task."""
    file: str
    """That of the task."""
    sources: tuple[SourceCounts, ...]
    owners: tuple[int, ...]


def count_tokens(plan: VocabPlan, progress: Progress) -> tuple[Counter[Any], list[SourceCounts]]:
    """How often each word, character or pre-token is in the inputs, and what was read of each source.

    Raises:
        UsageError: a special token cannot be one.
        GptprepError: an input cannot be read, or there is no text.
    """
    counts = [SourceCounts(path=source.name) for source in plan.sources]
    found: Counter[Any] = Counter()
    done = SharedProgress(progress, "counting", stored_bytes(plan.sources), "bytes")
    scratch = temporary_folder("counting")
    with temporary_errors(scratch), tempfile.TemporaryDirectory(dir=scratch) as folder:
        tasks = _tasks(plan, folder)
        if (workers := usable_workers(tasks, plan.workers)) == 1:
            tasks = [replace(task, file="") for task in tasks]
        first_split_point = _counter(plan.options.kind, plan.options.specials()).split_points.first
        streams = Streams(plan.options.text, TASK_BYTES, first_split_point, _of_range)
        with streams.divided(tasks) as divided:
            for counted in processes.run_reporting(count_task, divided, workers, done.add):
                found.update(counted.counts)
                if counted.file:
                    found.update(read_json(counted.file))
                    os.unlink(counted.file)
                for owner, count in zip(counted.owners, counted.sources, strict=True):
                    counts[owner].add(count)
    check_not_empty(plan.sources, counts)
    return found, counts


def _tasks(plan: VocabPlan, folder: str) -> list[CountTask]:
    text, kind, specials = plan.options.text, plan.options.kind, plan.options.specials()
    has_split_points = _counter(kind, specials).split_points.exist
    planned = plan_task_sources(plan.sources, text, TASK_BYTES, has_split_points)
    return [
        CountTask(sources, text, kind, specials, os.path.join(folder, f"{number}.json"))
        for number, sources in enumerate(planned)
    ]


def _of_range(task: CountTask, sources: TaskSources, number: int) -> CountTask:
    return replace(task, sources=sources, file=task.file and f"{task.file}-{number}")


def count_task(task: CountTask, report: Report = no_report) -> Counted:
    """Count the tokens of some sources.

    Args:
        report: called with what was read of the sources, as it is on disk.

    Raises:
        UsageError: a special token cannot be one.
        GptprepError: a source cannot be read; says where.
        CorruptDataError: a source is not what its format says.
    """

    def count(ranges: tuple[Source, ...]) -> Counted:
        counter = _counter(task.kind, task.special_tokens)
        counts: list[SourceCounts] = []
        for source in ranges:
            counts.append(SourceCounts(path=source.name))
            last_split_point = counter.split_points.last
            for read in read_batches(source, task.text, last_split_point, counts[-1], on_read=report):
                if isinstance(read, Batch):
                    counter.add_documents(read.texts)
                else:
                    counter.add(read.text)
        found: Counter[Any] = counter.counts()
        if task.file:
            with os_errors("write", task.file), open(task.file, "wb") as file:
                file.write(json.dumps(found).encode())
            found = Counter()
        return Counted(found, task.file, tuple(counts), task.sources.owners)

    split_points = _counter(task.kind, task.special_tokens).split_points
    return read_ranges(task.sources.ranges, task.text, split_points.first, count)


def _counter(kind: VocabKind, special_tokens: tuple[str, ...]) -> TokenCounter | PretokenCounter:
    return PretokenCounter(special_tokens) if kind == "bpe" else TokenCounter(kind, special_tokens)


# Building: what the file holds ("file"), and numbers for the report


def _build_words(options: VocabOptions, counted: Counter[str], _: Progress) -> dict[str, Any]:
    kind: Literal["word", "char"] = "char" if options.kind == "char" else "word"
    built = build_vocabulary(kind, options.specials(), counted, options.size, options.min_count)
    ids = {token: token_id for token_id, token in enumerate(built.vocabulary.tokens)}
    kept = [(token, n) for token, n in counted.items() if token in ids]
    kept.sort(key=lambda token_and_count: (-token_and_count[1], token_and_count[0]))
    top = tuple((token, ids[token], n) for token, n in kept[: options.top])
    numbers = {
        "size": len(ids),
        "tokens": counted.total(),
        "distinct": len(counted),
        "covered": built.covered,
    }
    return {"file": built.vocabulary.to_json(), **numbers, "top": top}


def _build_bpe(options: VocabOptions, counted: Counter[bytes], progress: Progress) -> dict[str, Any]:
    def on_token(done: int, total: int) -> None:
        progress("merging", done, total, "tokens")

    trained = bpe.train(counted, options.size or 0, options.specials(), options.min_count, on_token)
    tokens, counts = trained.vocabulary.tokens(), trained.counts
    by_count = sorted(counts, key=lambda token_id: (-counts[token_id], token_id))[: options.top]
    top = tuple((tokens[i].decode("utf-8", "surrogateescape"), i, counts[i]) for i in by_count)
    size = len(tokens) + len(options.specials())
    n_tokens = counts.total()
    numbers = {"size": size, "tokens": n_tokens, "distinct": len(counted), "covered": n_tokens}
    return {"file": trained.vocabulary.to_json(), **numbers, "top": top}
