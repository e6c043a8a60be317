"""`count`: how many ids each input has, with one tokenizer or several. Nothing is written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gptprep.choices import RawDtype, SourceKind
from gptprep.corpus.copies import readable_again
from gptprep.corpus.selection import FileFilter, Selection, select_sources
from gptprep.corpus.sources import Source, stored_bytes
from gptprep.errors import UsageError
from gptprep.parallel.workers import chosen_workers
from gptprep.progress import Progress, SharedProgress, no_progress
from gptprep.tokenizers import Tokenizer
from gptprep.tokens.counting import TASK_BYTES, Counted, SourceCount, count_sources
from gptprep.tokens.counts import LiteralSpecial, literal_specials
from gptprep.tokens.reference_first import engine_used
from gptprep.tokens.spec import EncodingSpec


@dataclass(frozen=True)
class CountOptions:
    """What to count."""

    inputs: tuple[str, ...]
    tokenizers: tuple[str, ...] = ()
    """Names or paths; without any, the one that made the ids if inputs are ids, or the default ones."""
    default_tokenizers: tuple[str, ...] = ()
    """Without any, GPT-2's. Of several the first is for ids that do not say theirs."""
    encoding: EncodingSpec = field(default_factory=EncodingSpec)
    """How text is read and encoded; its tokenizer is not used."""
    sort: bool = False
    """Whether the sources with the most ids come first, instead of the order of the inputs."""
    input_dtype: RawDtype | None = None
    """The dtype of `.bin` inputs that do not say it; None for the usual one of the vocabulary."""
    stdin: SourceKind = "text"
    files: FileFilter = field(default_factory=FileFilter)
    workers: int | None = None
    task_bytes: int = TASK_BYTES
    """How much text a worker counts at a time; it does not change the result."""


class _Encoding(NamedTuple):
    """A tokenizer and how it is loaded."""

    spec: EncodingSpec
    tokenizer: Tokenizer


@dataclass(frozen=True)
class CountPlan:
    """What a run will read."""

    options: CountOptions
    sources: tuple[Source, ...]
    selection: Selection
    encodings: tuple[_Encoding, ...]
    workers: int


class CountedSource(NamedTuple):
    """What was counted in one source, or in all of them."""

    path: str
    """What opens it, "-" for standard input; "total" for all."""
    kind: SourceKind | None
    """None for all."""
    bytes: int
    """Of the text of its documents in UTF-8, or of its ids if it is a file of ids."""
    documents: int
    ids: tuple[int, ...]
    """For each tokenizer the ids of its documents, without end-of-text ids between them."""
    bytes_per_id: tuple[float | None, ...]
    """For each tokenizer how many bytes of text an id stands for; None where there are only ids, or none."""
    empty: int
    replaced: int
    skipped: int


@dataclass(frozen=True, kw_only=True)
class TokenizerCount:
    """What one tokenizer made of the inputs."""

    name: str
    """Of the tokenizer, or its path if another one has the same name."""
    n_vocab: int
    engine: str
    engine_note: str
    cross_checked: int
    """Bytes whose ids were compared with the reference."""
    special_tokens: tuple[LiteralSpecial, ...]
    """Those that are in the text."""


@dataclass(frozen=True, kw_only=True)
class CountReport:
    """The ids of each source, and of all together."""

    tokenizers: tuple[TokenizerCount, ...]
    sources: tuple[CountedSource, ...]
    total: CountedSource
    passed_over: dict[str, int]
    """Files of folders and globs that were not read, by reason; see `FileFilter.reason`."""
    repeated: tuple[str, ...]
    """Files that were named, and read, more than once."""


def plan(options: CountOptions) -> CountPlan:
    """Check everything that can be checked before the work.

    Raises:
        UsageError: there is nothing to count, or several tokenizers are given for ids.
        GptprepError: an input or a tokenizer cannot be used.
    """
    selection = select_sources(options.inputs, ids=True, stdin=options.stdin, file_filter=options.files)
    sources = selection.sources
    if not sources:
        raise UsageError("there is nothing to count", fix="name a file or a folder")
    specs = [
        replace(options.encoding, tokenizer=name, default_tokenizer=default)
        for name, default in _named(options, are_ids=any(source.kind == "ids" for source in sources))
    ]
    if ids := next((source for source in sources if source.kind == "ids"), None):
        from gptprep.tokens.id_inputs import resolve

        if len(specs) > 1:
            what = f"{ids.path} holds ids, and --tokenizer is given {len(specs)} times"
            why = "ids belong to the one tokenizer that made them"
            raise UsageError(what, why, "give one --tokenizer, or count the text that they were made of")
        spec, tokenizer, sources = resolve(specs[0], sources, options.input_dtype)
        encodings = [_Encoding(spec, tokenizer)]
    else:
        encodings = [_Encoding(spec, spec.load_tokenizer()) for spec in specs]
    workers = chosen_workers(options.workers)
    return CountPlan(options, tuple(sources), selection, tuple(encodings), workers)


