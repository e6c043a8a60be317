"""The texts of rows of a table, and temporary files of them: the texts, then the length of each."""

import os
from array import array
from collections.abc import Iterator
from typing import IO, NamedTuple

from gptprep.units import MIB


class Rows(NamedTuple):
    """The texts of some consecutive rows."""

    first: int
    """The number of the first row, from 1."""
    texts: list[bytes | None]
    """The stored bytes of each row; None if the table has none."""

    @property
    def n_bytes(self) -> int:
        """The bytes of all texts."""
        return sum(len(text) for text in self.texts if text)


class RowsWriter:
    """Writes rows to an open file; None becomes an empty text.

    Attributes:
        n_bytes: of the texts that were written.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._lengths = file, array("Q")
        self.n_bytes = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def append(self, rows: Rows) -> None:
        """Append some rows."""
        texts = [text or b"" for text in rows.texts]
        self._lengths.extend(map(len, texts))
        self._file.writelines(texts)
        self.n_bytes += rows.n_bytes

    def finish(self) -> None:
        """Write the lengths of all texts."""
        self._file.write(self._lengths)


def read_rows_file(path: str, first: int, n_rows: int, at_a_time: int) -> Iterator[Rows]:
    """The rows of a file that `RowsWriter` wrote.

    Args:
        first: the number of the first of them.
        n_rows: how many there are.
        at_a_time: how many of them are given together.
    """
    with open(path, "rb", buffering=MIB) as file:
        lengths = array("Q")
        file.seek(-lengths.itemsize * n_rows, os.SEEK_END)
        lengths.fromfile(file, n_rows)
        file.seek(0)
        for start in range(0, n_rows, at_a_time):
            texts: list[bytes | None] = [file.read(length) for length in lengths[start : start + at_a_time]]
            yield Rows(first + start, texts)
