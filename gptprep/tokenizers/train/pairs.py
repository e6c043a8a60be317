"""The pairs of neighbouring tokens in the words of a text: how often each occurs, and where.

All words are in one array, so that a merge is a few NumPy calls for all places of a pair. Neighbours are
linked: a merge does not move what is beside it.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gptprep.tokenizers.byte_level import BYTE_ORDER

Places: TypeAlias = NDArray[np.int64]
_SHIFT = 32
_MASK = (1 << _SHIFT) - 1
"""A pair of ids is stored as one number, which compares as the pair would and is smaller in memory."""
_FIRST = np.array([True])
_BETWEEN, _MERGED = -1, -2
"""What stands between two words, and in the place of a token that was merged with the one before it."""


class Pairs:
    """The words of a text as ids, and their pairs of neighbours.

    The heap may hold old counts of a pair, and an entry for each count that increased since. A count that
    decreased is corrected when it reaches the top.

    Args:
        counts: how often each word occurs.
    """

    def __init__(self, counts: Mapping[bytes, int]) -> None:
        lengths = np.fromiter(map(len, counts), np.int64, len(counts))
        places = np.arange(1, lengths.sum() + 1) + np.repeat(np.arange(len(counts)), lengths)
        n_places = int(lengths.sum()) + len(counts) + 1
        self._ids = np.full(n_places, _BETWEEN, np.int32)
        self._ids[places] = np.argsort(BYTE_ORDER)[np.frombuffer(b"".join(counts), np.uint8)]
        self._of_word = np.fromiter(counts.values(), np.int64, len(counts))
        self._words = np.zeros(n_places, np.int32)
        self._words[places] = np.repeat(np.arange(len(counts)), lengths)
        self._next, self._before = np.arange(1, n_places + 1), np.arange(-1, n_places - 1)
        self._counts: dict[int, int] = {}
        self._places: defaultdict[int, list[Places]] = defaultdict(list)
        places = places[self._ids[places + 1] != _BETWEEN]
        pairs = self._ids[places].astype(np.int64) << _SHIFT | self._ids[places + 1]
        self._add(pairs, self._of_word[self._words[places]], places)
        self._heap = [(-n, pair) for pair, n in self._counts.items()]
        heapq.heapify(self._heap)

    def token_counts(self) -> Counter[int]:
        """How often each id occurs."""
        places = np.flatnonzero(self._ids >= 0)
        counts = np.zeros(int(self._ids.max(initial=0)) + 1, np.int64)
        np.add.at(counts, self._ids[places], self._of_word[self._words[places]])
        return Counter({token_id: n for token_id, n in enumerate(counts.tolist()) if n})

    def most_frequent(self, min_count: int) -> tuple[int, int] | None:
        """The most frequent pair; None if it occurs less than `min_count` times."""
        while self._heap:
            negative, pair = heapq.heappop(self._heap)
            n = self._counts.get(pair, 0)
            if n == -negative:
                return (pair >> _SHIFT, pair & _MASK) if n >= min_count else None
            if n >= min_count:
                heapq.heappush(self._heap, (-n, pair))
        return None

    def merge(self, left: int, right: int, new: int) -> None:
        """Replace a pair by one token, `new`, wherever it occurs, in each word from left to right."""
        ids, pair = self._ids, left << _SHIFT | right
        first = np.concatenate(self._places.pop(pair))
        first = first[(ids[first] == left) & (ids[self._next[first]] == right)]
        if left == right:
            first = self._not_overlapping(np.sort(first))
        second = self._next[first]
        before, after, counts = self._before[first], self._next[second], self._of_word[self._words[first]]
        # Of two places that touch, the pair between them is the one after the first of them.
        ids[second] = _MERGED
        is_before, is_after = ids[before] >= 0, ids[after] >= 0
        ids_before, ids_after = ids[before[is_before]].astype(np.int64), ids[after[is_after]].astype(np.int64)
        gone = ids_before << _SHIFT | left, ids_after | right << _SHIFT
        ids[first] = new
        self._next[first], self._before[after] = after, first
        ids_after = ids[after[is_after]].astype(np.int64)
        made = ids_before << _SHIFT | new, ids_after | new << _SHIFT
        of_before, of_after = counts[is_before], counts[is_after]
        places = before[is_before], first[is_after]
        self._counts[pair] = 0
        for neighbours in self._add(
            np.concatenate([*gone, *made]),
            np.concatenate([-of_before, -of_after, of_before, of_after]),
            np.concatenate([*places, *places]),
        ):
            heapq.heappush(self._heap, (-self._counts[neighbours], neighbours))
        del self._counts[pair]

    def _not_overlapping(self, first: Places) -> Places:
        """Of places of a token before itself, in order, every other one of those that touch."""
        if not len(first):
            return first
        starts_run = np.append(True, self._next[first[:-1]] != first[1:])
        numbers = np.arange(len(first))
        of_run: Places = first[(numbers - np.maximum.accumulate(np.where(starts_run, numbers, 0))) % 2 == 0]
        return of_run

    def _add(self, pairs: Places, counts: Places, places: Places) -> list[int]:
        """Add counts to those of some pairs; where they are positive, the pairs start at these places.

        Returns each pair whose count is larger now, once.
        """
        order = pairs.argsort()
        pairs, counts, places = pairs[order], counts[order], places[order]
        larger: list[int] = []
        starts = np.concatenate([_FIRST, pairs[1:] != pairs[:-1]])[: len(pairs)].nonzero()[0]
        sums = np.add.reduceat(counts, starts).tolist() if len(starts) else []
        stops = [*starts[1:].tolist(), len(pairs)]
        for pair, n, start, stop in zip(pairs[starts].tolist(), sums, starts.tolist(), stops, strict=False):
            self._counts[pair] = self._counts.get(pair, 0) + n
            if n > 0:
                self._places[pair].append(places[start:stop])
                larger.append(pair)
        return larger
