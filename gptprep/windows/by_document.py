"""Windows that never cross documents; the last window of a document may be short.

Shape letters: M documents, N windows, B windows of one call, L context length.
"""

from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gptprep.tokens.stream import TokenStream
from gptprep.windows.index import LENGTHS_DTYPE, STARTS_DTYPE, Dropped, Located, WindowIndex

_BLOCK_WINDOWS = 1 << 20
"""Rows of the table read at a time."""


def document_windows(
    doc_starts_M: NDArray[np.int64], doc_stops_M: NDArray[np.int64], context_length: int, stride: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The windows of documents: where each starts, and how many of its inputs are ids of its document.

    A document of n ids, including its end-of-text id, has n - 1 inputs with a target. Its windows start at
    every `stride`th id until one reaches its end; that one may be short and is padded when windows are made.

    Args:
        doc_starts_M: the position of each document's first id.
        doc_stops_M: the position after each document's last id.

    Returns:
        `starts_N, lengths_N`; a document of fewer than two ids has no window.

    >>> starts, lengths = document_windows(np.array([0, 7]), np.array([7, 10]), context_length=4, stride=4)
    >>> starts.tolist(), lengths.tolist()
    ([0, 4, 7], [4, 2, 2])
    """
    n_inputs = doc_stops_M - doc_starts_M - 1
    limit = np.minimum(n_inputs, n_inputs - context_length + stride)  # windows start before this
    counts = np.where(n_inputs < 1, 0, np.maximum(1, -(-limit // stride)))
    first = np.cumsum(counts) - counts
    starts = np.repeat(doc_starts_M - first * stride, counts) + np.arange(counts.sum()) * stride
    lengths = np.minimum(context_length, np.repeat(doc_stops_M, counts) - 1 - starts)
    return starts, lengths


class Documents(NamedTuple):
    """Where some documents are in the ids of a split, (M,) each."""

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]


class DocumentWindows(WindowIndex):
    """Windows whose starts and lengths are stored in a table of two columns, (N,) each."""

    has_lengths = True

    def __init__(
        self, starts: TokenStream, lengths: TokenStream, context_length: int, dropped: Dropped, padding: int
    ) -> None:
        self.starts, self.lengths = starts, lengths
        self.context_length, self.dropped, self.padding = context_length, dropped, padding

    def __len__(self) -> int:
        return len(self.starts)

    def locate(self, numbers: NDArray[np.int64]) -> Located:
        return Located(self.starts.gather(numbers, 1)[:, 0], self.lengths.gather(numbers, 1)[:, 0])

    def count_before(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        counts = np.zeros(len(positions), np.int64)
        for first in range(0, len(self), _BLOCK_WINDOWS):
            starts = self.starts.read(first, min(first + _BLOCK_WINDOWS, len(self)))
            counts += np.searchsorted(starts, positions)
        return counts

    @classmethod
    def write(
        cls, path: str, documents: Iterable[Documents], n_ids: int, context_length: int, stride: int
    ) -> Self:
        """Write the table for the documents of a split of `n_ids` ids to two files named after `path`."""
        starts_path, lengths_path = f"{path}-starts.bin", f"{path}-lengths.bin"
        n_windows = n_real = n_documents = covered = 0
        with open(starts_path, "wb") as starts_file, open(lengths_path, "wb") as lengths_file:
            for doc_starts, doc_stops in documents:
                starts, lengths = document_windows(doc_starts, doc_stops, context_length, stride)
                starts_file.write(starts.astype(STARTS_DTYPE).tobytes())
                lengths_file.write(lengths.astype(LENGTHS_DTYPE).tobytes())
                n_windows, n_real = n_windows + len(starts), n_real + int(lengths.sum())
                sizes = (doc_stops - doc_starts)[doc_stops - doc_starts > 1]
                n_documents, covered = n_documents + len(sizes), covered + int(sizes.sum())
        gaps = (n_windows - n_documents) * max(0, stride - context_length - 1)
        if stride > context_length:
            covered = n_real + n_windows
        starts_column, lengths_column = (
            TokenStream([(path, n_windows)], dtype, n_windows, keep_mapped=False)
            for path, dtype in ((starts_path, STARTS_DTYPE), (lengths_path, LENGTHS_DTYPE))
        )
        dropped, padding = Dropped(n_ids - covered - gaps, gaps), n_windows * context_length - n_real
        return cls(starts_column, lengths_column, context_length, dropped, padding)