def _named(options: CountOptions, *, are_ids: bool) -> list[tuple[str | None, str | None]]:
    """The tokenizer and the default one of each encoding."""
    if options.tokenizers:
        return [(name, None) for name in options.tokenizers]
    defaults = options.default_tokenizers or (None,)
    return [(None, defaults[0])] if are_ids else [(name, None) for name in defaults]


def run(plan: CountPlan, progress: Progress = no_progress) -> CountReport:
    """Count.

    Raises:
        GptprepError: an input cannot be read or encoded.
        CorruptDataError: an input is not what its format says.
    """
    counted = _counted(plan, progress)
    by_source = zip(*(one.sources for one in counted), strict=True)
    sources = [_source(source, counts) for source, counts in zip(plan.sources, by_source, strict=True)]
    if plan.options.sort:
        sources.sort(key=lambda source: source.ids[0], reverse=True)  # equal ones stay in the order of inputs
    return CountReport(
        tokenizers=_tokenizers(plan, counted),
        sources=tuple(sources),
        total=_total(sources),
        passed_over=plan.selection.passed_over,
        repeated=plan.selection.repeated,
    )


def _counted(plan: CountPlan, progress: Progress) -> list[Counted]:
    """The counts of each tokenizer, each in a stage of its own."""
    if len(plan.encodings) == 1:
        return [_counted_with(plan.encodings[0], plan.sources, plan, progress)]
    with readable_again(plan.sources, "several --tokenizer", progress) as sources:
        return [
            _counted_with(one, sources, plan, progress, f"encoding with {one.tokenizer.name}")
            for one in plan.encodings
        ]


def _counted_with(
    encoding: _Encoding,
    sources: Sequence[Source],
    plan: CountPlan,
    progress: Progress,
    stage: str = "encoding",
) -> Counted:
    tokenizer, task_bytes = encoding.tokenizer, plan.options.task_bytes
    done = SharedProgress(progress, stage, stored_bytes(sources), "bytes")
    return count_sources(sources, encoding.spec, tokenizer.identity, plan.workers, done.add, task_bytes)


def _source(source: Source, counted: Sequence[SourceCount]) -> CountedSource:
    """The counts of one source with each tokenizer; only the ids differ."""
    counts, text_bytes = counted[0]
    n_bytes = counts.bytes if source.kind == "ids" else text_bytes
    ids = tuple(count.counts.ids for count in counted)
    return CountedSource(
        path=source.path,
        kind=source.kind,
        bytes=n_bytes,
        documents=counts.documents,
        ids=ids,
        bytes_per_id=_bytes_per_id(n_bytes, ids, is_text=source.kind != "ids"),
        empty=counts.empty,
        replaced=counts.replaced,
        skipped=counts.skipped,
    )


def _total(sources: Sequence[CountedSource]) -> CountedSource:
    ids = tuple(map(sum, zip(*(source.ids for source in sources), strict=True)))
    sums = ("bytes", "documents", "empty", "replaced", "skipped")
    total = {name: sum(getattr(source, name) for source in sources) for name in sums}
    is_text = all(source.kind != "ids" for source in sources)
    return CountedSource(
        "total", None, ids=ids, bytes_per_id=_bytes_per_id(total["bytes"], ids, is_text=is_text), **total
    )


def _bytes_per_id(n_bytes: int, ids: Sequence[int], *, is_text: bool) -> tuple[float | None, ...]:
    return tuple(round(n_bytes / n_ids, 4) if is_text and n_ids else None for n_ids in ids)


def _tokenizers(plan: CountPlan, counted: Sequence[Counted]) -> tuple[TokenizerCount, ...]:
    names = Counter(tokenizer.name for _, tokenizer in plan.encodings)
    return tuple(
        TokenizerCount(
            name=tokenizer.name if names[tokenizer.name] == 1 else spec.tokenizer or tokenizer.name,
            n_vocab=tokenizer.n_vocab,
            engine=engine_used(tokenizer, by_reference=one.by_reference),
            engine_note=tokenizer.engine_note,
            cross_checked=one.cross_checked,
            special_tokens=literal_specials([source.counts for source in one.sources], tokenizer),
        )
        for (spec, tokenizer), one in zip(plan.encodings, counted, strict=True)
    )
