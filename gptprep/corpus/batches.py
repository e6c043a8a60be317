"""Many small documents at a time.

One by one, documents of a few hundred bytes spend most of their time on the way, with a call at each stage
for each of them. A batch takes a block of whole documents through a stage at once. Whatever is unusual in a
block (invalid text, a line that is not JSON) sends it one document at a time through `documents.py`, which
skips, replaces, or raises an error that names the place.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from gptprep.corpus.blocks import BLOCK_BYTES, OnRead, not_watched
from gptprep.corpus.chunks import Chunk, LastSplitPoint, chunks_of, is_empty_range, read_chunks
from gptprep.corpus.documents import (
    DocumentBlock,
    ReadCounts,
    documents_of_blocks,
    documents_of_rows,
    text_blocks,
    text_rows,
)
from gptprep.corpus.json_lines import texts_of_lines
from gptprep.corpus.rows import Rows
from gptprep.corpus.sources import Source, check_unchanged
from gptprep.corpus.text_options import TextOptions, overlaps_itself, separator_of
from gptprep.corpus.utf8 import valid_bytes

_MAX_ROWS = 1 << 16
"""Rows of a block: many may be empty."""
_MAX_BYTES = 4 * BLOCK_BYTES
"""Rows with more text than this are no batch: their texts are large."""


class Batch(NamedTuple):
    """Whole documents, one after the other in their source."""

    texts: list[bytes]
    """Valid UTF-8; none is empty."""
    chunks: Callable[[], Iterator[Chunk]]
    """Gives the same documents as chunks, which know their places."""


def read_batches(
    source: Source,
    options: TextOptions,
    last_split_point: LastSplitPoint,
    counts: ReadCounts,
    size: int = BLOCK_BYTES,
    on_read: OnRead = not_watched,
) -> Iterator[Batch | Chunk]:
    """The documents of a source as `read_chunks` gives them, small ones in batches of about `size` bytes.

    Raises:
        GptprepError: as `read_chunks`.
        CorruptDataError: as `read_chunks`.
    """
    separator = separator_of(source, options)
    if source.kind != "parquet" and not _finds_documents(separator):
        yield from read_chunks(source, options, last_split_point, counts, size, on_read)
        return
    check_unchanged(source)
    if not is_empty_range(source):
        for block in _blocks(source, separator, options, counts, size, on_read):
            texts = block.texts()
            if texts is None:
                documents = block.documents(counts)
                yield from chunks_of(block.source, documents, options, last_split_point, counts, size)
                continue
            whole = [text for text in texts if text]
            counts.documents += len(whole)
            counts.empty += len(texts) - len(whole)
            if whole:
                yield Batch(whole, partial(_chunks, block, options, last_split_point))
    check_unchanged(source)


def _finds_documents(separator: bytes | None) -> bool:
    """Whether documents can be found a block at a time.

    Not if the separator overlaps itself, or is a part of a character.
    """
    try:
        return separator is not None and bool(separator.decode()) and not overlaps_itself(separator)
    except UnicodeDecodeError:
        return False


def _blocks(
    source: Source,
    separator: bytes | None,
    options: TextOptions,
    counts: ReadCounts,
    size: int,
    on_read: OnRead,
) -> "Iterator[_Block]":
    if separator is None:
        tables = _joined(text_rows(source, options, counts, on_read), size)
        return (_Table(source, rows, options) for rows in tables)
    return iter(_Divider(source, separator, options, text_blocks(source, options, counts, on_read), size))


def _chunks(block: "_Block", options: TextOptions, last_split_point: LastSplitPoint) -> Iterator[Chunk]:
    counts = ReadCounts()  # the documents were counted before
    return chunks_of(block.source, block.documents(counts), options, last_split_point, counts)


# Text with separators


class _Documents(NamedTuple):
    """Whole documents and the separators after them."""

    source: Source
    """The source from here on."""
    separator: bytes
    options: TextOptions
    blocks: Iterable[bytes]
    """A list of one block, or the blocks of a large document, which can be read once."""

    def documents(self, counts: ReadCounts) -> Iterator[DocumentBlock]:
        """The documents one by one."""
        return documents_of_blocks(self.source, self.blocks, self.options, counts)

    def texts(self) -> list[bytes] | None:
        """The text of each document; None if they must be read one by one."""
        if not isinstance(self.blocks, list):
            return None
        (data,) = self.blocks
        if self.source.kind == "jsonl":
            return texts_of_lines(data, self.options.text_field)
        try:
            valid_bytes(data, final=True)
        except UnicodeError:
            return None
        documents: list[bytes] = data.split(self.separator)
        return documents[:-1] if data.endswith(self.separator) else documents


class _Divider:
    """Divides the blocks of a source into those of whole documents."""

    def __init__(
        self, source: Source, separator: bytes, options: TextOptions, blocks: Iterator[bytes], size: int
    ) -> None:
        self._source, self._separator, self._options = source, separator, options
        self._blocks, self._size = blocks, size
        self._offset, self._line = source.start, source.first_line
        self._read = bytearray()
        """What was read and not given yet: the start of a document."""

    def __iter__(self) -> Iterator[_Documents]:
        is_empty = True
        for block in self._blocks:
            self._read += block
            is_empty = is_empty and not block
            if len(self._read) < self._size:
                continue
            if stop := self._last_stop():
                documents = self._documents_from_here([bytes(self._read[:stop])])
                self._pass(stop)
                yield documents
            else:
                yield self._documents_from_here(self._large())
        if self._read or (is_empty and not self._source.start):
            yield self._documents_from_here([bytes(self._read)])

    def _documents_from_here(self, blocks: Iterable[bytes]) -> _Documents:
        source = self._source._replace(start=self._offset, first_line=self._line)
        return _Documents(source, self._separator, self._options, blocks)

    def _large(self) -> Iterator[bytes]:
        """The blocks of a large document, and what follows it in the last of them."""
        stop = 0
        while not stop:
            stop = self._last_stop()
            n_given = stop or max(0, len(self._read) - len(self._separator) + 1)  # it may be in two blocks
            given = bytes(self._read[:n_given])
            self._pass(n_given)
            yield given
            if not stop and (block := next(self._blocks, None)) is not None:
                self._read += block
            elif not stop:
                yield bytes(self._read)
                self._read.clear()
                return

    def _last_stop(self) -> int:
        """Where the last separator ends; 0 if there is none."""
        start = self._read.rfind(self._separator)
        return 0 if start < 0 else start + len(self._separator)

    def _pass(self, n_bytes: int) -> None:
        self._offset += n_bytes
        self._line += self._line and self._read.count(b"\n", 0, n_bytes)
        del self._read[:n_bytes]


# Tables


class _Table(NamedTuple):
    """Some rows of a table."""

    source: Source
    rows: Rows
    options: TextOptions

    def documents(self, counts: ReadCounts) -> Iterator[DocumentBlock]:
        """The documents one by one."""
        return documents_of_rows(self.source, [self.rows], self.options, counts)

    def texts(self) -> list[bytes] | None:
        """The text of each row; None if they must be read one by one."""
        if self.rows.n_bytes > _MAX_BYTES:
            return None
        texts = [text or b"" for text in self.rows.texts]
        try:
            valid_bytes(b"\n".join(texts), final=True)
        except UnicodeError:
            return None
        return texts


_Block = _Documents | _Table


def _joined(tables: Iterable[Rows], size: int) -> Iterator[Rows]:
    """The same rows, about `size` bytes of text at a time."""
    first, texts, n_bytes = 0, list[bytes | None](), 0
    for rows in tables:
        first = first or rows.first
        texts += rows.texts
        n_bytes += rows.n_bytes
        if n_bytes >= size or len(texts) >= _MAX_ROWS:
            yield Rows(first, texts)
            first, texts, n_bytes = 0, [], 0
    if texts:
        yield Rows(first, texts)
