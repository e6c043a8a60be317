"""The character tokenizer: one id for each Unicode character of a vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gptprep.choices import SpecialPolicy
from gptprep.errors import TextError
from gptprep.tokenizers import literals
from gptprep.tokenizers.base import EncodedDocuments, Tokenizer
from gptprep.tokenizers.split_points import SplitPoints
from gptprep.tokenizers.vocabulary import UNKNOWN_TOKENS, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHITE_SPACE = re.compile(rb"[ \n]")


class _BetweenCharacters(SplitPoints):
    """Between any two characters that are not in a special token."""

    def __init__(self, special_tokens: Iterable[str]) -> None:
        special_tokens = tuple(special_tokens)
        self._specials = literals.pattern_of(special_tokens)
        self._longest = max((len(token.encode()) for token in special_tokens), default=1)
        self._has_space = any(character.isspace() for character in "".join(special_tokens))

    def last(self, text: bytearray, start: int) -> int:
        """The last place that no special token can contain, whatever text follows."""
        place = max(0, len(text) - self._longest + 1)
        while place < len(text) and text[place] & 0xC0 == 0x80:
            place -= 1
        for match in self._specials.finditer(text):
            if match.start() < place < match.end():
                place = match.start()
        return place if place >= start else 0

    def first(self, text: bytes, start: int) -> int:
        """Before a newline or a space: each is a character of its own, and in no special token."""
        match = None if self._has_space else _WHITE_SPACE.search(text, max(1, start))
        return match.start() if match else -1


class CharTokenizer(Tokenizer):
    """One id for each character; literal special tokens are found first, the longest first."""

    kind = "char"

    def __init__(self, name: str, vocabulary: Vocabulary, policy: SpecialPolicy) -> None:
        ids = {token: token_id for token_id, token in enumerate(vocabulary.tokens)}
        special_tokens = {token: ids[token] for token in vocabulary.special_tokens}
        super().__init__(name, len(ids), special_tokens, policy, vocabulary.tokens)
        self.split_points = _BetweenCharacters(special_tokens)
        self._tokens_by_id = vocabulary.tokens
        self._ids = {token: ids[token] for token in ids.keys() - special_tokens.keys()}
        self._unknown = next(
            (special_tokens[token] for token in UNKNOWN_TOKENS if token in special_tokens), None
        )

    def encode(self, text: str) -> list[int]:
        return [int(token_id) for token_id in self.encode_array(text.encode())]

    def encode_array(self, text: bytes) -> NDArray[Any]:
        import numpy as np

        self.refuse_specials(text)
        if self.policy == "text":
            return self._characters(text, 0)
        arrays = []
        for offset, ordinary, special_token in self.divide_at_specials(text):
            arrays.append(self._characters(ordinary, offset))
            if special_token is not None:
                arrays.append(np.array([self.special_tokens[special_token]], np.uint32))
        return np.concatenate(arrays)

    def _encode_ordinary(self, texts: Sequence[bytes], eot: int) -> EncodedDocuments:
        import numpy as np

        ids = self._characters(b"".join(texts), 0)
        ends = np.cumsum(np.fromiter((len(text.decode()) for text in texts), np.int64))
        return EncodedDocuments(np.insert(ids, ends, eot), ends + np.arange(1, len(texts) + 1))

    def token_bytes(self, token_id: int) -> bytes:
        if not 0 <= token_id < self.n_vocab:
            raise KeyError(token_id)
        return self._tokens_by_id[token_id].encode()

    @cached_property
    def _table(self) -> NDArray[Any]:
        """The id of every code point; `n_vocab` for unknown ones."""
        import numpy as np

        table = np.full(0x110000, self.n_vocab if self._unknown is None else self._unknown, np.uint32)
        for character, token_id in self._ids.items():
            table[ord(character)] = token_id
        return table

    def _characters(self, text: bytes, first: int) -> NDArray[Any]:
        """The ids of text without special tokens that starts at byte `first` of the whole text."""
        import numpy as np

        characters = text.decode()
        ids: NDArray[Any] = self._table[np.frombuffer(characters.encode("utf-32-le"), "<u4")]
        if self._unknown is None and len(ids) and int(ids.max()) == self.n_vocab:
            position = int(np.argmax(ids == self.n_vocab))
            what = f"the character {characters[position]!r} is not in the vocabulary {self.name}"
            why = "it has no <|unk|> token for unknown characters"
            fix = "build the vocabulary with <|unk|> (the default), or from a text that has the character"
            raise TextError(what, why, fix, first + len(characters[:position].encode()))
        return ids
