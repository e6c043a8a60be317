"""Byte-level BPE through tiktoken, the reference: its ids for the whole document are the right ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from gptprep.choices import SpecialPolicy
from gptprep.errors import TextError
from gptprep.tokenizers import long_runs, split_points
from gptprep.tokenizers.base import Tokenizer
from gptprep.tokenizers.published import CL100K_PATTERN, GPT2_PATTERN, O200K_PATTERN

if TYPE_CHECKING:
    import tiktoken
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
    engine = reference = "tiktoken"

    def __init__(self, spec: BpeSpec, policy: SpecialPolicy) -> None:
        import tiktoken

        name, ranks, ranks_sha256, pattern, special_tokens = spec
        n_vocab = max(max(ranks.values()), *special_tokens.values(), 0) + 1
        super().__init__(name, n_vocab, special_tokens, policy, [pattern, ranks_sha256])
        self._ranks, self._pattern = ranks, pattern
        settings: dict[str, Any] = {"mergeable_ranks": ranks, "special_tokens": special_tokens}
        self._encoding = tiktoken.Encoding(name, pat_str=pattern, **settings)
        allowed = set(special_tokens) if policy == "allow" else set()
        self._specials: dict[str, Any] = {"allowed_special": allowed, "disallowed_special": ()}
        self.split_points = split_points.of_pattern(_SPLIT_RULES.get(pattern), special_tokens)

    def encode(self, text: str) -> list[int]:
        if self.policy == "error":
            self.refuse_specials(text.encode(errors="replace"))
        try:
            return self._encoding.encode(text, **self._specials)
        except ValueError:
            valid = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # as tiktoken does
            return [int(token_id) for token_id in self._encode_long_runs(valid.encode())]

    def encode_array(self, text: bytes) -> NDArray[Any]:
        self.refuse_specials(text)
        decoded = text.decode()
        try:
            return self._encoding.encode_to_numpy(decoded, **self._specials)
        except ValueError:
            return self._encode_long_runs(text)

    def _encode_joined(self, text: bytes) -> NDArray[Any] | None:
        allowed: Any = set(self.special_tokens)
        try:
            return self._encoding.encode_to_numpy(
                text.decode(), allowed_special=allowed, disallowed_special=()
            )
        except ValueError:
            return None

    def _encode_long_runs(self, text: bytes) -> NDArray[Any]:
        """The ids of a text that tiktoken refuses to encode as a whole: long runs are encoded apart."""
        import numpy as np

        arrays: list[Any] = []
        try:
            for ordinary, special_token in self._ordinary_texts(text):
                for part, is_pretoken in long_runs.divide(ordinary.decode(), self._pattern):
                    encoding = self._one_pretoken if is_pretoken else self._encoding
                    arrays.append(encoding.encode_to_numpy(part, disallowed_special=()))
                if special_token is not None:
                    arrays.append([self.special_tokens[special_token]])
        except ValueError as error:
            fix = "shorten its runs of a million or so white-space characters"
            raise TextError("tiktoken cannot encode this text", str(error), fix) from error
        return np.concatenate(arrays).astype(np.uint32, copy=False)

    def _ordinary_texts(self, text: bytes) -> Iterable[tuple[bytes, str | None]]:
        """The texts between special tokens and the token after each."""
        if self.policy != "allow":
            return [(text, None)]
        return ((ordinary, special_token) for _, ordinary, special_token in self.divide_at_specials(text))

    @cached_property
    def _one_pretoken(self) -> tiktoken.Encoding:
        """The same ranks, with every text as one pre-token."""
        import tiktoken

        return tiktoken.Encoding(self.name, pat_str="(?s:.+)", mergeable_ranks=self._ranks, special_tokens={})

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
