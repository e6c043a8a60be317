"""How much of some text a vocabulary has, or how a BPE uses its vocabulary; all cores count."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from gptprep.choices import SourceKind
from gptprep.corpus.selection import FileFilter, Selection, select_sources
from gptprep.corpus.text_options import TextOptions as TextOptions
from gptprep.errors import UsageError
from gptprep.parallel.workers import chosen_workers
from gptprep.pipelines import vocab
from gptprep.pipelines.inspect.counting import Counts, count
from gptprep.progress import Progress, no_progress
from gptprep.tokenizers import Tokenizer
from gptprep.tokenizers.train.words import check_special_tokens
from gptprep.tokenizers.visible import visible
from gptprep.tokens.counts import Totals, check_not_empty, totals
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
    text_bytes: int | None = None
    """UTF-8 bytes of the text of all documents, without the JSON around a text; None for words."""


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


def _of_ids(tokenizer: Tokenizer, options: CoverageOptions, progress: Progress) -> Coverage:
    selection = select_sources(options.inputs, stdin=options.stdin, file_filter=options.files)
    counts = count(selection.sources, options.encoding, chosen_workers(options.workers), progress)
    check_not_empty(selection.sources, counts.sources)
    return _coverage_of_ids(tokenizer, counts, selection)


def _coverage_of_ids(tokenizer: Tokenizer, counts: Counts, selection: Selection) -> Coverage:
    special_ids = set(tokenizer.special_tokens.values())
    n_ids, found = counts.ids, counts.occurrences_V.copy()
    found[[*special_ids]] = 0
    return Coverage(
        unit="id",
        count=n_ids,
        covered=n_ids,
        used=int((found > 0).sum()),
        usable=_ordinary(tokenizer, special_ids),
        distinct_missing=0,
        missing=(),
        text_bytes=sum(counts.text_bytes),
        **totals(counts.sources, selection),
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
