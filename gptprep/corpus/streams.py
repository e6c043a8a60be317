"""Sources that can only be read from their start: one process reads them, and all encode what it has read.

A compressed file, a table or a pipe cannot be read from the middle. The process that reads it divides its
text into ranges as a plain file would be divided, between documents or at split points, and writes the text
of each to a temporary file (`Source.spool`). The ranges follow from the text alone.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Self

from gptprep.corpus.blocks import BLOCK_BYTES, read_blocks
from gptprep.corpus.documents import without_binary
from gptprep.corpus.parquet import read_rows
from gptprep.corpus.ranges import FirstSplitPoint, can_divide
from gptprep.corpus.rows import Rows, RowsWriter
from gptprep.corpus.sources import Source, check_unchanged, is_compact
from gptprep.corpus.text_options import TextOptions, separator_of
from gptprep.errors import os_errors
from gptprep.storage.temporary import temporary_errors, temporary_folder
from gptprep.units import MIB

_LEAST = 2 * MIB
"""Bytes on disk of a file that is worth dividing."""
_FEW = 6
"""A file is divided if it has more than a sixth of all bytes. Of many files about as large, each is better
read by a process of its own, because reading one takes a core."""
_MAX_ROWS = 1 << 20
"""Rows of a range: many may be empty."""
_PURPOSE = "reading compressed files and pipes"
_CONTEXT = 8
"""Bytes before a place that the search for a split point needs."""


def is_stream(source: Source, options: TextOptions, total: int, has_split_points: bool) -> bool:
    """Whether one process reads a source for all others.

    Args:
        total: the bytes on disk of all sources whose size is known.
        has_split_points: whether documents can be divided.
    """
    is_table = source.kind == "parquet"
    if (
        source.data is not None
        or source.stop is not None
        or not (is_table or can_divide(source, options, has_split_points))
    ):
        return False
    if source.size is None:
        return not is_table  # a table must be in a file
    return is_compact(source) and source.size >= _LEAST and source.size * _FEW > total


class Spool:
    """Temporary files for the text of ranges, in a folder that is made for the first of them.

    Args:
        top: where; in the folder of temporary files if it is None.
    """

    def __init__(self, top: str | None = None) -> None:
        self._top, self._folder = top, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def new_file(self) -> tuple[BinaryIO, str]:
        """A new file and its path.

        Raises:
            GptprepError: it cannot be made.
        """
        with self.errors():
            if not self._folder:
                top = temporary_folder(_PURPOSE) if self._top is None else self._top
                self._folder = tempfile.mkdtemp(dir=top)
            descriptor, path = tempfile.mkstemp(dir=self._folder)
            return open(descriptor, "wb", buffering=MIB), path

    def errors(self) -> AbstractContextManager[None]:
        """Explains errors of writing to a file."""
        if self._top is None:
            return temporary_errors(temporary_folder(_PURPOSE))
        return os_errors("write", self._top)


def divide_stream(
    source: Source, options: TextOptions, size: int, first_split_point: FirstSplitPoint, spool: Spool
) -> Iterator[Source]:
    """The ranges of a stream, of at least `size` bytes each but for the last, with their text in files.

    A text of less than a block is in memory (`Source.data`).

    Args:
        spool: for the files; whoever has read one removes it (`Source.spool`).

    Raises:
        GptprepError: the source cannot be read, or changes meanwhile, or a file cannot be written.
        CorruptDataError: it is not what its format says.
    """
    check_unchanged(source)
    if source.kind == "parquet":
        yield from _row_ranges(source, options, size, spool)
    else:
        yield from _Ranges(source, options, size, first_split_point, spool)
    check_unchanged(source)


def _row_ranges(source: Source, options: TextOptions, size: int, spool: Spool) -> Iterator[Source]:
    read, stop = _Read(), 0
    for path, n_rows in _row_files(read_rows(source, options.text_field, read.add), size, spool):
        start, stop = stop, stop + n_rows
        yield source._replace(spool=path, start=start, stop=stop, size=read.taken())
    if not stop:
        yield source


def _row_files(tables: Iterator[Rows], size: int, spool: Spool) -> Iterator[tuple[str, int]]:
    """Files of rows, with about `size` bytes of text each, and how many rows each has."""
    for rows in tables:
        file, path = spool.new_file()
        with file:
            writer = RowsWriter(file)
            with spool.errors():
                writer.append(rows)
            while writer.n_bytes < size and len(writer) < _MAX_ROWS and (more := next(tables, None)):
                with spool.errors():
                    writer.append(more)
            with spool.errors():
                writer.finish()
        yield path, len(writer)


class _Read:
    """Bytes on disk that were read and not taken yet."""

    def __init__(self) -> None:
        self._n_bytes = 0

    def add(self, n_bytes: int) -> None:
        """Add some; it is an `OnRead`."""
        self._n_bytes += n_bytes

    def taken(self) -> int:
        """How many there are; afterwards there are none."""
        n_bytes, self._n_bytes = self._n_bytes, 0
        return n_bytes


class _Ranges:
    """The ranges of a text. The text is written to their files while it is read."""

    def __init__(
        self,
        source: Source,
        options: TextOptions,
        size: int,
        first_split_point: FirstSplitPoint,
        spool: Spool,
    ) -> None:
        self._source, self._size, self._spool = source, size, spool
        self._separator, self._first_split_point = separator_of(source, options), first_split_point
        self._kept = max(2 * _CONTEXT, len(self._separator or b""))
        """Bytes at the end of what was read that are searched again with what follows."""
        self._file: BinaryIO | None = None
        self._path = ""
        self._start = self._written = 0
        # Lines are counted later, if an error needs one and the source can be read again.
        self._line, self._lines = (0, 0) if source.stamp else (1, 0)
        self._read = _Read()

    def __iter__(self) -> Iterator[Source]:
        try:
            yield from self._ranges()
        finally:
            if self._file:
                self._file.close()

    def _ranges(self) -> Iterator[Source]:
        rest = b""
        blocks = read_blocks(self._source, self._read.add)
        for block in without_binary(self._source, blocks, is_utf8=True):
            rest += block
            while stop := self._stop(rest):
                self._write(rest[:stop])
                rest = rest[stop:]
                yield self._range(is_last=False)
            if self._start or self._written or len(rest) >= BLOCK_BYTES:
                self._write(rest[: -self._kept])
                rest = rest[-self._kept :]
        if self._start or self._written:
            self._write(rest)
            yield self._range(is_last=True)
        else:
            yield self._source._replace(data=rest, size=None)

    def _stop(self, rest: bytes) -> int:
        """Where the range stops in what is not written yet; 0 if not there, or if the text may end there."""
        first = max(self._size - self._written, 0)
        if self._separator:
            found = rest.find(self._separator, first)
            stop = found + len(self._separator)
        else:
            found = stop = self._first_split_point(rest, max(first, _CONTEXT if self._written else 0))
        return stop if found >= 0 and stop < len(rest) else 0

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._file, self._path = self._spool.new_file()
        self._lines += self._line and data.count(b"\n")
        self._written += len(data)
        with self._spool.errors():
            self._file.write(data)

    def _range(self, *, is_last: bool) -> Source:
        """The range whose text is in the file."""
        start, line = self._start, self._line
        self._start += self._written
        self._line += self._lines
        self._written = self._lines = 0
        if self._file:
            with self._spool.errors():
                self._file.close()
        self._file = None
        stop = None if is_last else self._start
        return self._source._replace(
            spool=self._path, start=start, stop=stop, first_line=line, size=self._read.taken()
        )
