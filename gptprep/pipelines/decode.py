"""`decode`: ids to text, byte for byte."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from gptprep.choices import RawDtype
from gptprep.corpus.blocks import read_blocks
from gptprep.corpus.sources import Source, one_source
from gptprep.errors import GptprepError, UsageError
from gptprep.progress import Progress, no_progress
from gptprep.storage.publish import check_file_output, publish_file
from gptprep.tokenizers import Tokenizer, tokenizer_files
from gptprep.tokens.spec import EncodingSpec

_BLOCK_IDS = 1 << 18
"""Ids decoded at a time."""
_MAX_DIGITS = 30
_IS_NUMBER = re.compile(rb"-?[0-9]{1,30}").fullmatch
_PUNCTUATION = bytes.maketrans(b"[],", b"   ")


@dataclass(frozen=True)
class DecodeOptions:
    """What to decode: `ids`, or otherwise a file (`.npy`, `.bin`, or ids as text) or "-" as `input`."""

    ids: tuple[int, ...] = ()
    input: str = "-"
    tokenizer: str | None = None
    """None for that of a file of ids that says it, or GPT-2's."""
    input_dtype: RawDtype | None = None
    """The dtype of a `.bin` file that does not say it; None for the usual one of the vocabulary."""
    output: str | None = None
    force: bool = False


@dataclass(frozen=True)
class DecodePlan:
    """What a run will read."""

    options: DecodeOptions
    source: Source | None
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


def plan(options: DecodeOptions) -> DecodePlan:
    """Check everything that can be checked before the work.

    Raises:
        GptprepError: the input, the output or the tokenizer cannot be used.
    """
    source = one_source(options.input, ids=True) if not options.ids else None
    if options.output is not None:
        reads = [options.input, *tokenizer_files(options.tokenizer)]
        check_file_output(options.output, force=options.force, inputs=reads)
    spec = EncodingSpec(options.tokenizer)
    if source is None or source.kind != "ids":
        return DecodePlan(options, source, spec.load_tokenizer())
    from gptprep.tokens.id_inputs import resolve

    _, tokenizer, (source,) = resolve(spec, [source], options.input_dtype)
    return DecodePlan(options, source, tokenizer)


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

    blocks = [plan.options.ids] if plan.source is None else _read_ids(plan.source)
    for text in tokenizer.decode_blocks(counted(blocks)):
        file.write(text)
        size, last = size + len(text), text[-1:] or last
    return DecodeReport(plan.options.output, tokenizer.name, n_ids, size, last in (b"", b"\n"))


def _read_ids(source: Source) -> Iterator[Sequence[int]]:
    if source.kind != "ids":
        yield from _parse(source)
        return
    from gptprep.tokens.id_file import open_ids

    with open_ids(source) as file:
        for start in range(0, len(file), _BLOCK_IDS):
            yield file.read(start, start + _BLOCK_IDS).tolist()


def _parse(source: Source) -> Iterator[list[int]]:
    """Ids as text, separated by white space, commas or brackets."""
    rest, position = b"", 0
    for block in read_blocks(source):
        *words, rest = (rest + block.translate(_PUNCTUATION) + b"|").split()
        rest = rest[:-1]
        if len(rest) > _MAX_DIGITS:
            words.append(rest)
        yield _numbers(words, position, source)
        position += len(words)
    yield _numbers(rest.split(), position, source)


def _numbers(words: list[bytes], first: int, source: Source) -> list[int]:
    if all(map(_IS_NUMBER, words)):
        return list(map(int, words))
    wrong, position = next((word, n) for n, word in enumerate(words, first) if not _IS_NUMBER(word))
    shown = wrong[:40].decode(errors="backslashreplace")
    what = f"{source.label} holds {shown!r} at position {position:,}, which is not an id"
    fix = "decode takes what encode writes: ids as text, a .npy or a .bin file"
    raise GptprepError(what, "ids are whole numbers separated by white space or commas", fix)
