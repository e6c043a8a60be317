"""Word and character vocabularies: counting tokens, and choosing which to keep."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gptprep.errors import GptprepError, UsageError
from gptprep.tokenizers.char import CharTokenizer
from gptprep.tokenizers.vocabulary import Kind, Vocabulary
from gptprep.tokenizers.word import WordTokenizer, split_words
from gptprep.units import MIB

_BATCH_BYTES = MIB
"""Bytes of text whose characters are counted at once."""


class TokenCounter:
    """Counts words or characters, text by text; memory grows with the distinct ones only.

    Special tokens are not counted; they are recognized as the tokenizer of this kind does.

    Raises:
        UsageError: a special token is empty, given twice or contains white space.
    """

    def __init__(self, kind: Kind, special_tokens: tuple[str, ...]) -> None:
        check_special_tokens(kind, special_tokens)
        self.kind, self.special_tokens = kind, special_tokens
        by_kind = {"word": WordTokenizer, "char": CharTokenizer}
        only_special = Vocabulary(kind, special_tokens, special_tokens)
        self._tokenizer = by_kind[kind]("", only_special, "allow")
        self.split_points = self._tokenizer.split_points
        self._counts: Counter[str] = Counter()
        self._texts: list[bytes] = []
        self._batch_bytes = 0

    def add(self, text: bytes) -> None:
        """Count the tokens of a valid UTF-8 text."""
        if self.kind == "word":
            self._count_words(text)
            return
        divided = self._tokenizer.divide_at_specials(text)
        self._add_ordinary((ordinary for _, ordinary, _ in divided), len(text))

    def add_documents(self, texts: Sequence[bytes]) -> None:
        """Count the tokens of several valid UTF-8 texts."""
        joined = b"\n".join(texts)  # no token contains a line end
        if self.kind == "word":
            self._count_words(joined)
        elif next(self._tokenizer.specials(joined), None):
            for text in texts:
                self.add(text)
        else:
            self._add_ordinary(texts, len(joined))

    def counts(self) -> Counter[str]:
        """How often each word or character occurs."""
        self._count_characters()
        return Counter({token: n for token, n in self._counts.items() if token not in self.special_tokens})

    def _add_ordinary(self, texts: Iterable[bytes], n_bytes: int) -> None:
        self._texts += texts
        self._batch_bytes += n_bytes
        if self._batch_bytes > _BATCH_BYTES:
            self._count_characters()

    def _count_words(self, text: bytes) -> None:
        """Count strings without white space first: most are frequent, and each is divided into words once."""
        counts = self._counts
        for string, n in Counter(text.decode().split()).items():
            for word in split_words(string):
                counts[word] += n

    def _count_characters(self) -> None:
        """Count many short texts at once, because counting takes a table of all of Unicode."""
        import numpy as np

        code_points = np.frombuffer(b"".join(self._texts).decode().encode("utf-32-le"), "<u4")
        counts = np.bincount(code_points, minlength=1)
        for code_point in counts.nonzero()[0].tolist():
            self._counts[chr(code_point)] += int(counts[code_point])
        self._texts.clear()
        self._batch_bytes = 0


class WordVocabulary(NamedTuple):
    """A vocabulary and what it covers of the text it was built from."""

    vocabulary: Vocabulary
    covered: int
    """How many of the counted tokens the vocabulary has."""


def build_vocabulary(
    kind: Kind,
    special_tokens: tuple[str, ...],
    counts: Counter[str],
    size: int | None = None,
    min_count: int = 1,
) -> WordVocabulary:
    """Choose the tokens: those counted at least `min_count` times, the most frequent if `size` is too small.

    The tokens are sorted by code point and the special tokens come last, as in the book. Of equally frequent
    tokens, the first by code point is kept.

    Raises:
        UsageError: `size` has no room for a token.
        GptprepError: no token is left.
    """
    kept = [token for token, n in counts.items() if n >= min_count]
    if size is not None:
        room = size - len(special_tokens)
        if room < 1:
            why = f"{len(special_tokens)} special tokens are part of it"
            fix = f"give a size of {len(special_tokens) + 1} or more"
            raise UsageError(f"a size of {size} has no room for a {kind}", why, fix)
        kept = sorted(kept, key=lambda token: (-counts[token], token))[:room]
    if not counts:
        raise GptprepError(f"the text has no {kind}s", fix="give more text")
    if not kept:
        raise GptprepError(f"no {kind} occurs {min_count} times", fix="give a lower --min-count")
    vocabulary = Vocabulary(kind, (*sorted(kept), *special_tokens), special_tokens)
    return WordVocabulary(vocabulary, sum(counts[token] for token in kept))


def check_special_tokens(kind: str, special_tokens: tuple[str, ...]) -> None:
    """Refuse special tokens that a vocabulary of this kind cannot have.

    Raises:
        UsageError: says which and why.
    """
    for index, token in enumerate(special_tokens):
        why, fix = "", "choose one like <|name|>"
        if not token or any(character.isspace() for character in token):
            why = "it is empty or contains white space"
        elif any("\ud800" <= character <= "\udfff" for character in token):
            why = "it is not valid text"
        elif token in special_tokens[:index]:
            why, fix = "it is given twice", "give it once"
        elif kind == "word" and split_words(token) != [token]:
            why = "words end at punctuation, so no text would contain it as a word"
        if why:
            raise UsageError(f"{token!r} cannot be a special token", why, fix)
