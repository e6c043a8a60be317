"""How long documents are."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple, Self


class Bucket(NamedTuple):
    """Documents of similar length."""

    start: int
    """The shortest length."""
    stop: int
    """One more than the longest length: twice the start, except for documents without ids."""
    documents: int


@dataclass(frozen=True)
class DocumentLengths:
    """The lengths of documents in ids, without end-of-text ids."""

    min: int
    median: int
    """The length that half of the documents do not exceed."""
    mean: float
    max: int
    histogram: tuple[Bucket, ...]
    """Powers of two, from the shortest document to the longest."""

    @classmethod
    def of(cls, lengths: Counter[int]) -> Self:
        """From how many documents have each length; there is at least one."""
        documents, ids = lengths.total(), sum(length * n for length, n in lengths.items())
        passed, median = 0, 0
        for length, n in sorted(lengths.items()):
            passed += n
            if 2 * passed >= documents:
                median = length
                break
        return cls(min(lengths), median, ids / documents, max(lengths), _histogram(lengths))


def _histogram(lengths: Counter[int]) -> tuple[Bucket, ...]:
    by_bits = Counter[int]()
    for length, n in lengths.items():
        by_bits[length.bit_length()] += n
    return tuple(
        Bucket(1 << bits >> 1, 1 << bits, by_bits[bits]) for bits in range(min(by_bits), max(by_bits) + 1)
    )
