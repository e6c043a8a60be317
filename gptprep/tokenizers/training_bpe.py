"""Training a byte-level BPE from counted pre-tokens.

Each step merges the pair of neighbouring tokens that is met most often; of pairs met equally often, the one
with the lower ids. Hugging Face's trainer and gigatoken's give the same merges, and tests hold all three
together. Nothing here depends on the order of the counts, the machine or the number of threads.

The trainers that are at hand take texts, and want all of them at once: gigatoken's the bytes of one file of
plain text, Hugging Face's an iterator, which it is slow to count. Here what was counted apart is trained
together.

What a merge changes is found through an index of where each pair stands, so that a step costs as much as the
words that it touches. Memory is about a kilobyte for each distinct pre-token.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from gptprep.errors import GptprepError, WrongUsage
from gptprep.tokenizers.byte_level import BYTE_ORDER, to_text
from gptprep.tokenizers.training import check_special_tokens

MAX_SIZE = 1 << 22
"""Ids: twenty times the largest published vocabulary."""

_SHIFT = 32
_MASK = (1 << _SHIFT) - 1
"""A pair of ids is one number: compared as the pair would be, and smaller in memory."""


class BpeVocabulary(NamedTuple):
    """A trained vocabulary: the 256 bytes in GPT-2's order, a token for each merge, special tokens last."""

    merges: tuple[tuple[int, int], ...]
    special_tokens: tuple[str, ...]

    def tokens(self) -> list[bytes]:
        """The bytes of the ordinary tokens, by id, which is the merge rank too."""
        tokens = [bytes([byte]) for byte in BYTE_ORDER]
        for left, right in self.merges:
            tokens.append(tokens[left] + tokens[right])
        return tokens

    def to_json(self) -> dict[str, Any]:
        """A Hugging Face `tokenizer.json`, which `tokenizers` of any age reads."""
        texts = [to_text(token) for token in self.tokens()]
        specials = dict(zip(self.special_tokens, range(len(texts), _MASK), strict=False))
        model = {
            **{"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None},
            **{"end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False},
            "vocab": {text: token_id for token_id, text in enumerate(texts)} | specials,
            "merges": [f"{texts[left]} {texts[right]}" for left, right in self.merges],
        }
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        return {
            **{"version": "1.0", "truncation": None, "padding": None},
            "added_tokens": [_added_token(token, token_id) for token, token_id in specials.items()],
            **{"normalizer": None, "pre_tokenizer": byte_level, "post_processor": None},
            **{"decoder": byte_level, "model": model},
        }


def _added_token(token: str, token_id: int) -> dict[str, Any]:
    matching = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": token_id, "content": token, **matching, "special": True}


class Trained(NamedTuple):
    """A vocabulary, and what became of the text it was trained on."""

    vocabulary: BpeVocabulary
    met: Counter[int]
    """How often each id is met after all merges."""


def check_request(size: int | None, special_tokens: tuple[str, ...]) -> int:
    """How many merges a vocabulary of `size` ids has; to be called before any text is read.

    Raises:
        WrongUsage: there is no such vocabulary.
    """
    check_special_tokens("bpe", special_tokens)
    least = 256 + len(special_tokens)
    if size is None or not least <= size <= MAX_SIZE:
        raise WrongUsage(
            "a BPE vocabulary needs a size" if size is None else f"a BPE vocabulary cannot have {size} ids",
            f"256 bytes and {len(special_tokens)} special tokens are part of it",
            f"give a size from {least} to {MAX_SIZE}, such as 8192",
        )
    return size - least


def train(
    counts: Mapping[bytes, int],
    size: int,
    special_tokens: tuple[str, ...] = ("<|endoftext|>",),
    min_count: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Trained:
    """Train a vocabulary of `size` ids, or fewer where no pair is left that is met `min_count` times.

    Args:
        counts: how often each pre-token is met.
        size: the ids of the 256 bytes, the merges and the special tokens.
        progress: called with the merges done and wanted.

    Raises:
        WrongUsage: there is no vocabulary of that size, or a special token is written like an ordinary one.
        GptprepError: there is nothing to learn from.

    >>> train({b"low": 5, b" low": 2, b" lower": 1}, 259).vocabulary.tokens()[256:]
    [b'lo', b'low']
    """
    wanted = check_request(size, special_tokens)
    if not counts:
        raise GptprepError("the text has no tokens", fix="give more text")
    pairs = _Pairs(counts)
    merges: list[tuple[int, int]] = []
    while len(merges) < wanted and (pair := pairs.most_frequent(max(1, min_count))) is not None:
        pairs.merge(pair, 256 + len(merges))
        merges.append((pair >> _SHIFT, pair & _MASK))
        progress(len(merges), wanted)
    vocabulary = BpeVocabulary(tuple(merges), special_tokens)
    _check_distinct(vocabulary)
    return Trained(vocabulary, pairs.tokens_met())


def _check_distinct(vocabulary: BpeVocabulary) -> None:
    """In the file a special token and an ordinary one that are written alike would be one."""
    texts = set(map(to_text, vocabulary.tokens()))
    for token in vocabulary.special_tokens:
        if token in texts:
            raise WrongUsage(
                f"{token!r} cannot be a special token",
                "a tokenizer.json writes an ordinary token of this vocabulary so",
                "choose one like <|name|>",
            )


class _Pairs:
    """The words of a text as ids, and how often and where each pair of neighbours is met.

    The heap may hold old counts of a pair, and each count that went up since; a count that went down is put
    right when it comes to the top.
    """

    def __init__(self, counts: Mapping[bytes, int]) -> None:
        ids = {byte: token_id for token_id, byte in enumerate(BYTE_ORDER)}
        self._words = [[ids[byte] for byte in pretoken] for pretoken in counts]
        self._met = list(counts.values())
        self._counts: defaultdict[int, int] = defaultdict(int)
        self._places: defaultdict[int, list[int]] = defaultdict(list)
        for place, word in enumerate(self._words):
            for pair in _neighbours(word):
                self._counts[pair] += self._met[place]
                self._places[pair].append(place)
        self._heap = [(-n, pair) for pair, n in self._counts.items()]
        heapq.heapify(self._heap)

    def tokens_met(self) -> Counter[int]:
        """How often each id is met."""
        met: Counter[int] = Counter()
        for word, n in zip(self._words, self._met, strict=True):
            for token_id in word:
                met[token_id] += n
        return met

    def most_frequent(self, min_count: int) -> int | None:
        """The pair that is met most often; None where that is less than `min_count`."""
        while self._heap:
            negative, pair = heapq.heappop(self._heap)
            n = self._counts.get(pair, 0)
            if n == -negative:
                return pair if n >= min_count else None
            if n >= min_count:
                heapq.heappush(self._heap, (-n, pair))
        return None

    def merge(self, pair: int, new: int) -> None:
        """Make the pair one token wherever it stands, from left to right."""
        changed: set[int] = set()
        for place in self._places.pop(pair):
            for neighbours in self._merge_word(place, pair, new):
                self._places[neighbours].append(place)
                changed.add(neighbours)
        del self._counts[pair]
        for neighbours in changed:
            if n := self._counts.get(neighbours, 0):
                heapq.heappush(self._heap, (-n, neighbours))

    def _merge_word(self, place: int, pair: int, new: int) -> list[int]:
        """Merge within one word and count anew; the pairs that came to be, some gone again."""
        word, n, counts = self._words[place], self._met[place], self._counts
        left, right = pair >> _SHIFT, pair & _MASK
        born: list[int] = []
        merged: list[int] = []
        index, end = 0, len(word)
        while index < end:
            if word[index] != left or index + 1 == end or word[index + 1] != right:
                merged.append(word[index])
                index += 1
                continue
            if merged:
                counts[merged[-1] << _SHIFT | left] -= n
                born.append(merged[-1] << _SHIFT | new)
                counts[born[-1]] += n
            if index + 2 < end:
                counts[right << _SHIFT | word[index + 2]] -= n
                born.append(new << _SHIFT | word[index + 2])
                counts[born[-1]] += n
            merged.append(new)
            index += 2
        self._words[place] = merged
        return born


def _neighbours(word: list[int]) -> Iterator[int]:
    return (left << _SHIFT | right for left, right in pairwise(word))
