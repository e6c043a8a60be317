"""`vocab`: a vocabulary of words or characters, or a trained byte-level BPE, from text.

Counting is shared among workers, and what they have counted is added up.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, NamedTuple

from gptprep.corpus import Source, SourceKind, TextOptions, find_sources, read_pieces
from gptprep.errors import WrongUsage, os_errors
from gptprep.executors import local
from gptprep.files import json_bytes, read_json
from gptprep.pipelines.encoding import SourceCounts, Totals, check_not_empty, total_bytes, totals
from gptprep.pipelines.progress import Progress, no_progress
from gptprep.pipelines.sharing import add_counts, read_share, shares
from gptprep.publishing import check_file_output, publish_file
from gptprep.tokenizers import training_bpe
from gptprep.tokenizers.pretokens import PretokenCounter
from gptprep.tokenizers.training import TokenCounter, build_vocabulary
from gptprep.tokenizers.vocabulary import DEFAULT_SPECIAL_TOKENS

VocabKind = Literal["word", "char", "bpe"]

SHARE_BYTES = 1 << 25
"""Text that a worker counts at a time."""


@dataclass(frozen=True)
class VocabOptions:
    """What to build. `size` counts the special tokens; `top` is how many tokens the report names.

    Without `special_tokens` a vocabulary gets `<|endoftext|>`, and one of words or characters `<|unk|>` too.
    """

    inputs: tuple[str, ...]
    output: str
    kind: VocabKind = "word"
    size: int | None = None
    min_count: int = 1
    special_tokens: tuple[str, ...] | None = None
    top: int = 20
    text: TextOptions = field(default_factory=TextOptions)
    stdin: SourceKind = "text"
    workers: int | None = None
    force: bool = False

    def specials(self) -> tuple[str, ...]:
        """The special tokens, chosen or by default."""
        if self.special_tokens is not None:
            return self.special_tokens
        return DEFAULT_SPECIAL_TOKENS[:1] if self.kind == "bpe" else DEFAULT_SPECIAL_TOKENS


@dataclass(frozen=True, kw_only=True)
class VocabReport(Totals):
    """What was built."""

    output: str
    kind: VocabKind
    size: int
    wanted: int | None
    """The size that was asked for: a text may have too few tokens, or pairs to merge, for it."""
    special_tokens: tuple[str, ...]
    tokens: int
    """All tokens of the text, each time they were met; of a BPE, after its merges."""
    distinct: int
    """Different tokens of the text; of a BPE, of what its merges work within."""
    covered: int
    """Of `tokens`, those that the vocabulary has."""
    top: tuple[tuple[str, int, int], ...]
    """The most frequent tokens that were kept: token, id, count."""


class _Built(NamedTuple):
    """A vocabulary, however it was made."""

    file: dict[str, Any]
    size: int
    tokens: int
    distinct: int
    covered: int
    top: tuple[tuple[str, int, int], ...]


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
    if options.kind == "bpe":
        training_bpe.check_request(options.size, options.specials())
    counted, counts = _count(sources, options, progress)
    built = (_build_bpe if options.kind == "bpe" else _build)(options, counted, progress)
    data = json_bytes(built.file)
    if options.output != "-":
        with publish_file(options.output, force=options.force) as file:
            file.write(data)
    elif out is not None:
        out.write(data)
    return VocabReport(
        output=options.output,
        kind=options.kind,
        size=built.size,
        wanted=options.size,
        special_tokens=options.specials(),
        tokens=built.tokens,
        distinct=built.distinct,
        covered=built.covered,
        top=built.top,
        **totals(counts),
    )


# Counting


@dataclass(frozen=True)
class CountTask:
    """What a worker counts."""

    sources: tuple[Source, ...]
    owners: tuple[int, ...]
    text: TextOptions
    kind: VocabKind
    special_tokens: tuple[str, ...]
    file: str
    """Where the counts go: they may be too large to be sent between processes."""


class Counted(NamedTuple):
    """What a worker has counted."""

    file: str
    """JSON: each token and how often it was met; the bytes of a pre-token as Latin-1."""
    sources: tuple[SourceCounts, ...]
    owners: tuple[int, ...]


def _count(
    sources: list[Source], options: VocabOptions, progress: Progress
) -> tuple[Counter[Any], list[SourceCounts]]:
    counts = [SourceCounts(path=source.name) for source in sources]
    workers = local.chosen_workers(options.workers)
    if options.kind == "bpe":
        workers = 1  # gigatoken counts with threads of its own, which do not live on in a forked process
    if any(source.size is None for source in sources):
        workers = 1  # a pipe can be read only by the process that has it
    found: Counter[str] = Counter()
    total, done = total_bytes(sources), 0
    scratch = tempfile.gettempdir()
    with os_errors("write to", scratch), tempfile.TemporaryDirectory(dir=scratch) as folder:
        tasks = _tasks(sources, options, folder)
        one = len(tasks) == 1
        for counted in [count_share(tasks[0], progress)] if one else local.run(count_share, tasks, workers):
            found.update(read_json(counted.file))
            os.unlink(counted.file)
            for owner, count in zip(counted.owners, counted.sources, strict=True):
                add_counts(counts[owner], count)
                done += count.bytes
            progress("counting", done, total, "bytes")
    check_not_empty(sources, counts)
    if options.kind == "bpe":
        return Counter({token.encode("latin-1"): n for token, n in found.items()}), counts
    return found, counts


def _tasks(sources: list[Source], options: VocabOptions, folder: str) -> list[CountTask]:
    counter = _counter(options.kind, options.specials())
    return [
        CountTask(
            tuple(source for _, source in share),
            tuple(owner for owner, _ in share),
            options.text,
            options.kind,
            options.specials(),
            os.path.join(folder, f"{number}.json"),
        )
        for number, share in enumerate(shares(sources, options.text, SHARE_BYTES, counter.can_cut))
    ]


def count_share(task: CountTask, progress: Progress = no_progress) -> Counted:
    """Count the tokens of some sources.

    Raises:
        WrongUsage: a special token makes no sense.
        GptprepError: a source cannot be read; says where.
        DamagedData: a source is not what its format says.
    """

    def read(sources: tuple[Source, ...]) -> Counted:
        counter = _counter(task.kind, task.special_tokens)
        counts: list[SourceCounts] = []
        total, done = total_bytes(sources), 0
        for source in sources:
            counts.append(SourceCounts(path=source.name))
            for piece in read_pieces(source, task.text, counter.last_cut, counts[-1]):
                counter.add(piece.text)
                progress("counting", done + counts[-1].bytes, total, "bytes")
            done += counts[-1].bytes
        plain = {
            token if isinstance(token, str) else token.decode("latin-1"): n
            for token, n in counter.counts().items()
        }
        with os_errors("write", task.file), open(task.file, "wb") as file:
            file.write(json.dumps(plain).encode())
        return Counted(task.file, tuple(counts), task.owners)

    return read_share(task.sources, task.text, _counter(task.kind, task.special_tokens).first_cut, read)


def _counter(kind: VocabKind, special_tokens: tuple[str, ...]) -> TokenCounter | PretokenCounter:
    return PretokenCounter(special_tokens) if kind == "bpe" else TokenCounter(kind, special_tokens)


# Building


def _build(options: VocabOptions, counted: Counter[str], _: Progress) -> _Built:
    kind: Literal["word", "char"] = "char" if options.kind == "char" else "word"
    built = build_vocabulary(kind, options.specials(), counted, options.size, options.min_count)
    ids = {token: token_id for token_id, token in enumerate(built.vocabulary.tokens)}
    kept = [(token, n) for token, n in counted.items() if token in ids]
    kept.sort(key=lambda token_and_count: (-token_and_count[1], token_and_count[0]))
    top = tuple((token, ids[token], n) for token, n in kept[: options.top])
    return _Built(built.vocabulary.to_json(), len(ids), counted.total(), len(counted), built.covered, top)


def _build_bpe(options: VocabOptions, counted: Counter[bytes], progress: Progress) -> _Built:
    trained = training_bpe.train(
        counted,
        options.size or 0,
        options.specials(),
        options.min_count,
        lambda done, total: progress("merging", done, total, "tokens"),
    )
    tokens, met = trained.vocabulary.tokens(), trained.met
    by_count = sorted(met, key=lambda token_id: (-met[token_id], token_id))[: options.top]
    top = tuple((tokens[i].decode("utf-8", "surrogateescape"), i, met[i]) for i in by_count)
    size = len(tokens) + len(options.specials())
    return _Built(trained.vocabulary.to_json(), size, met.total(), len(counted), met.total(), top)
