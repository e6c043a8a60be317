"""Documents as valid UTF-8: other encodings, separators, and what becomes of bytes that are not text."""

from __future__ import annotations

import codecs
import json
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, NoReturn

from gptprep.corpus.parquet import read_rows
from gptprep.corpus.reading import read_blocks
from gptprep.corpus.sources import Source
from gptprep.errors import DamagedData, GptprepError, WrongUsage, os_errors

Errors = Literal["strict", "replace", "skip"]
"""What invalid text gets: an error, U+FFFD for each bad sequence, or its whole document left out."""

_SPOOLED = 1 << 25
"""Bytes of a document held in memory, and beyond that on disk, until its last byte is known to be valid."""


@dataclass(frozen=True)
class TextOptions:
    """How sources are read.

    Raises:
        WrongUsage: the encoding is not known, or the separator is empty.
    """

    encoding: str = "utf-8"
    errors: Errors = "strict"
    text_field: str = "text"
    separator: str | None = None

    @property
    def keeps_offsets(self) -> bool:
        """A byte of the text stands in the file where it stands in what was read."""
        return codecs.lookup(self.encoding).name == "utf-8" and self.errors != "replace"

    def __post_init__(self) -> None:
        try:
            is_text = codecs.lookup(self.encoding)._is_text_encoding
        except (LookupError, UnicodeError):
            is_text = False
        if not is_text:
            raise WrongUsage(f"{self.encoding!r} is not a text encoding", fix="try utf-8, latin-1 or utf-16")
        if self.separator == "":
            raise WrongUsage("the separator is empty", fix="give the text that stands between documents")


@dataclass
class Tally:
    """What was met while a source was read."""

    bytes: int = 0
    documents: int = 0
    empty: int = 0
    """Documents without a byte: they are left out."""
    replaced: int = 0
    """Bad sequences that became U+FFFD."""
    skipped: int = 0
    """Documents left out because they are not valid text."""


class Segment(NamedTuple):
    """A stretch of one document."""

    data: bytes
    offset: int
    """Of its first byte in the source."""
    line: int
    """Of its first byte in the source, from 1."""
    last: bool
    """The document ends here."""


def read_segments(source: Source, options: TextOptions, tally: Tally) -> Iterator[Segment]:
    """The documents of a source, in stretches of whole characters of valid UTF-8.

    Raises:
        GptprepError: the source cannot be read; a byte or a character is not valid and `errors` is "strict".
        DamagedData: it is not what its format says.
    """
    if source.kind == "parquet":
        segments = _rows(source, options, tally)
    else:
        blocks = _counted(read_blocks(source), tally)
        if codecs.lookup(options.encoding).name != "utf-8":
            blocks = _transcode(source, blocks, options, tally)
        separator = "\n" if source.kind == "jsonl" else options.separator
        segments = _split(source, blocks, separator.encode("utf-8", "surrogateescape") if separator else None)
    if options.errors == "skip":
        segments = _without_invalid(source, segments, tally)
    segments = _valid(source, segments, options.errors, tally)
    return _json_texts(source, segments, options, tally) if source.kind == "jsonl" else segments


def _rows(source: Source, options: TextOptions, tally: Tally) -> Iterator[Segment]:
    """One document for each row of a table; a row without a text is an empty document."""
    for number, text in read_rows(source, options.text_field):
        data = text or b""
        tally.bytes += len(data)
        yield Segment(data, 0, number, True)


def _counted(blocks: Iterable[bytes], tally: Tally) -> Iterator[bytes]:
    for block in blocks:
        tally.bytes += len(block)
        yield block


# Bad sequences. The codec machinery calls these by name; the count is read before and after each call.

_REPLACE, _MARK = "gptprep.replace", "gptprep.mark"
_bad = threading.local()


def _replace(error: UnicodeError) -> tuple[str, int]:
    _bad.count = getattr(_bad, "count", 0) + 1
    return "\N{REPLACEMENT CHARACTER}", error.end  # type: ignore[attr-defined]


