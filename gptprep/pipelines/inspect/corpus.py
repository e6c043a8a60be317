"""What a corpus holds: its size in ids, the lengths of its documents, its tokens and scripts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from gptprep.choices import SourceKind
from gptprep.corpus.copies import readable_again
from gptprep.corpus.selection import FileFilter, Selection, select_sources
from gptprep.corpus.sources import Source
from gptprep.errors import UsageError
from gptprep.parallel.workers import chosen_workers
from gptprep.pipelines.inspect.counting import Counts, count
from gptprep.pipelines.inspect.head import Head, read_head
from gptprep.pipelines.inspect.lengths import DocumentLengths
from gptprep.pipelines.inspect.scripts import ScriptCount
from gptprep.pipelines.inspect.text import InspectReport
from gptprep.pipelines.inspect.top import RankCount, TokenCount, most_frequent, ranked, rarest
from gptprep.progress import Progress, no_progress
from gptprep.tokenizers import Tokenizer
from gptprep.tokens.counts import LiteralSpecial, Totals, literal_specials, totals
from gptprep.tokens.spec import EncodingSpec

_LARGEST_SOURCES = 5


@dataclass(frozen=True)
class CorpusOptions:
    """What to read, and what to show of it."""

    inputs: tuple[str, ...]
    encodings: tuple[EncodingSpec, ...] = field(default_factory=lambda: (EncodingSpec(),))
    """One for each tokenizer; the details are of the first."""
    n_tokens: int | None = None
    """How many tokens at the start to show; None for a screenful of a source that is plain text."""
    top: int = 10
    """How many of the most frequent and of the rarest tokens."""
    stdin: SourceKind = "text"
    files: FileFilter = field(default_factory=FileFilter)
    workers: int | None = None


@dataclass(frozen=True)
class CorpusPlan:
    """What a run will read."""

    options: CorpusOptions
    sources: tuple[Source, ...]
    selection: Selection
    tokenizers: tuple[Tokenizer, ...]
    workers: int


class TokenizerCounts(NamedTuple):
    """The size of a corpus with one tokenizer."""

    tokenizer: str
    engine: str
    n_vocab: int
    ids: int
    """Of the documents, without the end-of-text ids between them."""
    used: int
    """How many of the `n_vocab` ids occur."""


class SourceSize(NamedTuple):
    """The size of one source."""

    path: str
    bytes: int
    """Of the text of its documents, in UTF-8."""
    documents: int
    ids: int


class Scripts(NamedTuple):
    """Which scripts a sample of the text is in."""

    sampled_bytes: int
    found: tuple[ScriptCount, ...]
    """Those with the most bytes first."""


@dataclass(frozen=True, kw_only=True)
class CorpusReport(Totals):
    """What a corpus holds."""

    text_bytes: int
    """UTF-8 bytes of the text of all documents: without separators, and without the JSON around a text."""
    special_tokens: tuple[LiteralSpecial, ...]
    """Those that are in the text."""
    tokenizers: tuple[TokenizerCounts, ...]
    """All that were given; what follows is of the first."""
    sources: int
    largest: tuple[SourceSize, ...]
    """Those with the most ids."""
    lengths: DocumentLengths | None
    """None if there is no document."""
    most_frequent: tuple[TokenCount, ...]
    rarest: tuple[TokenCount, ...]
    """Of those that occur."""
    once: int
    """How many tokens occur once."""
    ranks: tuple[RankCount, ...]
    """How often tokens occur, by their ranks."""
    scripts: Scripts
    head: tuple[InspectReport, ...]
    """The first tokens, with each tokenizer, if a number of them was asked for."""


@contextmanager
def opened(options: CorpusOptions, progress: Progress = no_progress) -> Iterator[CorpusPlan]:
    """What to read; standard input and other pipes are kept, because they are read more than once.

    Raises:
        UsageError: a number is negative.
        GptprepError: an input cannot be used, or there is no such tokenizer.
    """
    for name, number in (("-n", options.n_tokens or 0), ("--top", options.top)):
        if number < 0:
            raise UsageError(f"{name} is {number}", fix="give 0 or more")
    selection = select_sources(options.inputs, stdin=options.stdin, file_filter=options.files)
    workers = chosen_workers(options.workers)
    tokenizers = tuple(encoding.load_tokenizer() for encoding in options.encodings)
    with readable_again(selection.sources, "a long pipe", progress, "give the name of a file") as sources:
        yield CorpusPlan(options, tuple(sources), selection, tokenizers, workers)


def head(plan: CorpusPlan) -> Head | None:
    """The tokens at the start of the only source, in well under a second for one of any size.

    None if there are several, or if it is not plain text and no number of tokens was asked for.

    Raises:
        GptprepError: the source cannot be read or encoded; says where.
        CorruptDataError: it is not what its format says.
    """
    n_tokens = plan.options.n_tokens
    if len(plan.sources) > 1 or (n_tokens is None and plan.sources[0].kind != "text") or n_tokens == 0:
        return None
    text = plan.options.encodings[0].text
    return read_head(plan.sources[0], plan.tokenizers, text, n_tokens)


def run(plan: CorpusPlan, progress: Progress = no_progress) -> CorpusReport:
    """Count everything.

    Raises:
        GptprepError: a source cannot be read or encoded; says where.
        CorruptDataError: a source is not what its format says.
    """
    options = plan.options
    all_counts = [
        count(plan.sources, encoding, plan.workers, progress, counts_scripts=number == 0)
        for number, encoding in enumerate(options.encodings)
    ]
    counts, tokenizer = all_counts[0], plan.tokenizers[0]
    shown_head = head(plan) if options.n_tokens else None
    return CorpusReport(
        text_bytes=sum(counts.text_bytes),
        special_tokens=literal_specials(counts.sources, tokenizer),
        tokenizers=tuple(map(_of_tokenizer, plan.tokenizers, all_counts)),
        sources=len(plan.sources),
        largest=_largest(counts),
        lengths=DocumentLengths.of(counts.lengths) if counts.lengths else None,
        most_frequent=most_frequent(counts.occurrences_V, tokenizer, options.top),
        rarest=rarest(counts.occurrences_V, tokenizer, options.top),
        once=int((counts.occurrences_V == 1).sum()),
        ranks=ranked(counts.occurrences_V),
        scripts=_scripts(counts),
        head=shown_head.reports if shown_head else (),
        **totals(counts.sources, plan.selection),
    )


def _of_tokenizer(tokenizer: Tokenizer, counts: Counts) -> TokenizerCounts:
    used = int((counts.occurrences_V > 0).sum())
    return TokenizerCounts(tokenizer.name, tokenizer.engine, tokenizer.n_vocab, counts.ids, used)


def _largest(counts: Counts) -> tuple[SourceSize, ...]:
    sized = zip(counts.sources, counts.text_bytes, strict=True)
    ordered = sorted(sized, key=lambda item: -item[0].ids)[:_LARGEST_SOURCES]
    return tuple(SourceSize(one.path, n_bytes, one.documents, one.ids) for one, n_bytes in ordered)


def _scripts(counts: Counts) -> Scripts:
    found = [ScriptCount(script, *numbers) for script, numbers in counts.scripts.items()]
    found.sort(key=lambda one: (-one.bytes, one.script))
    return Scripts(sum(one.bytes for one in found), tuple(found))
