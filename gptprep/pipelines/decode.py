"""`decode`: ids to text, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from gptprep.corpus import Source, one_source, read_blocks
from gptprep.errors import GptprepError, WrongUsage
from gptprep.publishing import check_file_output, publish_file
from gptprep.tokenizers import Tokenizer, load_tokenizer

_CHUNK = 1 << 18
"""Ids decoded at a time."""
_MAX_DIGITS = 30
_IS_NUMBER = re.compile(rb"-?[0-9]{1,30}").fullmatch
_PUNCTUATION = bytes.maketrans(b"[],", b"   ")


@dataclass(frozen=True)
class DecodeOptions:
    """What to decode: `ids`, or else a file (`.npy`, `.bin`, else text) or "-" as `input`."""

    ids: tuple[int, ...] = ()
    input: str = "-"
    tokenizer: str = "gpt2"
    output: str | None = None
    force: bool = False


@dataclass(frozen=True)
class DecodeReport:
    """What was decoded."""

    output: str | None
    tokenizer: str
    ids: int
    bytes: int
    ends_line: bool
    """The text is empty or its last byte is a newline."""


def decode(options: DecodeOptions, out: BinaryIO | None = None) -> DecodeReport:
    """Decode to `options.output`, or to `out` where there is none.

    Raises:
        GptprepError: an id is not in the vocabulary or not a number, or a file cannot be used; nothing is
            left at the output's name.
        DamagedData: a file of ids is not what its format says.
    """
    source = one_source(options.input) if not options.ids else None
    if options.output is not None:
        check_file_output(options.output, force=options.force, inputs=[options.input])
    tokenizer = load_tokenizer(options.tokenizer)
    counted = _Counted([options.ids] if source is None else _read_ids(source, tokenizer))
    if options.output is not None:
        with publish_file(options.output, force=options.force) as file:
            size, last = _write(tokenizer, counted, file)
    elif out is not None:
        size, last = _write(tokenizer, counted, out)
    else:
        raise WrongUsage("there is nowhere to put the text", fix="give an output")
    return DecodeReport(options.output, tokenizer.name, counted.count, size, last in (b"", b"\n"))


class _Counted:
    """Chunks of ids, counted as they pass."""

    def __init__(self, chunks: Sequence[Sequence[int]] | Iterator[Sequence[int]]) -> None:
        self._chunks, self.count = chunks, 0

    def __iter__(self) -> Iterator[Sequence[int]]:
        for chunk in self._chunks:
            yield chunk
            self.count += len(chunk)


def _write(tokenizer: Tokenizer, chunks: _Counted, file: BinaryIO) -> tuple[int, bytes]:
    size, last = 0, b""
    for text in tokenizer.decode_chunks(chunks):
        file.write(text)
        size, last = size + len(text), text[-1:] or last
    return size, last


def _read_ids(source: Source, tokenizer: Tokenizer) -> Iterator[Sequence[int]]:
    if not source.path.endswith((".npy", ".bin")):
        yield from _parse(source)
        return
    from gptprep.tokenstore import IdsFile, id_dtype

    with IdsFile(source.path, id_dtype(tokenizer.n_vocab)) as file:
        for start in range(0, len(file), _CHUNK):
            yield file.read(start, start + _CHUNK).tolist()


def _parse(source: Source) -> Iterator[list[int]]:
    """Ids as text, parted by white space; commas and brackets are taken as white space."""
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
    raise GptprepError(
        f"{source.label} holds {shown!r} at position {position:,}, which is not an id",
        "ids are whole numbers parted by white space or commas",
        "decode takes what encode prints: ids as text, a .npy or a .bin file",
    )
