"""Sources that can only be read from their start: one process reads them, and all encode what it has read.

A compressed file, a table or a pipe cannot be read from the middle. The process that reads it divides its
text into ranges as a plain file would be divided, between documents or at split points, and writes the text
of each to a temporary file (`Source.spool`). The ranges follow from the text alone.
"""

import io
import tempfile
from collections.abc import Iterator

from gptprep.corpus.blocks import read_blocks
from gptprep.corpus.documents import without_binary
from gptprep.corpus.parquet import read_rows
from gptprep.corpus.ranges import FirstSplitPoint, can_divide
from gptprep.corpus.rows import Rows, RowsWriter
from gptprep.corpus.sources import Source, check_unchanged, is_compact
from gptprep.corpus.text_options import TextOptions, separator_of
from gptprep.units import MIB

_LEAST = 2 * MIB
"""Bytes on disk of a file that is worth dividing."""
_MOST = 6
"""Files that are divided must have more than one in so many parts of all bytes: if many are about as large,
each is better read by a process of its own, because reading one takes a core."""
_CONTEXT = 8
"""Bytes before a place that the search for a split point needs."""


def is_stream(source: Source, options: TextOptions, total: int, has_split_points: bool) -> bool:
    """Whether one process reads a source for all others.

    Args:
        total: the bytes on disk of all sources whose size is known.
        has_split_points: whether documents can be divided.
    """
    is_table = source.kind == "parquet"
    if source.data is not None or not (is_table or can_divide(source, options, has_split_points)):
        return False
    if source.size is None:
        return not is_table  # a table must be in a file
    return is_compact(source) and source.size >= _LEAST and source.size * _MOST > total


def read_ranges_of(
    source: Source, options: TextOptions, size: int, first_split_point: FirstSplitPoint, folder: str
) -> Iterator[Source]:
    """The ranges of a stream, of at least `size` bytes each but for the last, with their text in files.

    Args:
        folder: for the files; whoever has read one removes it (`Source.spool`).

    Raises:
        GptprepError: the source cannot be read, or changes meanwhile, or a file cannot be written.
        CorruptDataError: it is not what its format says.
    """
    check_unchanged(source)
    if source.kind == "parquet":
        yield from _row_ranges(source, options, size, folder)
    else:
        yield from _Ranges(source, options, size, first_split_point, folder)
    check_unchanged(source)


def _row_ranges(source: Source, options: TextOptions, size: int, folder: str) -> Iterator[Source]:
    read, stop = _Read(), 0
    for spool, n_rows in _row_files(read_rows(source, options.text_field, read.add), size, folder):
        start, stop = stop, stop + n_rows
        yield source._replace(spool=spool, start=start, stop=stop, size=read.taken())
    if not stop:
        yield source


def _row_files(tables: Iterator[Rows], size: int, folder: str) -> Iterator[tuple[str, int]]:
    """Files of rows, with at least `size` bytes of text each but for the last, and how many rows each has."""
    for rows in tables:
        descriptor, path = tempfile.mkstemp(dir=folder)
        with open(descriptor, "wb", buffering=MIB) as file:
            writer = RowsWriter(file)
            writer.append(rows)
            while writer.n_bytes < size and (more := next(tables, None)):
                writer.append(more)
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
        self, source: Source, options: TextOptions, size: int, first_split_point: FirstSplitPoint, folder: str
    ) -> None:
        self._source, self._size, self._folder = source, size, folder
        self._separator, self._first_split_point = separator_of(source, options), first_split_point
        self._kept = max(2 * _CONTEXT, len(self._separator or b""))
        """Bytes at the end of what was read that are searched again with what follows."""
        self._file: io.FileIO | None = None
        self._spool = ""
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
            self._write(rest[: -self._kept])
            rest = rest[-self._kept :]
        self._write(rest)
        yield self._range(is_last=True)

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
            descriptor, self._spool = tempfile.mkstemp(dir=self._folder)
            self._file = io.FileIO(descriptor, "wb")
        self._lines += self._line and data.count(b"\n")
        self._written += len(data)
        while data:
            data = data[self._file.write(data) :]

    def _range(self, *, is_last: bool) -> Source:
        """The range whose text is in the file."""
        start, line = self._start, self._line
        self._start += self._written
        self._line += self._lines
        self._written = self._lines = 0
        if self._file:
            self._file.close()
        self._file = None
        stop = None if is_last else self._start
        return self._source._replace(
            spool=self._spool, start=start, stop=stop, first_line=line, size=self._read.taken()
        )
