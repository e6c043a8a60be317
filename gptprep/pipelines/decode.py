"""`decode`: ids to text, byte for byte."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from gptprep.choices import RawDtype
from gptprep.corpus.selection import one_source
from gptprep.corpus.sources import Source
from gptprep.errors import UsageError
from gptprep.pipelines.id_text import read_id_text
from gptprep.progress import Progress, no_progress
from gptprep.storage.publish import check_file_output, publish_file
from gptprep.tokenizers import Tokenizer, tokenizer_files
from gptprep.tokens.spec import EncodingSpec

if TYPE_CHECKING:
    from gptprep.shards.layout import SplitReader

_BLOCK_IDS = 1 << 18
"""Ids decoded at a time."""


@dataclass(frozen=True)
class DecodeOptions:
    """What to decode: `ids`, or otherwise `input`: a shard folder, `.npy`, `.bin`, ids as text, or "-"."""

    ids: tuple[int, ...] = ()
    input: str = "-"
    tokenizer: str | None = None
    """None for that of shards, or of a file of ids that says it, or `default_tokenizer`."""
    input_dtype: RawDtype | None = None
    """The dtype of a `.bin` file that does not say it; None for the usual one of the vocabulary."""
    split: str | None = None
    """Of a shard folder; None for train."""
    output: str | None = None
    force: bool = False
    default_tokenizer: str | None = None
    """Of ids that do not say theirs; None for GPT-2's, except for files of ids."""


@dataclass(frozen=True)
class DecodePlan:
    """What a run will read."""

    options: DecodeOptions
    source: Source | SplitReader | None
    """None if the ids are in the options."""
    tokenizer: Tokenizer


@dataclass(frozen=True)
class DecodeReport:
    """What was decoded."""

    output: str | None
    tokenizer: str
    ids: int
    bytes: int
    ends_line: bool
    """Whether the text is empty or its last byte is a newline."""
    missing_ids: int
    """How many ids of a split are in no window and not stored, so that their text is missing."""


def plan(options: DecodeOptions) -> DecodePlan:
    """Check everything that can be checked before the work.

    Raises:
        GptprepError: the input, the output or the tokenizer cannot be used.
    """
    spec = EncodingSpec(options.tokenizer, default_tokenizer=options.default_tokenizer)
    if options.output is not None:
        reads = [options.input, *tokenizer_files(*spec.tokenizer_names)]
        check_file_output(options.output, force=options.force, inputs=reads)
    if not options.ids and os.path.isdir(options.input):
        return _plan_shards(options)
    if options.split is not None:
        raise UsageError("--split needs a folder of shards", fix="leave it out, or name a folder")
    source = one_source(options.input, ids=True) if not options.ids else None
    if source is None or source.kind != "ids":
        return DecodePlan(options, source, spec.load_tokenizer())
    from gptprep.tokens.id_inputs import resolve

    _, tokenizer, (source,) = resolve(spec, [source], options.input_dtype)
    return DecodePlan(options, source, tokenizer)


def _plan_shards(options: DecodeOptions) -> DecodePlan:
    from gptprep.pipelines.folder_tokenizer import folder_tokenizer
    from gptprep.shards.folder import open_shards

    folder = open_shards(options.input)
    tokenizer = folder_tokenizer(folder, options.tokenizer)
    return DecodePlan(options, folder.windows(options.split or "train"), tokenizer)


def run(plan: DecodePlan, progress: Progress = no_progress, out: BinaryIO | None = None) -> DecodeReport:
    """Decode to the output, or to `out` if there is none.

    Raises:
        UsageError: there is neither an output nor `out`.
        GptprepError: an id is not in the vocabulary or not a number, or a file cannot be used; nothing is
            left at the output's name.
        CorruptDataError: a file of ids is not what its format says.
    """
    output = plan.options.output
    if output is not None:
        with publish_file(output, force=plan.options.force) as file:
            return _write(plan, file, progress)
    if out is None:
        raise UsageError("there is no place for the text", fix="give an output")
    return _write(plan, out, progress)


def _write(plan: DecodePlan, file: BinaryIO, progress: Progress) -> DecodeReport:
    tokenizer = plan.tokenizer
    n_ids = size = 0
    last = b""

    def counted(blocks: Iterable[Sequence[int]]) -> Iterator[Sequence[int]]:
        nonlocal n_ids
        for block in blocks:
            yield block
            n_ids += len(block)
            progress("decoding", n_ids, None, "ids")

    blocks = [plan.options.ids] if plan.source is None else _read_ids(plan.source, tokenizer)
    for text in tokenizer.decode_blocks(counted(blocks)):
        file.write(text)
        size, last = size + len(text), text[-1:] or last
    missing = plan.source.unstored if plan.source and not isinstance(plan.source, Source) else 0
    return DecodeReport(plan.options.output, tokenizer.name, n_ids, size, last in (b"", b"\n"), missing)


def _read_ids(source: Source | SplitReader, tokenizer: Tokenizer) -> Iterator[Sequence[int]]:
    if not isinstance(source, Source):
        for ids in source.stream():
            yield ids.tolist()
    elif source.kind != "ids":
        yield from read_id_text(source, tokenizer)
    else:
        from gptprep.tokens.id_file import open_ids

        with open_ids(source) as file:
            for start in range(0, len(file), _BLOCK_IDS):
                yield file.read(start, start + _BLOCK_IDS).tolist()