def _mark(error: UnicodeError) -> tuple[str, int]:
    """A lone surrogate, which is not valid UTF-8: the document is found to be invalid later."""
    return "\udcff", error.end  # type: ignore[attr-defined]


codecs.register_error(_REPLACE, _replace)
codecs.register_error(_MARK, _mark)


def _transcode(
    source: Source, blocks: Iterable[bytes], options: TextOptions, tally: Tally
) -> Iterator[bytes]:
    """Text in another encoding as UTF-8."""
    handler = {"strict": "strict", "replace": _REPLACE, "skip": _MARK}[options.errors]
    decoder = codecs.getincrementaldecoder(options.encoding)(handler)
    position = 0
    for block, final in _with_end(blocks):
        pending = len(decoder.getstate()[0])
        before = getattr(_bad, "count", 0)
        try:
            text = decoder.decode(block, final)
        except UnicodeDecodeError as error:
            _refuse(source, options.encoding, position - pending + error.start, error)
        except UnicodeError as error:  # no byte order mark, for one
            fix = "name another encoding; without a byte order mark: utf-16-le, utf-16-be, utf-32-le, ..."
            raise GptprepError(f"{source.label} is not valid {options.encoding}", str(error), fix) from error
        tally.replaced += getattr(_bad, "count", 0) - before
        position += len(block)
        yield text.encode("utf-8", "surrogatepass")


