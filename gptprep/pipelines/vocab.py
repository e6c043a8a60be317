"""`vocab`: a word or character vocabulary from text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from gptprep.corpus import Source, SourceKind, TextOptions, find_sources, read_pieces
from gptprep.errors import WrongUsage
from gptprep.files import json_bytes
from gptprep.pipelines.encoding import SourceCounts, Totals, check_not_empty, total_bytes, totals
from gptprep.pipelines.progress import Progress, no_progress
from gptprep.publishing import check_file_output, publish_file
from gptprep.tokenizers.training import TokenCounter, build_vocabulary
from gptprep.tokenizers.vocabulary import DEFAULT_SPECIAL_TOKENS, Kind


@dataclass(frozen=True)
class VocabOptions:
    """What to build. `size` counts the special tokens; `top` is how many tokens the report names."""

    inputs: tuple[str, ...]
    output: str
    kind: Kind = "word"
    size: int | None = None
    min_count: int = 1
    special_tokens: tuple[str, ...] = DEFAULT_SPECIAL_TOKENS
    top: int = 20
    text: TextOptions = field(default_factory=TextOptions)
    stdin: SourceKind = "text"
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class VocabReport(Totals):
    """What was built."""

    output: str
    kind: Kind
    size: int
    special_tokens: tuple[str, ...]
    tokens: int
    """All tokens of the text, each time they were met."""
    distinct: int
    """Different tokens of the text."""
    covered: int
    """Of `tokens`, those that the vocabulary has."""
    top: tuple[tuple[str, int, int], ...]
    """The most frequent tokens that were kept: token, id, count."""


def vocab(
    options: VocabOptions, out: BinaryIO | None = None, progress: Progress = no_progress
) -> VocabReport:
    """Count the tokens of the inputs and write the vocabulary, to `out` where the output is "-".

    Raises:
        WrongUsage: an option makes no vocabulary.
        GptprepError: an input or the output cannot be used; nothing is left at the output's name.
    """
    sources = find_sources(options.inputs, stdin=options.stdin)
    if options.output != "-":
        check_file_output(options.output, force=options.force, inputs=(source.path for source in sources))
        if not options.output.endswith(".json"):
            raise WrongUsage(f"{options.output} does not end in .json", "a vocabulary is known by it")
    counter = TokenCounter(options.kind, options.special_tokens)
    counts = _count(sources, options, counter, progress)
    built = build_vocabulary(counter, options.size, options.min_count)
    data = json_bytes(built.vocabulary.to_json())
    if options.output != "-":
        with publish_file(options.output, force=options.force) as file:
            file.write(data)
    elif out is not None:
        out.write(data)
    ids = {token: token_id for token_id, token in enumerate(built.vocabulary.tokens)}
    by_count = sorted(
        ((token, n) for token, n in built.counts.items() if token in ids), key=lambda c: (-c[1], c[0])
    )
    return VocabReport(
        output=options.output,
        kind=options.kind,
        size=len(ids),
        special_tokens=options.special_tokens,
        tokens=built.counts.total(),
        distinct=len(built.counts),
        covered=built.covered,
        top=tuple((token, ids[token], n) for token, n in by_count[: options.top]),
        **totals(counts),
    )


def _count(
    sources: list[Source], options: VocabOptions, counter: TokenCounter, progress: Progress
) -> list[SourceCounts]:
    counts: list[SourceCounts] = []
    total, done = total_bytes(sources), 0
    for source in sources:
        counts.append(SourceCounts(path=source.name))
        for piece in read_pieces(source, options.text, counter.last_cut, counts[-1]):
            counter.add(piece.text)
            progress("counting", done + counts[-1].bytes, total, "bytes")
        done += counts[-1].bytes
    check_not_empty(sources, counts)
    return counts
