"""Building vocabularies: counting words or characters, and choosing which to keep."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from gptprep.errors import GptprepError, WrongUsage
from gptprep.tokenizers.char import CharTokenizer
from gptprep.tokenizers.vocabulary import Kind, Vocabulary
from gptprep.tokenizers.word import WordTokenizer, split_words

_BATCH = 1 << 20
"""Bytes of text whose characters are counted at once."""


class TokenCounter:
    """Counts words or characters, piece by piece; memory grows with the distinct ones only.

    Special tokens are recognised where the tokenizer of this kind would, and not counted.

    Raises:
        WrongUsage: a special token is empty, doubled or holds white space.
    """

    def __init__(self, kind: Kind, special_tokens: tuple[str, ...]) -> None:
        check_special_tokens(kind, special_tokens)
        self.kind, self.special_tokens = kind, special_tokens
        by_kind = {"word": WordTokenizer, "char": CharTokenizer}
        only_special = Vocabulary(kind, special_tokens, special_tokens)
        self._tokenizer = by_kind[kind]("", only_special, "allow")
        self._counts: Counter[str] = Counter()
        self._texts: list[bytes] = []
        self._waiting = 0

    def last_cut(self, text: bytearray, start: int) -> int:
        """Where a document may be cut, as `Tokenizer.last_cut`."""
        return self._tokenizer.last_cut(text, start)

    def first_cut(self, text: bytes, start: int) -> int:
        """Where a document may be cut, as `Tokenizer.first_cut`."""
        return self._tokenizer.first_cut(text, start)

    @property
    def can_cut(self) -> bool:
        """As `Tokenizer.can_cut`."""
        return self._tokenizer.can_cut

    def add(self, text: bytes) -> None:
        """Count the tokens of a valid UTF-8 text."""
        if self.kind == "word":
            self._count_words(text)
            return
        self._texts += (stretch for _, stretch, _ in self._tokenizer.split_specials(text))
        self._waiting += len(text)
        if self._waiting > _BATCH:
            self._count_characters()

    def counts(self) -> Counter[str]:
        """How often each word or character was met."""
        self._count_characters()
        return Counter({token: n for token, n in self._counts.items() if token not in self.special_tokens})

    def _count_words(self, text: bytes) -> None:
        """Chunks without white space first: most are met often, and each is cut into words once."""
        counts = self._counts
        for chunk, n in Counter(text.decode().split()).items():
            for word in split_words(chunk):
                counts[word] += n

    def _count_characters(self) -> None:
        """Many short texts at once: counting takes a table of all of Unicode."""
        import numpy as np

        code_points = np.frombuffer(b"".join(self._texts).decode().encode("utf-32-le"), "<u4")
        counts = np.bincount(code_points, minlength=1)
        for code_point in counts.nonzero()[0].tolist():
            self._counts[chr(code_point)] += int(counts[code_point])
        self._texts.clear()
        self._waiting = 0


class Built(NamedTuple):
    """A vocabulary and what it covers of the text it was built from."""

    vocabulary: Vocabulary
    covered: int
    """How many of the counted tokens of the text the vocabulary has."""


def build_vocabulary(
    kind: Kind,
    special_tokens: tuple[str, ...],
    counts: Counter[str],
    size: int | None = None,
    min_count: int = 1,
) -> Built:
    """Choose the tokens: those met `min_count` times or more, the most frequent if `size` is short.

    The tokens are sorted by code point and the special tokens come last, as in the book. Of tokens met
    equally often, the first by code point is kept.

    Raises:
        WrongUsage: `size` has no room.
        GptprepError: nothing is left to put in.
    """
    kept = [token for token, n in counts.items() if n >= min_count]
    if size is not None:
        room = size - len(special_tokens)
        if room < 1:
            raise WrongUsage(
                f"a size of {size} has no room for a {kind}",
                f"{len(special_tokens)} special tokens are part of it",
                f"give a size of {len(special_tokens) + 1} or more",
            )
        kept = sorted(kept, key=lambda token: (-counts[token], token))[:room]
    if not counts:
        raise GptprepError(f"the text has no {kind}s", fix="give more text")
    if not kept:
        raise GptprepError(f"no {kind} is met {min_count} times", fix="give a lower --min-count")
    vocabulary = Vocabulary(kind, (*sorted(kept), *special_tokens), special_tokens)
    return Built(vocabulary, sum(counts[token] for token in kept))


def check_special_tokens(kind: str, special_tokens: tuple[str, ...]) -> None:
    """Refuse special tokens that a vocabulary of this kind cannot have.

    Raises:
        WrongUsage: says which and why.
    """
    for index, token in enumerate(special_tokens):
        why = ""
        if not token or any(character.isspace() for character in token):
            why = "it is empty or holds white space"
        elif any("\ud800" <= character <= "\udfff" for character in token):
            why = "it is not valid text"
        elif token in special_tokens[:index]:
            why = "it is given twice"
        elif kind == "word" and split_words(token) != [token]:
            why = "words are cut at punctuation, so it would never be met"
        if why:
            raise WrongUsage(f"{token!r} cannot be a special token", why)
