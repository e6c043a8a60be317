"""The word tokenizer of the book: SimpleTokenizerV1, and V2 where the vocabulary has `<|unk|>`.

Source: Raschka, "Build a Large Language Model (From Scratch)", sections 2.2 to 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gptprep.errors import TextError
from gptprep.tokenizers.base import SpecialPolicy, Tokenizer
from gptprep.tokenizers.vocabulary import UNKNOWN_TOKENS, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEPARATORS = re.compile(r"""([,.:;?_!"()']|--)|\s""")
"""The book's `([,.:;?_!"()\\']|--|\\s)`, with white space outside the group: it is dropped anyway."""
_NO_SPACE_BEFORE = tuple(""",.?!"()'""")
_WHITE_SPACE = re.compile(rb"[ \t\n\r\f\v]")


def split_words(text: str) -> list[str]:
    """Cut a text into words and punctuation, as the book does; white space is dropped.

    >>> split_words("Hello, world. Is this-- a test?")
    ['Hello', ',', 'world', '.', 'Is', 'this', '--', 'a', 'test', '?']
    """
    return [word for word in _SEPARATORS.split(text) if word]


class WordTokenizer(Tokenizer):
    """Words by their place in a vocabulary; the text comes back with its spaces normalised.

    A special token is one where it stands as a word of its own, as in the book.
    """

    kind = "word"

    def __init__(self, name: str, vocabulary: Vocabulary, policy: SpecialPolicy) -> None:
        ids = {token: token_id for token_id, token in enumerate(vocabulary.tokens)}
        special_tokens = {token: ids[token] for token in vocabulary.special_tokens}
        super().__init__(name, len(ids), special_tokens, policy, vocabulary.tokens)
        self._tokens_by_id = vocabulary.tokens
        self._unknown = next(
            (special_tokens[token] for token in UNKNOWN_TOKENS if token in special_tokens), None
        )
        self._ids = (
            ids if policy == "allow" else {word: ids[word] for word in ids.keys() - special_tokens.keys()}
        )

    def encode(self, text: str) -> list[int]:
        if self.policy == "error":
            self.refuse_specials(text.encode())
        if self._unknown is not None:
            get, unknown = self._ids.get, self._unknown
            return [get(word, unknown) for word in split_words(text)]
        try:
            return list(map(self._ids.__getitem__, split_words(text)))
        except KeyError as error:
            raise self._unknown_word(text, error.args[0]) from None

    def encode_array(self, text: bytes) -> NDArray[Any]:
        import numpy as np

        return np.array(self.encode(text.decode()), np.uint32)

    def token_bytes(self, token_id: int) -> bytes:
        if not 0 <= token_id < self.n_vocab:
            raise KeyError(token_id)
        return self._tokens_by_id[token_id].encode()

    def last_cut(self, text: bytearray, start: int) -> int:
        cut = 0
        for low in (max(start, len(text) - 4096), start):
            for match in _WHITE_SPACE.finditer(text, low):
                cut = match.start()
            if cut:
                break
        return cut

    def first_cut(self, text: bytes, start: int) -> int:
        match = _WHITE_SPACE.search(text, max(1, start))
        return match.start() if match else -1

    def decode_chunks(self, chunks: Iterable[Sequence[int]]) -> Iterator[bytes]:
        """Words joined by spaces, without the space before `, . ? ! " ( ) '`, as the book's `decode`."""
        no_space_before = tuple(character.encode() for character in _NO_SPACE_BEFORE)
        first, space = 0, b""
        for ids in chunks:
            words = []
            for word in self._tokens(ids, first):
                words.append(word if word.startswith(no_space_before) else space + word)
                space = b" "
            yield b"".join(words)
            first += len(ids)

    def specials(self, text: bytes) -> Iterator[tuple[int, str]]:
        """Special tokens that stand as words of their own."""
        if self.special_tokens and self._special_prefix in text:
            for offset, word in _words_with_offsets(text.decode()):
                if word in self.special_tokens:
                    yield offset, word

    def _unknown_word(self, text: str, unknown: str) -> TextError:
        offset = next(offset for offset, word in _words_with_offsets(text) if word == unknown)
        return TextError(
            f"the word {unknown!r} is not in the vocabulary {self.name}",
            "it has no <|unk|> token for unknown words",
            "build the vocabulary with <|unk|> (the default), or from a text that has the word",
            offset,
        )


def _words_with_offsets(text: str) -> Iterator[tuple[int, str]]:
    """The words of a text and where they begin, in UTF-8 bytes."""
    begin = offset = 0
    for match in _SEPARATORS.finditer(text):
        if word := text[begin : match.start()]:
            yield offset, word
            offset += len(word.encode())
        if match[1]:
            yield offset, match[1]
        offset += len(match[0].encode())
        begin = match.end()
    if text[begin:]:
        yield offset, text[begin:]