def _with_end(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for block in blocks:
        yield block, False
    yield b"", True


def _split(source: Source, blocks: Iterable[bytes], separator: bytes | None) -> Iterator[Segment]:
    """Cut a stream of bytes at every separator, which belongs to no document.

    Nothing after the last separator is no document: the separator may also end each one.
    """
    buffer, offset, line = b"", source.begin, source.first_line
    is_open = not (separator and source.begin)  # a stretch begins after a separator, or amid its document
    ends = bool(separator) or source.end is None
    keep = len(separator) - 1 if separator else 0
    for block, final in _with_end(blocks):
        data = buffer + block if buffer else block
        begin = 0
        while separator and (end := data.find(separator, begin)) >= 0:
            yield Segment(data[begin:end], offset + begin, line, True)
            line += line and data.count(b"\n", begin, end + len(separator))
            begin, is_open = end + len(separator), False
        end = len(data) if final else max(begin, len(data) - keep)
        is_open = is_open or end > begin
        if is_open:
            yield Segment(data[begin:end], offset + begin, line, final and ends)
        line += line and data.count(b"\n", begin, end)
        buffer, offset = data[end:], offset + end


def _valid(source: Source, segments: Iterable[Segment], errors: Errors, tally: Tally) -> Iterator[Segment]:
    """Check that each document is UTF-8, and let every segment end between two characters."""
    pending, resume, line = b"", source.begin, source.first_line
    for segment in segments:
        if pending:
            begin = segment.offset - len(pending)
            segment = segment._replace(data=pending + segment.data, offset=begin)
        data, pending = _checked(source, segment, errors, tally)
        resume, line = segment.offset + len(segment.data) - len(pending), segment.line
        if data or segment.last:
            yield segment._replace(data=data)
    if pending:  # a stretch that ends with its file, amid a character
        rest = Segment(pending, resume, line, True)
        yield Segment(_checked(source, rest, errors, tally)[0], resume, line, False)


def _checked(source: Source, segment: Segment, errors: Errors, tally: Tally) -> tuple[bytes, bytes]:
    """Its valid UTF-8, and the bytes at its end that begin a character, unless it is the last."""
    data, offset, line, last = segment
    if data.isascii():
        return data, b""
    try:
        used = codecs.utf_8_decode(data, "strict", last)[1]
    except UnicodeDecodeError as error:
        if errors != "replace":
            where = f"line {line}" if source.has_lines else ""
            _refuse(source, "UTF-8", offset + error.start, error, where)
        before = getattr(_bad, "count", 0)
        text, used = codecs.utf_8_decode(data, _REPLACE, last)
        tally.replaced += _bad.count - before
        return text.encode(), data[used:]
    return data[:used], data[used:]


def _without_invalid(source: Source, segments: Iterable[Segment], tally: Tally) -> Iterator[Segment]:
    """Only the documents that are valid UTF-8 from their first byte to their last."""
    folder = tempfile.gettempdir()
    decoder = codecs.getincrementaldecoder("utf-8")()
    with os_errors("write to", folder), tempfile.SpooledTemporaryFile(max_size=_SPOOLED, dir=folder) as spool:
        first: Segment | None = None
        valid = True
        for segment in segments:
            first = first or segment
            if valid:
                try:
                    decoder.decode(segment.data, segment.last)
                    spool.write(segment.data)
                except UnicodeDecodeError:
                    valid = False
            if segment.last:
                if valid:
                    yield from _spooled(source, spool, first)
                tally.skipped += not valid
                spool.seek(0)
                spool.truncate()
                decoder.reset()
                first, valid = None, True


def _spooled(
    source: Source, spool: tempfile.SpooledTemporaryFile[bytes], first: Segment
) -> Iterator[Segment]:
    spool.seek(0)
    _, offset, line, _ = first
    for block, final in _with_end(iter(lambda: spool.read(1 << 20), b"")):
        yield Segment(block, offset, line, final)
        offset += len(block)
        line += 0 if source.has_lines else block.count(b"\n")


def _json_texts(
    source: Source, segments: Iterable[Segment], options: TextOptions, tally: Tally
) -> Iterator[Segment]:
    """One document for each JSON line: its text field."""
    parts: list[bytes] = []
    for data, offset, line, last in segments:
        parts.append(data)
        if not last:
            continue
        document = b"".join(parts)
        parts.clear()
        if document.strip():
            text = _text_field(source, document, line, options.text_field)
            if text is None:
                tally.empty += 1
            elif (encoded := _encode(source, text, line, options.errors, tally)) is not None:
                yield Segment(encoded, offset, line, True)


def _text_field(source: Source, document: bytes, line: int, field: str) -> str | None:
    """The text of one line; None for `null`, which is no text, as in a table."""
    place = f"{source.label}:{line}"
    try:
        value = json.loads(document, parse_int=len)  # no number is wanted, and Python refuses long ones
    except (ValueError, RecursionError) as error:
        raise DamagedData(
            f"{place} is not valid JSON", str(error), "JSON lines hold one object a line"
        ) from error
    if not isinstance(value, dict) or not isinstance(value.get(field, 0), str | None):
        keys = ", ".join(repr(key)[:40] for key in list(value)[:8]) if isinstance(value, dict) else ""
        raise DamagedData(
            f"{place} has no text in the field {field!r}",
            f"it has {keys or 'none'}" if isinstance(value, dict) else "it is not an object",
            "name the field with --text-field",
        )
    text: str | None = value[field]
    return text


def _encode(source: Source, text: str, line: int, errors: Errors, tally: Tally) -> bytes | None:
    """A text from JSON as UTF-8; JSON can hold lone surrogates, which are not text."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        if errors == "strict":
            what = f"{source.label}:{line} holds the lone surrogate U+{ord(text[error.start]):04X}"
            raise GptprepError(what, "it is not valid text", _FIX) from error
        if errors == "skip":
            tally.skipped += 1
            return None
        tally.replaced += sum("\ud800" <= character <= "\udfff" for character in text)
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


_FIX = "give --errors replace or --errors skip, or name its encoding with --encoding"


def _refuse(
    source: Source, encoding: str, offset: int, error: UnicodeDecodeError, where: str = ""
) -> NoReturn:
    value = error.object[error.start]
    raise GptprepError(
        f"{source.label} is not valid {encoding}: byte 0x{value:02x} at {where or f'offset {offset}'}",
        error.reason,
        _FIX,
    ) from error
