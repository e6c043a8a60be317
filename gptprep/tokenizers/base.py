"""What every tokenizer does, and what is the same for all of them."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from gptprep.choices import SpecialPolicy
from gptprep.errors import GptprepError, TextError
from gptprep.tokenizers import literals
from gptprep.tokenizers.collector import paused_collector
from gptprep.tokenizers.split_points import SplitPoints
from gptprep.units import KIB

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

END_OF_TEXT_TOKENS = (
    *("<|endoftext|>", "<|end_of_text|>", "[EOS]", "<eos>", "</s>"),
    *("<\uff5cend\u2581of\u2581sentence\uff5c>", "<EOT>"),  # DeepSeek's and Claude's
)
"""Special tokens that separate documents: the first of these that a vocabulary has is its `eot`."""
WRONG_TOKENIZER_FIX = "name the tokenizer that the ids were made with: --tokenizer"


class EncodedDocuments(NamedTuple):
    """The ids of several documents."""

    ids: NDArray[Any]
    """(n,) unsigned integers: those of each document, and after them the end-of-text id."""
    ends: NDArray[np.int64]
    """(M,): where each document ends, after the end-of-text id."""

    def ids_of(self, number: int) -> NDArray[Any]:
        """The ids of one document, without the end-of-text id."""
        start = self.ends[number - 1] if number else 0
        return self.ids[start : self.ends[number] - 1]


class Tokenizer(ABC):
    """Turns text into ids and back.

    Attributes:
        kind: "bpe", "word", "char" or "hf".
        name: as the user named it, without folders.
        n_vocab: the number of ids; all ids are below it.
        special_tokens: the special tokens and their ids.
        eot: the id of the end-of-text token, or None.
        engine: what encodes large texts: "tiktoken", "gigatoken", "tokenizers" or "python".
        reference: what defines the right ids: the engine itself, or what `cross_check` compares it with.
        file: the file that it was loaded from, and its sha256; empty for an encoding that has a name.
        engine_note: what the user should know about the engine, or nothing.
        small_bytes: text that `encode` encodes in about the time that `encode_array` takes to start.
        split_points: where a document can be divided: both sides give the same ids as the whole.
    """

    kind: str
    engine = "python"
    reference = "python"
    engine_note = ""
    file = ("", "")
    small_bytes = 512 * KIB
    split_points = SplitPoints()
    _task_divisor = 1

    def __init__(
        self, name: str, n_vocab: int, special_tokens: dict[str, int], policy: SpecialPolicy, identity: object
    ) -> None:
        self.name, self.n_vocab, self.special_tokens, self.policy = name, n_vocab, special_tokens, policy
        self.eot = next(
            (special_tokens[token] for token in END_OF_TEXT_TOKENS if token in special_tokens), None
        )
        self._identity = identity

    @cached_property
    def fingerprint(self) -> str:
        """Equal for two tokenizers that give the same ids, on any machine."""
        with paused_collector():
            document = json.dumps([self.kind, self.special_tokens, self._identity], sort_keys=True)
        return "sha256:" + hashlib.sha256(document.encode()).hexdigest()

    @property
    def identity(self) -> str:
        """The hash of its file if it has one; otherwise the fingerprint, which can take a second."""
        return self.file[1] or self.fingerprint

    def load_shared(self) -> None:  # noqa: B027  most have nothing
        """Load what would take each forked worker time and memory of its own."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of a text.

        Raises:
            TextError: it holds a special token under the policy "error", or something that the vocabulary
                does not have.
        """

    @abstractmethod
    def encode_array(self, text: bytes) -> NDArray[Any]:
        """The ids of a valid UTF-8 text, (n,) unsigned integers; raises as `encode`."""

    def encode_documents(self, texts: Sequence[bytes]) -> EncodedDocuments | None:
        """The ids of several valid UTF-8 texts, each as `encode_array` gives them; raises as `encode`.

        None if they must be encoded one by one: a text may hold a special token, or there is no end-of-text
        token.
        """
        if self.eot is None or self._may_hold_special(texts):
            return None
        return self._encode_ordinary(texts, self.eot)

    def _encode_ordinary(self, texts: Sequence[bytes], eot: int) -> EncodedDocuments | None:
        """`encode_documents` for texts without special tokens."""
        import numpy as np

        if self._end_of_text is not None:
            ids = self._encode_joined(self._end_of_text.join([*texts, b""]))
            if ids is not None and len(ends := (ids == eot).nonzero()[0] + 1) == len(texts):
                return EncodedDocuments(ids, ends)
        end_of_text = np.array([eot], np.uint32)
        arrays = [ids for text in texts for ids in (self.encode_array(text), end_of_text)]
        lengths = np.fromiter(map(len, arrays), np.int64)
        return EncodedDocuments(np.concatenate(arrays), np.cumsum(lengths)[1::2])

    def _encode_joined(self, text: bytes) -> NDArray[Any] | None:  # noqa: ARG002
        """The ids of a text with end-of-text tokens and no other special ones, whatever the policy.

        None if this tokenizer has no such way, or not for this text.
        """
        return None

    @cached_property
    def _end_of_text(self) -> bytes | None:
        """The end-of-text token, if texts can be encoded at once with it between them."""
        token = next((token for token, n in self.special_tokens.items() if n == self.eot), None)
        return token.encode() if token and literals.stands_apart(token, self._searched_tokens) else None

    @property
    def _searched_tokens(self) -> Iterable[str]:
        """The tokens that are searched for in a text before anything else."""
        return self.special_tokens

    def task_bytes(self, usual: int) -> int:
        """The text of one task, which is `usual` for a fast engine: with a slow one all cores need some."""
        return max(1, usual // self._task_divisor)

    @abstractmethod
    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of a token.

        Raises:
            KeyError: no token has that id.
        """

    def cross_check(self, text: bytes, ids: NDArray[Any] | None = None) -> int:  # noqa: ARG002
        """Compare the engine with the reference on a part of a text; returns how many bytes were compared.

        Args:
            ids: those that the text has in a batch, which are compared with its own.

        Raises:
            TextError: the ids differ; says where.
        """
        return 0

    def decode(self, ids: Sequence[int]) -> bytes:
        """The text of some ids.

        Raises:
            GptprepError: an id is not in the vocabulary; gives its position.
        """
        return b"".join(self.decode_blocks([ids]))

    def decode_blocks(self, blocks: Iterable[Sequence[int]]) -> Iterator[bytes]:
        """The text of ids that come in blocks, in bounded memory; raises as `decode`."""
        first = 0
        for ids in blocks:
            yield b"".join(self._tokens(ids, first))
            first += len(ids)

    def _tokens(self, ids: Sequence[int], first: int) -> Iterator[bytes]:
        """The bytes of each id; `first` is the position of `ids[0]` in what the user gave."""
        for position, token_id in enumerate(ids, first):
            try:
                yield self.token_bytes(token_id)
            except KeyError:
                what = f"the id {token_id} at position {position:,} is not in the vocabulary of {self.name}"
                why, fix = f"its ids are 0 to {self.n_vocab - 1}", WRONG_TOKENIZER_FIX
                raise GptprepError(what, why, fix) from None

    # Special tokens in a text

    @cached_property
    def _special_prefix(self) -> bytes:
        """What all special tokens start with."""
        first, last = min(self.special_tokens), max(self.special_tokens)
        same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
        return "".join(character for character, _ in same).encode()

    @cached_property
    def _special_bytes(self) -> list[int]:
        """The punctuation that all special tokens have: a search for one byte runs at the speed of memory."""
        common = set[int].intersection(*({*token.encode()} for token in self.special_tokens))
        return [byte for byte in sorted(common, reverse=True) if byte < 0x80 and not chr(byte).isalnum()]

    @cached_property
    def _special_pattern(self) -> re.Pattern[bytes]:
        return literals.pattern_of(self.special_tokens)

    def specials(self, text: bytes) -> Iterator[tuple[int, str]]:
        """The literal special tokens in a UTF-8 text, the longest at each place: byte offset and token."""
        if not self.special_tokens or not all(byte in text for byte in self._special_bytes):
            return
        if self._special_prefix in text:
            for match in self._special_pattern.finditer(text):
                yield match.start(), match.group().decode()

    def _may_hold_special(self, texts: Sequence[bytes]) -> bool:
        """Whether any of the texts may hold a special token."""
        if any("\n" in token for token in self.special_tokens):
            return True
        return next(self.specials(b"\n".join(texts)), None) is not None

    def divide_at_specials(self, text: bytes) -> Iterator[tuple[int, bytes, str | None]]:
        """The ordinary text between special tokens: offset, bytes, and the special token after it or None."""
        start = 0
        for offset, token in self.specials(text):
            yield start, text[start:offset], token
            start = offset + len(token.encode())
        yield start, text[start:], None

    def refuse_specials(self, text: bytes) -> None:
        """Raise a `TextError` if the policy is "error" and the text holds a special token."""
        if self.policy == "error":
            for offset, token in self.specials(text):
                fix = "use --special text to read it as ordinary characters, --special allow for its id"
                what = f"the text holds the special token {token}"
                raise TextError(what, "--special error was given", fix, offset)
