"""The word tokenizer of the book: SimpleTokenizerV1, and V2 where the vocabulary has `<|unk|>`.

Source: Raschka, "Build a Large Language Model (From Scratch)", sections 2.2 to 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from gptprep.errors import TextError
from gptprep.tokenizers.base import SpecialPolicy, Tokenizer
from gptprep.tokenizers.vocabulary import UNKNOWN_TOKENS, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

Ids = TypeVar("Ids")
_SEPARATORS = re.compile(r"""([,.:;?_!"()']|--)|\s""")
"""The book's `([,.:;?_!"()\\']|--|\\s)`, with white space outside the group: it is dropped anyway."""
_REMEMBERED = 1 << 19
"""Chunks whose ids are held in memory."""
_LONGEST = 64
"""Characters of such a chunk."""
_NO_SPACE_BEFORE = tuple(""",.?!"()'""")
_SPACE = re.compile(r"\s")
_WHITE_SPACE = re.compile(rb"[ \t\n\r\f\v]")


def split_words(text: str) -> list[str]:
    """Cut a text into words and punctuation, as the book does; white space is dropped.

    >>> split_words("Hello, world. Is this-- a test?")
    ['Hello', ',', 'world', '.', 'Is', 'this', '--', 'a', 'test', '?']
    """
    return [word for word in _SEPARATORS.split(text) if word]


class _ChunkIds(dict[str, tuple[int, ...]]):
    """The ids of chunks without white space, each cut into words when it is met for the first time.

    No word lies across white space, and looking a chunk up is several times as fast as cutting it.
    """

    def __init__(self, ids: Mapping[str, int], unknown: int | None) -> None:
        super().__init__()
        self._ids, self._unknown = ids, unknown

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        if self._unknown is None:
            ids = tuple(self._ids[word] for word in split_words(chunk))
        else:
            ids = tuple(self._ids.get(word, self._unknown) for word in split_words(chunk))
        if len(chunk) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[chunk] = ids
        return ids


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
        known = ids if policy == "allow" else {word: ids[word] for word in ids.keys() - special_tokens.keys()}
        self._chunk_ids = _ChunkIds(known, self._unknown)

    def encode(self, text: str) -> list[int]:
        if self.policy == "error":
            self.refuse_specials(text.encode())
        return self._collect(text, list)

    def encode_array(self, text: bytes) -> NDArray[Any]:
        import numpy as np

        self.refuse_specials(text)
        return self._collect(text.decode(), lambda ids: np.fromiter(ids, np.uint32))

    def _collect(self, text: str, collect: Callable[[Iterator[int]], Ids]) -> Ids:
        try:
            return collect(chain.from_iterable(map(self._chunk_ids.__getitem__, text.split())))
        except KeyError as error:
            raise self._unknown_word(text, error.args[0]) from None

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
        if not self.special_tokens or self._special_prefix not in text:
            return
        decoded, before, counted = text.decode(), 0, 0
        for begin, end in _chunks_with(self._special_prefix.decode(), decoded):
            before += len(decoded[counted:begin].encode())
            counted = begin
            for offset, word in _words_with_offsets(decoded[begin:end]):
                if word in self.special_tokens:
                    yield before + offset, word

    def _unknown_word(self, text: str, unknown: str) -> TextError:
        offset = next(offset for offset, word in _words_with_offsets(text) if word == unknown)
        return TextError(
            f"the word {unknown!r} is not in the vocabulary {self.name}",
            "it has no <|unk|> token for unknown words",
            "build the vocabulary with <|unk|> (the default), or from a text that has the word",
            offset,
        )


def _chunks_with(wanted: str, text: str) -> Iterator[tuple[int, int]]:
    """The chunks without white space that hold a certain text: where they begin and end, in characters."""
    if not wanted:
        yield 0, len(text)
        return
    end = 0
    while (begin := text.find(wanted, end)) >= 0:
        after = _SPACE.search(text, begin + len(wanted))
        while begin > end and not text[begin - 1].isspace():
            begin -= 1
        end = after.start() if after else len(text)
        yield begin, end


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
