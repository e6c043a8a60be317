"""Cutting documents into pieces that a tokenizer encodes in one go, with the ids of the whole document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gptprep.corpus.reading import MAX_BLOCK
from gptprep.corpus.sources import Source, check_unchanged
from gptprep.corpus.text import Segment, Tally, TextOptions, read_segments

LastCut = Callable[[bytearray, int], int]
"""The last place of a text at or after an offset where it may be cut, 0 for none (`Tokenizer.last_cut`)."""

_CONTEXT = 8
"""Bytes before the end of a text that are searched again with what follows: a character and a space."""


class Piece(NamedTuple):
    """Valid UTF-8 whose ids, put after those of the pieces before it, are the ids of the document."""

    text: bytes
    offset: int
    line: int
    last: bool
    """The document ends here."""


def read_pieces(
    source: Source, options: TextOptions, last_cut: LastCut, tally: Tally, size: int = MAX_BLOCK
) -> Iterator[Piece]:
    """The documents of a source in pieces of about `size` bytes; empty documents are left out.

    A piece grows beyond `size` where a document has no place to be cut.

    Raises:
        GptprepError: the source cannot be read, changes meanwhile, or holds what `options` refuse.
        DamagedData: it is not what its format says.
    """
    check_unchanged(source)
    under_way = source.begin > 0 and not (source.has_lines or options.separator)
    for piece in _cut(read_segments(source, options, tally), last_cut, size):
        if piece.last and not piece.text and not under_way:
            tally.empty += 1
            continue
        under_way = not piece.last
        tally.documents += piece.last
        yield piece
    check_unchanged(source)


def _cut(segments: Iterable[Segment], last_cut: LastCut, size: int) -> Iterator[Piece]:
    buffer, searched, offset, line = bytearray(), 0, 0, 1
    for segment in segments:
        if not buffer:
            offset, line = segment.offset, segment.line
        if segment.last:
            yield Piece(bytes(buffer) + segment.data if buffer else segment.data, offset, line, True)
            buffer.clear()
            searched = 0
            continue
        buffer += segment.data
        if len(buffer) < size:
            continue
        if cut := last_cut(buffer, searched):
            with memoryview(buffer) as view:
                text = bytes(view[:cut])
            yield Piece(text, offset, line, False)
            offset, line = offset + cut, line + (line and text.count(b"\n"))
            del buffer[:cut]
            searched = 0
        else:
            searched = max(0, len(buffer) - _CONTEXT)
    if buffer:  # a stretch that ends amid its document
        yield Piece(bytes(buffer), offset, line, False)


def place(source: Source, piece: Piece, offset: int, options: TextOptions) -> str:
    """Where byte `offset` of a piece stands, for a message: the file, the line, and the byte if known."""
    if source.has_lines:
        return f"{source.label}:{piece.line}"
    line = piece.line + piece.text.count(b"\n", 0, offset)
    byte = f" (byte offset {piece.offset + offset})" if options.keeps_offsets else ""
    return f"{source.label}:{line}{byte}"
