"""Documents as valid UTF-8: separators, JSON Lines, other encodings, and what becomes of invalid text."""

import codecs
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from gptprep.choices import ErrorPolicy
from gptprep.corpus.blocks import OnRead, not_watched, read_blocks
from gptprep.corpus.json_lines import text_of_line, texts_of_lines
from gptprep.corpus.parquet import read_rows
from gptprep.corpus.rows import Rows
from gptprep.corpus.signatures import refuse_binary
from gptprep.corpus.sources import Source
from gptprep.corpus.text_options import TextOptions, separator_of
from gptprep.corpus.utf8 import valid_bytes
from gptprep.errors import GptprepError
from gptprep.storage.temporary import temporary_errors, temporary_folder
from gptprep.units import MIB

_SPOOL_BYTES = 32 * MIB
"""How much of a document is in memory until its last byte is known to be valid; the rest is on disk."""


@dataclass
class ReadCounts:
    """What was read of a source."""

    bytes: int = 0
    documents: int = 0
    empty: int = 0
    """Documents without a byte: they are left out."""
    replaced: int = 0
    """Invalid sequences that became U+FFFD."""
    skipped: int = 0
    """Documents left out because they are not valid text."""


class DocumentBlock(NamedTuple):
    """A block, or the part of one that belongs to one document."""

    data: bytes
    offset: int
    """The position of its first byte in the source."""
    line: int
    """The line of its first byte in the source, from 1."""
    last: bool
    """Whether the document ends here."""


def read_documents(
    source: Source, options: TextOptions, counts: ReadCounts, on_read: OnRead = not_watched
) -> Iterator[DocumentBlock]:
    """The documents of a source, in blocks of valid UTF-8 that end between two characters.

    Args:
        on_read: called with what was read of the file, as it is on disk.

    Raises:
        GptprepError: the source cannot be read; a byte or character is invalid and `errors` is "strict".
        CorruptDataError: it is not what its format says.
    """
    if source.kind == "parquet":
        return documents_of_rows(source, text_rows(source, options, counts, on_read), options, counts)
    blocks = text_blocks(source, options, counts, on_read)
    return documents_of_blocks(source, blocks, options, counts)


def text_blocks(
    source: Source, options: TextOptions, counts: ReadCounts, on_read: OnRead = not_watched
) -> Iterator[bytes]:
    """The text of a source that is no table as UTF-8, which is not validated; raises as `read_documents`."""
    blocks = _counted(without_binary(source, read_blocks(source, on_read), options.is_utf8), counts)
    return blocks if options.is_utf8 else _transcoded(source, blocks, options, counts)


def text_rows(
    source: Source, options: TextOptions, counts: ReadCounts, on_read: OnRead = not_watched
) -> Iterator[Rows]:
    """The texts of a table, which are not validated; raises as `read_documents`."""
    for rows in read_rows(source, options.text_field, on_read):
        counts.bytes += rows.n_bytes
        yield rows


def documents_of_blocks(
    source: Source, blocks: Iterable[bytes], options: TextOptions, counts: ReadCounts
) -> Iterator[DocumentBlock]:
    """The documents in blocks of text that start at `source.start`; raises as `read_documents`."""
    documents = _separated(source, blocks, separator_of(source, options))
    documents = _valid(source, documents, options, counts)
    return _json_texts(source, documents, options, counts) if source.kind == "jsonl" else documents


def documents_of_rows(
    source: Source, rows: Iterable[Rows], options: TextOptions, counts: ReadCounts
) -> Iterator[DocumentBlock]:
    """One document for each row of a table; a row without a text is an empty document.

    Raises as `read_documents`.
    """
    documents = (
        DocumentBlock(text or b"", 0, number, True)
        for some in rows
        for number, text in enumerate(some.texts, some.first)
    )
    return _valid(source, documents, options, counts)


def _valid(
    source: Source, documents: Iterator[DocumentBlock], options: TextOptions, counts: ReadCounts
) -> Iterator[DocumentBlock]:
    if options.errors == "skip":
        documents = _without_invalid(source, documents, counts)
    return _validated(source, documents, options.errors, counts)


