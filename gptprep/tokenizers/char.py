"""The character tokenizer: one id for each Unicode character of a vocabulary."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gptprep.errors import TextError
from gptprep.tokenizers.base import SpecialPolicy, Tokenizer
from gptprep.tokenizers.vocabulary import UNKNOWN_TOKENS, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHITE_SPACE = re.compile(rb"[ \n]")


class CharTokenizer(Tokenizer):
    """Characters by their place in a vocabulary; literal special tokens are found first, longest first."""

    kind = "char"

    def __init__(self, name: str, vocabulary: Vocabulary, policy: SpecialPolicy) -> None:
        ids = {token: token_id for token_id, token in enumerate(vocabulary.tokens)}
        special_tokens = {token: ids[token] for token in vocabulary.special_tokens}
        super().__init__(name, len(ids), special_tokens, policy, vocabulary.tokens)
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
        parts = []
        for offset, stretch, special_token in self.split_specials(text):
            parts.append(self._characters(stretch, offset))
            if special_token is not None:
                parts.append(np.array([self.special_tokens[special_token]], np.uint32))
        return np.concatenate(parts)

    def token_bytes(self, token_id: int) -> bytes:
        if not 0 <= token_id < self.n_vocab:
            raise KeyError(token_id)
        return self._tokens_by_id[token_id].encode()

    def last_cut(self, text: bytearray, start: int) -> int:
        """The last border of two characters that no special token can lie across, whatever follows."""
        longest = max((len(token.encode()) for token in self.special_tokens), default=1)
        place = max(0, len(text) - longest + 1)
        while place < len(text) and text[place] & 0xC0 == 0x80:
            place -= 1
        for match in self._special_pattern.finditer(text) if self.special_tokens else ():
            if match.start() < place < match.end():
                place = match.start()
        return place if place >= start else 0

    def first_cut(self, text: bytes, start: int) -> int:
        """Before a line end or a space: no special token holds one, and it is a character of its own."""
        if any(character.isspace() for token in self.special_tokens for character in token):
            return -1
        match = _WHITE_SPACE.search(text, max(1, start))
        return match.start() if match else -1

    @cached_property
    def _table(self) -> NDArray[Any]:
        """The id of every code point; `n_vocab` where there is none."""
        import numpy as np

        table = np.full(0x110000, self.n_vocab if self._unknown is None else self._unknown, np.uint32)
        for character, token_id in self._ids.items():
            table[ord(character)] = token_id
        return table

    def _characters(self, text: bytes, first: int) -> NDArray[Any]:
        """The ids of a stretch without special tokens that begins at byte `first` of its text."""
        import numpy as np

        characters = text.decode()
        ids: NDArray[Any] = self._table[np.frombuffer(characters.encode("utf-32-le"), "<u4")]
        if self._unknown is None and len(ids) and int(ids.max()) == self.n_vocab:
            position = int(np.argmax(ids == self.n_vocab))
            raise TextError(
                f"the character {characters[position]!r} is not in the vocabulary {self.name}",
                "it has no <|unk|> token for unknown characters",
                "build the vocabulary with <|unk|> (the default), or from a text that has the character",
                first + len(characters[:position].encode()),
            )
        return ids
