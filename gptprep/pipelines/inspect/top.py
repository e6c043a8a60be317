"""The tokens that occur most and least often."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gptprep.pipelines.inspect.text import token_views
from gptprep.tokenizers import Tokenizer


@dataclass(frozen=True)
class TokenCount:
    """A token and how often it occurs."""

    id: int
    token: str
    """Made visible."""
    special: bool
    count: int


@dataclass(frozen=True)
class RankCount:
    """How often the token with a rank occurs; the most frequent one has rank 1."""

    rank: int
    count: int


def ranked(occurrences_V: NDArray[Any], n: int = 48) -> tuple[RankCount, ...]:
    """At most `n` ranks, from the most frequent to the rarest token that occurs, at equal ratios."""
    counts = np.sort(occurrences_V[occurrences_V > 0])[::-1]
    if not len(counts):
        return ()
    ranks = np.unique(np.geomspace(1, len(counts), n).round().astype(int))
    return tuple(RankCount(int(rank), int(counts[rank - 1])) for rank in ranks)


def most_frequent(occurrences_V: NDArray[Any], tokenizer: Tokenizer, n: int) -> tuple[TokenCount, ...]:
    """At most `n` tokens that occur, the most frequent first; of equally frequent ones the lower id."""
    return _ordered(occurrences_V, -occurrences_V, tokenizer, n)


def rarest(occurrences_V: NDArray[Any], tokenizer: Tokenizer, n: int) -> tuple[TokenCount, ...]:
    """At most `n` tokens that occur, the rarest first; of equally rare ones the higher id."""
    return _ordered(occurrences_V[::-1], occurrences_V[::-1], tokenizer, n, from_end=True)


def _ordered(
    occurrences_V: NDArray[Any], keys_V: NDArray[Any], tokenizer: Tokenizer, n: int, *, from_end: bool = False
) -> tuple[TokenCount, ...]:
    found = occurrences_V.nonzero()[0]
    found = found[np.argsort(keys_V[found], kind="stable")[:n]]
    ids = (len(occurrences_V) - 1 - found if from_end else found).tolist()
    return tuple(
        TokenCount(view.id, view.token, view.special, int(n))
        for view, n in zip(token_views(ids, tokenizer), occurrences_V[found], strict=True)
    )
