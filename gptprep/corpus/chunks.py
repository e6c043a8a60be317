"""Documents in chunks that a tokenizer encodes one by one, with the ids of the whole document."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from gptprep.corpus.blocks import BLOCK_BYTES, OnRead, not_watched
from gptprep.corpus.documents import DocumentBlock, ReadCounts, read_documents
from gptprep.corpus.sources import Source, check_unchanged
from gptprep.corpus.text_options import TextOptions

LastSplitPoint = Callable[[bytearray, int], int]
"""The last split point of a text at or after an offset; 0 if there is none (`SplitPoints.last`)."""

_CONTEXT = 8
"""Bytes at the end of a text that are searched again with what follows: a character and a space."""


class Chunk(NamedTuple):
    """Valid UTF-8 whose ids, appended to those of the chunks before it, are the ids of the document."""

    text: bytes
    offset: int
    """The position of its first byte in the source."""
    line: int
    """The line of its first byte in the source, from 1."""
    last: bool
    """Whether the document ends here."""


def read_chunks(
    source: Source,
    options: TextOptions,
    last_split_point: LastSplitPoint,
    counts: ReadCounts,
    size: int = BLOCK_BYTES,
    on_read: OnRead = not_watched,
) -> Iterator[Chunk]:
    """The documents of a source in chunks of about `size` bytes; empty documents are left out.

    A chunk is larger where a document has no split point.

    Args:
        on_read: called with what was read of the file, as it is on disk.

    Raises:
        GptprepError: the source cannot be read, changes meanwhile, or holds text that `options` do not
            accept.
        CorruptDataError: it is not what its format says.
    """
    check_unchanged(source)
    if not is_empty_range(source):
        documents = read_documents(source, options, counts, on_read)
        yield from chunks_of(source, documents, options, last_split_point, counts, size)
    check_unchanged(source)


def is_empty_range(source: Source) -> bool:
    """Whether a byte range, unlike a whole file, has nothing to read, not even an empty document."""
    return source.start > 0 and source.start == source.stop


def chunks_of(
    source: Source,
    documents: Iterable[DocumentBlock],
    options: TextOptions,
    last_split_point: LastSplitPoint,
    counts: ReadCounts,
    size: int = BLOCK_BYTES,
) -> Iterator[Chunk]:
    """Documents that were read from a source in chunks; see `read_chunks`."""
    in_document = source.start > 0 and not (source.has_lines or options.separator)
    for chunk in _divide(documents, last_split_point, size, has_lines=source.has_lines):
        if chunk.last and not chunk.text and not in_document:
            counts.empty += 1
            continue
        in_document = not chunk.last
        counts.documents += chunk.last
        yield chunk


def _divide(
    blocks: Iterable[DocumentBlock], last_split_point: LastSplitPoint, size: int, *, has_lines: bool
) -> Iterator[Chunk]:
    """Chunks; if `has_lines`, each document is in one line of its source, whatever its text has."""
    buffer, searched, offset, line = bytearray(), 0, 0, 1
    for block in chain.from_iterable(_slices(block, size) for block in blocks):
        if not buffer:
            offset, line = block.offset, block.line
        if block.last:
            yield Chunk(bytes(buffer) + block.data if buffer else block.data, offset, line, True)
            buffer.clear()
            searched = 0
            continue
        buffer += block.data
        if len(buffer) < size:
            continue
        if point := last_split_point(buffer, searched):
            with memoryview(buffer) as view:
                text = bytes(view[:point])
            yield Chunk(text, offset, line, False)
            offset += point
            line += 0 if has_lines or not line else text.count(b"\n")
            del buffer[:point]
            searched = 0
        else:
            searched = max(0, len(buffer) - _CONTEXT)
    if buffer:  # a byte range that ends inside its document
        yield Chunk(bytes(buffer), offset, line, False)


def _slices(block: DocumentBlock, size: int) -> Iterator[DocumentBlock]:
    """A block, or slices of a very large one: the text of a JSON line or of a row."""
    if len(block.data) <= 4 * size:
        yield block
        return
    for start in range(0, len(block.data), size):
        data = block.data[start : start + size]
        is_last = start + size >= len(block.data)
        yield DocumentBlock(data, block.offset + start, block.line, block.last and is_last)


def place(source: Source, chunk: Chunk, offset: int, options: TextOptions) -> str:
    """The place of byte `offset` of a chunk, for a message: file, line, and byte offset if it is known."""
    if source.has_lines:
        return f"{source.label}:{chunk.line}"
    line = chunk.line + chunk.text.count(b"\n", 0, offset)
    byte = f" (byte offset {chunk.offset + offset})" if options.keeps_offsets else ""
    return f"{source.label}:{line}{byte}"
