"""What a file of ids holds: who made it, its first and last tokens, and which tokens it has."""

from dataclasses import dataclass, field
from typing import NamedTuple

from gptprep.choices import RawDtype
from gptprep.corpus.blocks import open_source
from gptprep.corpus.selection import one_source
from gptprep.corpus.sources import Source
from gptprep.errors import GptprepError, UsageError, os_errors
from gptprep.parallel.workers import chosen_workers
from gptprep.pipelines.inspect.counting import count
from gptprep.pipelines.inspect.text import TokenView, token_views
from gptprep.pipelines.inspect.top import RankCount, TokenCount, most_frequent, ranked
from gptprep.progress import Progress, no_progress
from gptprep.tokenizers import Tokenizer
from gptprep.tokens.id_file import open_ids
from gptprep.tokens.id_inputs import resolve
from gptprep.tokens.provenance import provenance_path, read_provenance
from gptprep.tokens.spec import EncodingSpec


@dataclass(frozen=True)
class IdsOptions:
    """Which file, and what to show of it."""

    path: str
    encoding: EncodingSpec = field(default_factory=EncodingSpec)
    """Names the tokenizer, if the file does not."""
    input_dtype: RawDtype | None = None
    """The dtype of a `.bin` file that does not say it; None for the usual one of the vocabulary."""
    n_tokens: int = 10
    """How many tokens at the start and at the end."""
    top: int = 10
    """How many of the most frequent tokens."""
    workers: int | None = None


@dataclass(frozen=True)
class IdsPlan:
    """What a run will read."""

    options: IdsOptions
    source: Source
    dtype: str
    spec: EncodingSpec
    tokenizer: Tokenizer
    workers: int


class Made(NamedTuple):
    """What the `.json` beside a file of ids says about it."""

    path: str
    ids_sha256: str
    """As it was written; `verify` compares it."""


@dataclass(frozen=True, kw_only=True)
class IdsReport:
    """What a file of ids holds."""

    path: str
    tokenizer: str
    n_vocab: int
    dtype: str
    bytes: int
    """Of the file."""
    provenance: Made | None
    """None if there is no file beside it that says what made it."""
    ids: int
    documents: int
    """Those that an end-of-text id ends, and what comes after the last one."""
    eot: int | None
    """The end-of-text id of the tokenizer."""
    ends: int
    """How many end-of-text ids there are."""
    used: int
    """How many of the `n_vocab` ids occur."""
    first: tuple[TokenView, ...]
    last: tuple[TokenView, ...]
    """Without those that are among the first."""
    most_frequent: tuple[TokenCount, ...]
    ranks: tuple[RankCount, ...]
    """How often tokens occur, by their ranks."""


def plan(options: IdsOptions) -> IdsPlan:
    """Find out which tokenizer made the ids.

    Raises:
        UsageError: a number is negative.
        GptprepError: the file is not one of ids, does not say what made it and no tokenizer is named, or was
            made with another one.
        CorruptDataError: it, or the file beside it, is damaged.
    """
    for name, number in (("-n", options.n_tokens), ("--top", options.top)):
        if number < 0:
            raise UsageError(f"{name} is {number}", fix="give 0 or more")
    source = one_source(options.path, ids=True)
    if source.stamp and source.path.lower().endswith(".npy"):
        _check_shape(source)
    spec, tokenizer, (resolved,) = resolve(options.encoding, [source], options.input_dtype)
    with open_ids(resolved) as file:
        dtype = file.dtype.name
    return IdsPlan(options, resolved, dtype, spec, tokenizer, chosen_workers(options.workers))


def _check_shape(source: Source) -> None:
    """Explain an array that is no stream of ids: it may be one of a shard, or embeddings."""
    from gptprep.storage.npy import read_header

    with os_errors("read", source.path), open_source(source) as file:
        shape, dtype, _ = read_header(file, source.path)
    if len(shape) == 1 and dtype.kind in "iu":
        return
    is_shard = len(shape) == 2 and dtype.kind in "iu"
    why = f"it has shape {shape} and dtype {dtype.name}"
    if is_shard:
        why += ", as the windows of a shard have"
    elif dtype.kind == "f":
        why += ", as embeddings have"
    fix = "name the whole folder, or a flat array of whole numbers"
    raise GptprepError(f"{source.path} is not a file of ids", why, fix)


def run(plan: IdsPlan, progress: Progress = no_progress) -> IdsReport:
    """Read the whole file once.

    Raises:
        GptprepError: it cannot be read, or holds an id that the vocabulary does not have.
        CorruptDataError: it became shorter.
    """
    options, source, tokenizer = plan.options, plan.source, plan.tokenizer
    counts = count([source], plan.spec, plan.workers, progress)
    first, last = _first_and_last(plan)
    return IdsReport(
        path=options.path,
        tokenizer=tokenizer.name,
        n_vocab=tokenizer.n_vocab,
        dtype=plan.dtype,
        bytes=source.size or 0,
        provenance=_made(options.path),
        ids=counts.ids,
        documents=counts.sources[0].documents,
        eot=tokenizer.eot,
        ends=0 if tokenizer.eot is None else int(counts.occurrences_V[tokenizer.eot]),
        used=int((counts.occurrences_V > 0).sum()),
        first=first,
        last=last,
        most_frequent=most_frequent(counts.occurrences_V, tokenizer, options.top),
        ranks=ranked(counts.occurrences_V),
    )


def _made(path: str) -> Made | None:
    found = read_provenance(path)
    return Made(provenance_path(path), found.ids_sha256) if found else None


def _first_and_last(plan: IdsPlan) -> tuple[tuple[TokenView, ...], tuple[TokenView, ...]]:
    n_tokens = plan.options.n_tokens
    with open_ids(plan.source) as file:
        first = file.read(0, n_tokens)
        last = file.read(max(n_tokens, len(file) - n_tokens), len(file))
    return tuple(token_views(first.tolist(), plan.tokenizer)), tuple(
        token_views(last.tolist(), plan.tokenizer)
    )
