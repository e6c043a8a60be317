"""`encode`: text to ids, on a stream or in a file."""

from __future__ import annotations

import json
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

from gptprep.corpus import Source, SourceKind, TextOptions, find_sources, text_source
from gptprep.errors import GptprepError, WrongUsage, os_errors
from gptprep.pipelines.encoding import (
    CorpusEncoder,
    Encoded,
    SourceCounts,
    Totals,
    check_not_empty,
    totals,
    write_stream,
)
from gptprep.pipelines.progress import Progress, no_progress
from gptprep.pipelines.tokenizing import shared_tokenizer
from gptprep.pipelines.visible import visible
from gptprep.publishing import check_file_output, clear_leftover, publish_file
from gptprep.tokenizers import Engine, SpecialPolicy, Tokenizer

Format = Literal["ids", "tokens", "json", "npy", "bin", "count"]
_LARGE_TEXT = 1 << 16
"""Bytes from which on it pays to start up the faster engine for ids that are printed."""
_MANY_WORKERS = 1 << 24
"""Bytes of text from which on numbers are written by many workers."""
_BY_ENDING: dict[str, Format] = {".npy": "npy", ".bin": "bin", ".json": "json", ".txt": "ids"}


@dataclass(frozen=True)
class EncodeOptions:
    """What to encode and where to put it.

    `texts` go before `inputs`. Without `output` the ids go to the stream given to `encode`. Without `format`
    the ending of `output` decides: .npy, .bin, .json, else ids as text.
    """

    inputs: tuple[str, ...] = ()
    texts: tuple[bytes, ...] = ()
    tokenizer: str = "gpt2"
    special: SpecialPolicy = "allow"
    engine: Engine = "auto"
    cross_check: bool = True
    text: TextOptions = field(default_factory=TextOptions)
    stdin: SourceKind = "text"
    output: str | None = None
    format: Format | None = None
    workers: int | None = None
    force: bool = False

    def chosen_format(self) -> Format:
        """The format, by name or by the ending of the output.

        Raises:
            WrongUsage: the ending of the output says another format, or that it is compressed.
        """
        if self.output is not None and self.output.endswith((".gz", ".zst")):
            raise WrongUsage(f"{self.output} would not be compressed", fix="choose another ending")
        output = self.output or ""
        by_ending = next((form for end, form in _BY_ENDING.items() if output.endswith(end)), None)
        if self.format and by_ending and self.format != by_ending and output[-4:] != ".txt":
            what = f"{output} would hold {self.format}, against its ending"
            raise WrongUsage(what, fix="choose another ending or format")
        return self.format or by_ending or "ids"


@dataclass(frozen=True, kw_only=True)
class EncodeReport(Totals):
    """What was encoded. `ids` counts what was written, end-of-text ids between documents included."""

    output: str | None
    format: Format
    tokenizer: str
    n_vocab: int
    engine: str
    engine_note: str
    cross_checked: int
    """Bytes whose ids were compared with tiktoken's while another engine encoded."""
    resumed: int
    """Parts of the work that an earlier run had done."""
    ids: int
    sources: tuple[SourceCounts, ...]


def encode(
    options: EncodeOptions, out: BinaryIO | None = None, progress: Progress = no_progress
) -> EncodeReport:
    """Encode to `options.output`, or to `out` where there is none.

    Raises:
        WrongUsage: there is nothing to encode, or nowhere to put it.
        GptprepError: an input or the output cannot be used; nothing is left at the output's name.
        DamagedData: an input is not what its format says.
    """
    sources = [text_source(text, number) for number, text in enumerate(options.texts, 1)]
    sources += find_sources(options.inputs, stdin=options.stdin)
    if not sources:
        raise WrongUsage("there is nothing to encode", fix="name a file, or give a text with -t")
    form = options.chosen_format()
    if options.output is not None:
        check_file_output(options.output, force=options.force, inputs=(source.path for source in sources))
    tokenizer = shared_tokenizer(options.tokenizer, options.special, options.engine)
    if options.output is not None:
        if form in ("npy", "bin") and sum(source.size or 0 for source in sources) > _MANY_WORKERS:
            from gptprep.pipelines.encode_large import encode_large

            encoded = encode_large(options, options.output, form, sources, tokenizer, progress)
            return _report(
                form,
                tokenizer,
                options,
                encoded.stream_ids,
                encoded.counts,
                encoded.cross_checked,
                encoded.resumed,
            )
        with publish_file(options.output, force=options.force) as file:
            report = _encode_to(file, form, sources, tokenizer, options, progress)
        clear_leftover(options.output)
        return report
    if out is None:
        raise WrongUsage("there is nowhere to put the ids", fix="give an output")
    if form == "npy":  # its header holds the length, and a pipe cannot be wound back
        folder = tempfile.gettempdir()
        with os_errors("write to", folder), tempfile.TemporaryFile(dir=folder) as file:
            report = _encode_to(file, form, sources, tokenizer, options, progress)
            file.seek(0)
            shutil.copyfileobj(file, out, 1 << 20)
            return report
    return _encode_to(out, form, sources, tokenizer, options, progress)


