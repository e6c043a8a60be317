"""The word tokenizer of the book: SimpleTokenizerV1, or V2 if the vocabulary has `<|unk|>`.

Source: Raschka, "Build a Large Language Model (From Scratch)", sections 2.2 to 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from gptprep.choices import SpecialPolicy
from gptprep.errors import TextError
from gptprep.tokenizers.base import EncodedDocuments, Tokenizer
from gptprep.tokenizers.split_points import SplitPoints
from gptprep.tokenizers.vocabulary import UNKNOWN_TOKENS, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

Ids = TypeVar("Ids")
_SEPARATORS = re.compile(r"""([,.:;?_!"()']|--)|\s""")
"""The book's `([,.:;?_!"()\\']|--|\\s)`, with white space outside the group because it is dropped."""
_MAX_CACHED = 1 << 19
"""Strings without white space whose ids are cached."""
_MAX_CACHED_LENGTH = 64
"""Characters of such a string."""
_NO_SPACE_BEFORE = tuple(""",.?!"()'""")
_SPACE = re.compile(r"\s")
_WHITE_SPACE = re.compile(rb"[ \t\n\r\f\v]")
_BEFORE_WORD = re.compile(rb"[ \t\n\r\f\v](?=[!-~\xc3-\xe0\xe4-\xf4])")
"""No character of Unicode white space starts with one of the bytes after it."""


def split_words(text: str) -> list[str]:
    """The words and punctuation of a text, as in the book; white space is dropped.

    >>> split_words("Hello, world. Is this-- a test?")
    ['Hello', ',', 'world', '.', 'Is', 'this', '--', 'a', 'test', '?']
    """
    return [word for word in _SEPARATORS.split(text) if word]


class _CachedIds(dict[str, tuple[int, ...]]):
    """The ids of strings without white space, each divided into words when it is first seen.

    No word contains white space, and a lookup is several times as fast as dividing the string.
    """

    def __init__(self, ids: Mapping[str, int], unknown: int | None) -> None:
        super().__init__()
        self._ids, self._unknown = ids, unknown

    def __missing__(self, string: str) -> tuple[int, ...]:
        if self._unknown is None:
            ids = tuple(self._ids[word] for word in split_words(string))
        else:
            ids = tuple(self._ids.get(word, self._unknown) for word in split_words(string))
        if len(string) <= _MAX_CACHED_LENGTH:
            if len(self) >= _MAX_CACHED:
                self.clear()
            self[string] = ids
        return ids


class _WhiteSpace(SplitPoints):
    """Before any white space; `first` finds only one before a word, so that what follows has an id."""

    def last(self, text: bytearray, start: int) -> int:
        point = 0
        for low in (max(start, len(text) - 4096), start):
            for match in _WHITE_SPACE.finditer(text, low):
                point = match.start()
            if point:
                break
        return point

    def first(self, text: bytes, start: int) -> int:
        match = _BEFORE_WORD.search(text, max(1, start))
        return match.start() if match else -1


class WordTokenizer(Tokenizer):
    """One id for each word; decoding gives the text with normalized spaces.

    A special token counts as one only if it is a word of its own, as in the book.
    """

    kind = "word"
    split_points = _WhiteSpace()

    def __init__(self, name: str, vocabulary: Vocabulary, policy: SpecialPolicy) -> None:
        ids = {token: token_id for token_id, token in enumerate(vocabulary.tokens)}
        special_tokens = {token: ids[token] for token in vocabulary.special_tokens}
        super().__init__(name, len(ids), special_tokens, policy, vocabulary.tokens)
        self._tokens_by_id = vocabulary.tokens
        self._unknown = next(
            (special_tokens[token] for token in UNKNOWN_TOKENS if token in special_tokens), None
        )
        known = ids if policy == "allow" else {word: ids[word] for word in ids.keys() - special_tokens.keys()}
        self._cached_ids = _CachedIds(known, self._unknown)

    def encode(self, text: str) -> list[int]:
        if self.policy == "error":
            self.refuse_specials(text.encode())
        return self._collect(text, list)

    def encode_array(self, text: bytes) -> NDArray[Any]:
        import numpy as np

        self.refuse_specials(text)
        return self._collect(text.decode(), lambda ids: np.fromiter(ids, np.uint32))

    def _encode_ordinary(self, texts: Sequence[bytes], eot: int) -> EncodedDocuments | None:
        import numpy as np

        ids, ends = list[int](), list[int]()
        try:
            for text in texts:
                ids.extend(chain.from_iterable(map(self._cached_ids.__getitem__, text.decode().split())))
                ids.append(eot)
                ends.append(len(ids))
        except KeyError:  # one by one, the error names the word and its place
            return None
        return EncodedDocuments(np.array(ids, np.uint32), np.array(ends, np.int64))

    def _collect(self, text: str, collect: Callable[[Iterator[int]], Ids]) -> Ids:
        try:
            return collect(chain.from_iterable(map(self._cached_ids.__getitem__, text.split())))
        except KeyError as error:
            raise self._unknown_word(text, error.args[0]) from None

    def token_bytes(self, token_id: int) -> bytes:
        if not 0 <= token_id < self.n_vocab:
            raise KeyError(token_id)
        return self._tokens_by_id[token_id].encode()

    def decode_blocks(self, blocks: Iterable[Sequence[int]]) -> Iterator[bytes]:
        """Words joined by spaces, without the space before `, . ? ! " ( ) '`, as the book's `decode`."""
        no_space_before = tuple(character.encode() for character in _NO_SPACE_BEFORE)
        first, space = 0, b""
        for ids in blocks:
            words = []
            for word in self._tokens(ids, first):
                words.append(word if word.startswith(no_space_before) else space + word)
                space = b" "
            yield b"".join(words)
            first += len(ids)

    def specials(self, text: bytes) -> Iterator[tuple[int, str]]:
        """The special tokens that are words of their own."""
        if not self.special_tokens or self._special_prefix not in text:
            return
        decoded, before, counted = text.decode(), 0, 0
        for start, stop in _strings_with(self._special_prefix.decode(), decoded):
            before += len(decoded[counted:start].encode())
            counted = start
            for offset, word in _words_with_offsets(decoded[start:stop]):
                if word in self.special_tokens:
                    yield before + offset, word

    def _unknown_word(self, text: str, unknown: str) -> TextError:
        offset = next(offset for offset, word in _words_with_offsets(text) if word == unknown)
        what = f"the word {unknown!r} is not in the vocabulary {self.name}"
        fix = "build the vocabulary with <|unk|> (the default), or from a text that has the word"
        return TextError(what, "it has no <|unk|> token for unknown words", fix, offset)


def _strings_with(wanted: str, text: str) -> Iterator[tuple[int, int]]:
    """The strings without white space that contain `wanted`: start and stop, in characters."""
    if not wanted:
        yield 0, len(text)
        return
    stop = 0
    while (start := text.find(wanted, stop)) >= 0:
        after = _SPACE.search(text, start + len(wanted))
        while start > stop and not text[start - 1].isspace():
            start -= 1
        stop = after.start() if after else len(text)
        yield start, stop


def _words_with_offsets(text: str) -> Iterator[tuple[int, str]]:
    """The words of a text and their UTF-8 byte offsets."""
    start = offset = 0
    for match in _SEPARATORS.finditer(text):
        if word := text[start : match.start()]:
            yield offset, word
            offset += len(word.encode())
        if match[1]:
            yield offset, match[1]
        offset += len(match[0].encode())
        start = match.end()
    if text[start:]:
        yield offset, text[start:]
