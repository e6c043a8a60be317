"""Byte-level BPE through tiktoken, the reference: its ids for the whole document are the right ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from gptprep.choices import SpecialPolicy
from gptprep.errors import TextError
from gptprep.tokenizers import split_points
from gptprep.tokenizers.base import Tokenizer
from gptprep.tokenizers.published import CL100K_PATTERN, GPT2_PATTERN, O200K_PATTERN

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPLIT_RULES = {
    GPT2_PATTERN: split_points.after_any_character,
    CL100K_PATTERN: split_points.after_letter_or_digit,
    O200K_PATTERN: split_points.after_letter_or_digit,
}


class BpeSpec(NamedTuple):
    """A byte-level BPE vocabulary as tiktoken takes it."""

    name: str
    ranks: dict[bytes, int]
    """The merge rank of each token's bytes, which is its id."""
    ranks_sha256: str
    """The sha256 of the rank file, for the fingerprint."""
    pattern: str
    """The regular expression that divides a text into pre-tokens."""
    special_tokens: dict[str, int]


class BpeTokenizer(Tokenizer):
    """A tiktoken encoding."""

    kind = "bpe"
    engine = "tiktoken"

    def __init__(self, spec: BpeSpec, policy: SpecialPolicy) -> None:
        import tiktoken

        name, ranks, ranks_sha256, pattern, special_tokens = spec
        n_vocab = max(max(ranks.values()), *special_tokens.values(), 0) + 1
        super().__init__(name, n_vocab, special_tokens, policy, [pattern, ranks_sha256])
        settings: dict[str, Any] = {"mergeable_ranks": ranks, "special_tokens": special_tokens}
        self._encoding = tiktoken.Encoding(name, pat_str=pattern, **settings)
        allowed = set(special_tokens) if policy == "allow" else set()
        self._specials: dict[str, Any] = {"allowed_special": allowed, "disallowed_special": ()}
        self.split_points = split_points.of_pattern(_SPLIT_RULES.get(pattern), special_tokens)

    def encode(self, text: str) -> list[int]:
        if self.policy == "error":
            self.refuse_specials(text.encode(errors="replace"))
        with _explained_limit():
            return self._encoding.encode(text, **self._specials)

    def encode_array(self, text: bytes) -> NDArray[Any]:
        self.refuse_specials(text)
        with _explained_limit():
            return self._encoding.encode_to_numpy(text.decode(), **self._specials)

    def token_bytes(self, token_id: int) -> bytes:
        if not 0 <= token_id < self.n_vocab:
            raise KeyError(token_id)
        return self._encoding.decode_single_token_bytes(token_id)

    def decode_blocks(self, blocks: Iterable[Sequence[int]]) -> Iterator[bytes]:
        first = 0
        for ids in blocks:
            try:
                yield self._encoding.decode_bytes(ids)
            except (KeyError, OverflowError):
                yield b"".join(self._tokens(ids, first))  # raises an error that names the id
            first += len(ids)


@contextmanager
def _explained_limit() -> Iterator[None]:
    """Explain that tiktoken's regular expressions fail at about a million white-space characters in a row."""
    try:
        yield
    except ValueError as error:
        fix = "shorten its runs of a million or so white-space characters"
        raise TextError("tiktoken cannot encode this text", str(error), fix) from error