def _encode_to(
    file: BinaryIO,
    form: Format,
    sources: Sequence[Source],
    tokenizer: Tokenizer,
    options: EncodeOptions,
    progress: Progress,
) -> EncodeReport:
    def as_list(text: bytes) -> list[int]:
        if len(text) < _LARGE_TEXT:
            return tokenizer.encode(text.decode())
        ids: list[int] = tokenizer.encode_array(text).tolist()
        return ids

    in_numbers = form in ("npy", "bin")
    encoder = CorpusEncoder[Any](
        sources,
        tokenizer,
        options.text,
        tokenizer.encode_array if in_numbers else as_list,
        progress,
        cross_check=options.cross_check,
        check_from=0 if in_numbers else _LARGE_TEXT,
    )
    writer = _WRITERS[form](file, tokenizer)
    n_ids = writer.write(encoder)
    check_not_empty(sources, encoder.counts)
    return _report(form, tokenizer, options, n_ids, encoder.counts, encoder.cross_checked)


def _report(
    form: Format,
    tokenizer: Tokenizer,
    options: EncodeOptions,
    n_ids: int,
    counts: Sequence[SourceCounts],
    cross_checked: int,
    resumed: int = 0,
) -> EncodeReport:
    return EncodeReport(
        output=options.output,
        format=form,
        tokenizer=tokenizer.name,
        n_vocab=tokenizer.n_vocab,
        engine=tokenizer.engine,
        engine_note=tokenizer.engine_note,
        cross_checked=cross_checked,
        resumed=resumed,
        ids=n_ids,
        sources=tuple(counts),
        **totals(counts),
    )


class _Writer(ABC):
    """Writes encoded documents in one format."""

    def __init__(self, file: BinaryIO, tokenizer: Tokenizer) -> None:
        self.file, self.tokenizer = file, tokenizer

    @abstractmethod
    def write(self, encoded: Iterable[Encoded[Any]]) -> int:
        """Write all; the number of ids written."""


class _CountWriter(_Writer):
    """Only the number of ids of all documents."""

    def write(self, encoded: Iterable[Encoded[Any]]) -> int:
        count = sum(len(stretch.ids) for stretch in encoded)
        self.file.write(b"%d\n" % count)
        return count


class _LineWriter(_Writer):
    """One line of ids for each document."""

    def write(self, encoded: Iterable[Encoded[Any]]) -> int:
        count, separator = 0, ""
        for _, ids, last in encoded:
            line = separator + " ".join(map(self.show, ids)) if ids else ""
            self.file.write((line + "\n" if last else line).encode())
            separator = "" if last else separator if not ids else " "
            count += len(ids)
        return count

    def show(self, token_id: int) -> str:
        """One id, without white space."""
        return str(token_id)


class _TokenWriter(_LineWriter):
    """One line of visible tokens for each document."""

    def show(self, token_id: int) -> str:
        return visible(self.tokenizer.token_bytes(token_id))


class _JsonWriter(_Writer):
    """One JSON document, streamed: the tokenizer, then each document with its source and ids on a line."""

    def write(self, encoded: Iterable[Encoded[Any]]) -> int:
        head = {"tokenizer": self.tokenizer.name, "n_vocab": self.tokenizer.n_vocab}
        self.file.write(json.dumps(head)[:-1].encode() + b', "documents": [')
        count, documents, in_document, separator = 0, 0, False, ""
        for source, ids, last in encoded:
            if not in_document:
                comma = b"," if documents else b""
                self.file.write(comma + b'\n{"source": ' + json.dumps(source.name).encode() + b', "ids": [')
                documents, separator = documents + 1, ""
            if ids:
                self.file.write((separator + ", ".join(map(str, ids))).encode())
                separator = ", "
            in_document = not last
            if last:
                self.file.write(b"]}")
            count += len(ids)
        self.file.write(b'\n], "n_documents": %d, "n_ids": %d}\n' % (documents, count))
        return count


class _NumberWriter(_Writer):
    """One stream of numbers, with the end-of-text id between documents."""

    npy_header = False

    def write(self, encoded: Iterable[Encoded[Any]]) -> int:
        from gptprep.tokenstore import IdsWriter

        writer = IdsWriter(self.file, self.tokenizer.n_vocab, npy_header=self.npy_header)
        write_stream(encoded, self.tokenizer, writer)
        writer.finish()
        return len(writer)


class _NpyWriter(_NumberWriter):
    npy_header = True


_WRITERS: dict[Format, type[_Writer]] = {
    "count": _CountWriter,
    "ids": _LineWriter,
    "tokens": _TokenWriter,
    "json": _JsonWriter,
    "bin": _NumberWriter,
    "npy": _NpyWriter,
}


def argument_bytes(texts: Sequence[str]) -> tuple[bytes, ...]:
    """Texts given as arguments, as the bytes that the shell gave.

    Raises:
        GptprepError: one of them cannot be told as bytes.
    """
    try:
        return tuple(text.encode("utf-8", "surrogateescape") for text in texts)
    except UnicodeEncodeError as error:
        raise GptprepError("a text given with -t is not valid Unicode", str(error)) from error
