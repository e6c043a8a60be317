"""What every tokenizer does, and what is the same for all of them."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from gptprep.errors import GptprepError, TextError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SpecialPolicy = Literal["allow", "text", "error"]
"""What a literal special token in a text becomes: its id, ordinary characters, or an error."""

Engine = Literal["auto", "tiktoken", "gigatoken"]
"""What encodes BPE: the fast one where it is known to be exact, the true one, or the fast one in any case."""

ENDS_OF_TEXT = ("<|endoftext|>", "<|end_of_text|>", "[EOS]", "<eos>", "</s>")
"""The special tokens that part documents: the first of these that a vocabulary has is its `eot`."""


class Tokenizer(ABC):
    """Turns text into ids and back.

    Attributes:
        kind: "bpe", "word", "char" or "hf".
        name: as the user named it, without folders.
        n_vocab: the number of ids; all ids are below it.
        special_tokens: the special tokens and their ids.
        eot: the id of the end-of-text token, if there is one.
        fingerprint: the same for two tokenizers that give the same ids, on any machine.
        engine: what encodes large texts: "tiktoken", "gigatoken", "tokenizers" or "python".
        engine_note: why it is not the one that was hoped for, or nothing.
    """

    kind: str
    engine = "python"
    engine_note = ""

    def __init__(
        self, name: str, n_vocab: int, special_tokens: dict[str, int], policy: SpecialPolicy, identity: object
    ) -> None:
        self.name, self.n_vocab, self.special_tokens, self.policy = name, n_vocab, special_tokens, policy
        self.eot = next((special_tokens[token] for token in ENDS_OF_TEXT if token in special_tokens), None)
        document = json.dumps([self.kind, special_tokens, identity], sort_keys=True)
        self.fingerprint = "sha256:" + hashlib.sha256(document.encode()).hexdigest()

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of a text.

        Raises:
            TextError: it holds a special token under the policy "error", or what the vocabulary lacks.
        """

    @abstractmethod
    def encode_array(self, text: bytes) -> NDArray[Any]:
        """The ids of a valid UTF-8 text as one array of unsigned integers; raises as `encode`."""

    @abstractmethod
    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that an id stands for.

        Raises:
            KeyError: no token has that id.
        """

    @abstractmethod
    def last_cut(self, text: bytearray, start: int) -> int:
        """The last place at or after `start` where a document may be cut; 0 where there is none.

        The ids of both sides, each encoded alone, are together the ids of the whole, whatever follows.
        """

    @property
    def can_cut(self) -> bool:
        """Whether `first_cut` finds any cut in any text."""
        return self.first_cut(b"a b\nc d", 1) >= 0

    def first_cut(self, text: bytes, start: int) -> int:  # noqa: ARG002
        """The first place at or after `start` where a document may be cut; -1 where there is none.

        As `last_cut`, but the text may begin and end amid a character and hold bytes that are not text.
        """
        return -1

    def cross_check(self, text: bytes) -> int:  # noqa: ARG002
        """Compare the engine with the truth on a stretch of a text; how many bytes were compared.

        Raises:
            TextError: they differ; says where.
        """
        return 0

    def decode(self, ids: Sequence[int]) -> bytes:
        """The text of some ids.

        Raises:
            GptprepError: an id is not in the vocabulary; says where it stands.
        """
        return b"".join(self.decode_chunks([ids]))

    def decode_chunks(self, chunks: Iterable[Sequence[int]]) -> Iterator[bytes]:
        """The text of ids that come in chunks, in bounded memory; raises as `decode`."""
        first = 0
        for ids in chunks:
            yield b"".join(self._tokens(ids, first))
            first += len(ids)

    def _tokens(self, ids: Sequence[int], first: int) -> Iterator[bytes]:
        """The bytes of each id; `first` is the position of `ids[0]` in what the user gave."""
        for position, token_id in enumerate(ids, first):
            try:
                yield self.token_bytes(token_id)
            except KeyError:
                raise GptprepError(
                    f"the id {token_id} at position {position:,} is not in the vocabulary of {self.name}",
                    f"its ids are 0 to {self.n_vocab - 1}",
                    "name the tokenizer that the ids were made with: --tokenizer",
                ) from None

    # Special tokens in a text

    @cached_property
    def _special_prefix(self) -> bytes:
        """What all special tokens begin with: a text without it has none, and is searched very fast."""
        first, last = min(self.special_tokens), max(self.special_tokens)
        same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
        return "".join(character for character, _ in same).encode()

    @cached_property
    def _special_pattern(self) -> re.Pattern[bytes]:
        longest_first = sorted(self.special_tokens, key=len, reverse=True)
        return re.compile(b"|".join(re.escape(token.encode()) for token in longest_first))

    def specials(self, text: bytes) -> Iterator[tuple[int, str]]:
        """Where literal special tokens stand in a UTF-8 text: their byte offset and the token."""
        if self.special_tokens and self._special_prefix in text:
            for match in self._special_pattern.finditer(text):
                yield match.start(), match.group().decode()

    def split_specials(self, text: bytes) -> Iterator[tuple[int, bytes, str | None]]:
        """The ordinary stretches of a text: offset, bytes, and the special token that follows or None."""
        begin = 0
        for offset, token in self.specials(text):
            yield begin, text[begin:offset], token
            begin = offset + len(token.encode())
        yield begin, text[begin:], None

    def refuse_specials(self, text: bytes) -> None:
        """Raise a `TextError` if the policy is "error" and the text holds a special token."""
        if self.policy == "error":
            for offset, token in self.specials(text):
                raise TextError(
                    f"the text holds the special token {token}",
                    "--special error was given",
                    "use --special text to read it as ordinary characters, --special allow for its id",
                    offset,
                )