def without_binary(source: Source, blocks: Iterable[bytes], is_utf8: bool) -> Iterator[bytes]:
    """The blocks, after a look at the first one; a text that was given, or read already, is what it is.

    Raises:
        GptprepError: the first block is not text.
    """
    is_argument = source.data is not None and not source.copy_of
    is_start = source.start == 0 and not is_argument and not source.spool
    for block in blocks:
        if is_start:
            refuse_binary(source, block, is_utf8=is_utf8)
            is_start = False
        yield block


def _counted(blocks: Iterable[bytes], counts: ReadCounts) -> Iterator[bytes]:
    for block in blocks:
        counts.bytes += len(block)
        yield block


# Error handlers for decoding, which codecs call by name. The count is read before and after each call.

_REPLACE, _MARK = "gptprep.replace", "gptprep.mark"
_invalid = threading.local()


def _replace(error: UnicodeError) -> tuple[str, int]:
    _invalid.count = getattr(_invalid, "count", 0) + 1
    return "\N{REPLACEMENT CHARACTER}", error.end  # type: ignore[attr-defined]


def _mark(error: UnicodeError) -> tuple[str, int]:
    """A lone surrogate, which is not valid UTF-8: `_without_invalid` then skips the document."""
    return "\udcff", error.end  # type: ignore[attr-defined]


codecs.register_error(_REPLACE, _replace)
codecs.register_error(_MARK, _mark)


def _transcoded(
    source: Source, blocks: Iterable[bytes], options: TextOptions, counts: ReadCounts
) -> Iterator[bytes]:
    """Text in another encoding as UTF-8."""
    handler = {"strict": "strict", "replace": _REPLACE, "skip": _MARK}[options.errors]
    decoder = codecs.getincrementaldecoder(options.encoding)(handler)
    position = 0
    for block, final in _with_end(blocks):
        pending = len(decoder.getstate()[0])
        before = getattr(_invalid, "count", 0)
        try:
            text = decoder.decode(block, final)
        except UnicodeDecodeError as error:
            _refuse(source, options.encoding, position - pending + error.start, error)
        except UnicodeError as error:  # for example a missing byte order mark
            fix = "name another encoding; without a byte order mark: utf-16-le, utf-16-be, utf-32-le, ..."
            raise GptprepError(f"{source.label} is not valid {options.encoding}", str(error), fix) from error
        counts.replaced += getattr(_invalid, "count", 0) - before
        position += len(block)
        yield text.encode("utf-8", "surrogatepass")


def _with_end(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for block in blocks:
        yield block, False
    yield b"", True


def _separated(source: Source, blocks: Iterable[bytes], separator: bytes | None) -> Iterator[DocumentBlock]:
    """Divide bytes at every separator, which belongs to no document.

    A separator may also end the last document: there is no empty document after it.
    """
    buffer, offset, line = b"", source.start, source.first_line
    is_open = not (separator and source.start)  # a range starts after a separator or inside a document
    ends = bool(separator) or source.stop is None
    keep = len(separator) - 1 if separator else 0
    for block, final in _with_end(blocks):
        data = buffer + block if buffer else block
        start = 0
        while separator and (stop := data.find(separator, start)) >= 0:
            yield DocumentBlock(data[start:stop], offset + start, line, True)
            line += line and data.count(b"\n", start, stop + len(separator))
            start, is_open = stop + len(separator), False
        stop = len(data) if final else max(start, len(data) - keep)
        is_open = is_open or stop > start
        if is_open:
            yield DocumentBlock(data[start:stop], offset + start, line, final and ends)
        line += line and data.count(b"\n", start, stop)
        buffer, offset = data[stop:], offset + stop


def _validated(
    source: Source, blocks: Iterable[DocumentBlock], errors: ErrorPolicy, counts: ReadCounts
) -> Iterator[DocumentBlock]:
    """Check that each document is UTF-8, and move the start of a character at a block's end to the next."""
    pending, resume, line = b"", source.start, source.first_line
    for block in blocks:
        if pending:
            block = block._replace(data=pending + block.data, offset=block.offset - len(pending))
        data, pending = _checked(source, block, errors, counts)
        resume, line = block.offset + len(block.data) - len(pending), block.line
        if data or block.last:
            yield block._replace(data=data)
    if pending:  # a range that ends with its file, inside a character
        rest = DocumentBlock(pending, resume, line, True)
        yield DocumentBlock(_checked(source, rest, errors, counts)[0], resume, line, False)


def _checked(
    source: Source, block: DocumentBlock, errors: ErrorPolicy, counts: ReadCounts
) -> tuple[bytes, bytes]:
    """The valid UTF-8 of a block, and the start of a character at its end, unless it is the last."""
    data, offset, line, last = block
    try:
        used = valid_bytes(data, final=last)
    except UnicodeDecodeError as error:
        if errors != "replace":
            where = f"line {line}" if source.has_lines else ""
            _refuse(source, "UTF-8", offset + error.start, error, where)
        before = getattr(_invalid, "count", 0)
        text, used = codecs.utf_8_decode(data, _REPLACE, last)
        counts.replaced += _invalid.count - before
        return text.encode(), data[used:]
    return (data, b"") if used == len(data) else (data[:used], data[used:])


def _without_invalid(
    source: Source, blocks: Iterable[DocumentBlock], counts: ReadCounts
) -> Iterator[DocumentBlock]:
    """Only the documents that are valid UTF-8 from their first byte to their last."""
    folder = temporary_folder("--errors skip")
    decoder = codecs.getincrementaldecoder("utf-8")()
    with (
        temporary_errors(folder),
        tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES, dir=folder) as spool,
    ):
        first: DocumentBlock | None = None
        valid = True
        for block in blocks:
            first = first or block
            if valid:
                try:
                    decoder.decode(block.data, block.last)
                    spool.write(block.data)
                except UnicodeDecodeError:
                    valid = False
            if block.last:
                if valid:
                    yield from _spooled(source, spool, first)
                counts.skipped += not valid
                spool.seek(0)
                spool.truncate()
                decoder.reset()
                first, valid = None, True


def _spooled(
    source: Source, spool: tempfile.SpooledTemporaryFile[bytes], first: DocumentBlock
) -> Iterator[DocumentBlock]:
    spool.seek(0)
    _, offset, line, _ = first
    for data, final in _with_end(iter(lambda: spool.read(MIB), b"")):
        yield DocumentBlock(data, offset, line, final)
        offset += len(data)
        line += 0 if source.has_lines else data.count(b"\n")


def _json_texts(
    source: Source, blocks: Iterable[DocumentBlock], options: TextOptions, counts: ReadCounts
) -> Iterator[DocumentBlock]:
    """One document for each JSON line: its text field."""
    line_blocks: list[DocumentBlock] = []
    for block in blocks:
        line_blocks.append(block)
        if not block.last:
            continue
        json_line = b"".join(one.data for one in line_blocks)
        offset, line = line_blocks[0].offset, block.line
        line_blocks.clear()
        if len(json_line) > MIB and (texts := texts_of_lines(json_line, options.text_field)):
            del json_line, block  # they may have most of the memory
            yield DocumentBlock(texts.pop(), offset, line, True)
        elif json_line.strip():
            text = text_of_line(json_line, options.text_field, f"{source.label}:{line}")
            if text is None:
                counts.empty += 1
            elif (encoded := _encode(source, text, line, options.errors, counts)) is not None:
                yield DocumentBlock(encoded, offset, line, True)


def _encode(source: Source, text: str, line: int, errors: ErrorPolicy, counts: ReadCounts) -> bytes | None:
    """A text from JSON as UTF-8; JSON can hold lone surrogates, which are not text."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        if errors == "strict":
            what = f"{source.label}:{line} holds the lone surrogate U+{ord(text[error.start]):04X}"
            fix = "give --errors replace or --errors skip"
            raise GptprepError(what, "it is not valid text", fix) from error
        if errors == "skip":
            counts.skipped += 1
            return None
        counts.replaced += sum("\ud800" <= character <= "\udfff" for character in text)
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


_FIX = "give --errors replace or --errors skip, or name the encoding with --encoding"


def _refuse(
    source: Source, encoding: str, offset: int, error: UnicodeDecodeError, where: str = ""
) -> NoReturn:
    byte = f"byte 0x{error.object[error.start]:02x} at {where or f'offset {offset}'}"
    raise GptprepError(f"{source.label} is not valid {encoding}: {byte}", error.reason, _FIX) from error
