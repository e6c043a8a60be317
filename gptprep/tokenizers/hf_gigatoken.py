"""The ids of `tokenizers` at gigatoken's speed, for the files that `hf_exact` accepts.

Text for which the two may differ goes to `tokenizers`, a chunk at a time, and so does a sentence: it loads
sooner. As a safety net, some of the text is encoded with both during a run, and a difference is an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gptprep.choices import SpecialPolicy
from gptprep.errors import GptprepError, TextError
from gptprep.tokenizers import literals
from gptprep.tokenizers.base import Tokenizer
from gptprep.tokenizers.byte_level import to_bytes
from gptprep.tokenizers.gigatoken import BoundedMemory, compared_part
from gptprep.tokenizers.hf_exact import ExactFile, check_known_merges
from gptprep.tokenizers.hf_library import library_ids, load_library
from gptprep.tokenizers.rust import call_rust
from gptprep.tokenizers.split_points import of_pattern
from gptprep.units import KIB

if TYPE_CHECKING:
    from numpy.typing import NDArray


class GigatokenHfTokenizer(BoundedMemory, Tokenizer):
    """A `tokenizer.json` whose large texts gigatoken encodes.

    Args:
        value: the contents of the file, without the settings that no ids depend on.
        data: the file itself, if gigatoken and `tokenizers` can read it as it is.

    Attributes:
        find_fingerprint: finds the fingerprint that the file has with another engine; None if only its own.
    """

    kind = "hf"
    engine = "gigatoken"
    reference = "tokenizers"
    small_bytes = 128 * KIB
    find_fingerprint: Callable[[], str | None] = staticmethod(lambda: None)

    def __init__(
        self,
        name: str,
        value: dict[str, Any],
        path: str,
        policy: SpecialPolicy,
        exact: ExactFile,
        data: bytes | None = None,
    ) -> None:
        special_tokens = {token.content: token.id for token in exact.added if token.special}
        added_ids = {token.id: token.content for token in exact.added}
        n_vocab = max(max(exact.vocab.values()), *added_ids, 0) + 1
        super().__init__(name, n_vocab, special_tokens, policy, value)
        self._value, self._path, self._exact, self._data = value, path, exact, data
        self._added_ids = added_ids
        self._matched = [token for token in exact.added if policy == "allow" or not token.special]
        self.split_points = of_pattern(self._split_rule, [token.content for token in exact.added])
        self._greedy = [token.content for token in self._matched if not token.is_plain]
        self._greedy_pattern = literals.pattern_of(self._greedy)

    @cached_property
    def fingerprint(self) -> str:
        return self.find_fingerprint() or super().fingerprint

    def load_shared(self) -> None:
        self._library  # noqa: B018  a cached property

    @property
    def _split_rule(self) -> Callable[[str], bool] | None:
        """The rule for split points; none if one could be at a token that takes white space along."""
        ends = {token.content[-1] for token in self._exact.added if not token.is_plain}
        return None if any(map(self._exact.is_safe_after, ends)) else self._exact.is_safe_after

    def encode(self, text: str) -> list[int]:
        if self.policy == "error":
            self.refuse_specials(text.encode(errors="replace"))
        return library_ids(self._library, text, self.name)

    def encode_array(self, text: bytes) -> NDArray[Any]:
        if self._may_differ(text):
            import numpy as np

            return np.array(self.encode(text.decode()), np.uint32)
        self.refuse_specials(text)
        ids: NDArray[Any] = self._fast.encode(text)
        self._bound_memory(len(text))
        return ids

    @property
    def _searched_tokens(self) -> list[str]:
        return [token.content for token in self._exact.added]

    def _encode_joined(self, text: bytes) -> NDArray[Any] | None:
        if self.policy != "allow" or self._may_differ(text):
            return None  # under other policies the engine does not know special tokens
        ids: NDArray[Any] = self._fast.encode(text)
        self._bound_memory(len(text))
        return ids

    def _may_differ(self, text: bytes) -> bool:
        """Whether `tokenizers` has to encode a text."""
        if self._greedy and self._greedy_pattern.search(text):
            return True
        return self._exact.may_differ(text)

    def cross_check(self, text: bytes, ids: NDArray[Any] | None = None) -> int:
        if ids is not None and ids.tolist() != self.encode_array(text).tolist():
            raise self._wrong_ids("gigatoken gives this document other ids in a batch than by itself", 0)
        start, compared = compared_part(text, self.split_points)
        if self._may_differ(compared):
            return 0  # `tokenizers` encodes it anyway
        if self._fast.encode(compared).tolist() != self.encode(compared.decode()):
            raise self._wrong_ids("gigatoken and tokenizers give different ids for this text", start)
        return len(compared)

    def _wrong_ids(self, what: str, offset: int) -> TextError:
        why, fix = "tokenizers is right: please report the text", "uninstall gigatoken: tokenizers encodes"
        return TextError(what, why, fix, offset)

    def token_bytes(self, token_id: int) -> bytes:
        if (content := self._added_ids.get(token_id)) is not None:
            return content.encode(errors="replace")
        token = self._texts[token_id]
        return token.encode(errors="replace") if token in self._exact.foreign else to_bytes(token)

    @cached_property
    def _texts(self) -> dict[int, str]:
        return {token_id: token for token, token_id in self._exact.vocab.items()}

    # The engines, each made when it is first needed

    @cached_property
    def _library(self) -> Any:
        with self._no_growth():
            return load_library(self._value, self._path, self.policy, self._data)

    @cached_property
    def _fast(self) -> Any:
        from gigatoken import Tokenizer as Encoder

        check_known_merges(self._value["model"]["merges"], self._exact.vocab, self._path)
        data = self._engine_file

        def load() -> Any:
            encoder = Encoder.from_json(data)
            encoder.encode(b"a")  # imports what it needs: an interrupt during that would be a panic
            return encoder

        encoder = call_rust(load, self._load_error)
        self._start_growth()
        return encoder

    @cached_property
    def _engine_file(self) -> bytes:
        """The file for gigatoken: with the added tokens that are matched, and without a normalizer."""
        value, foreign = self._value, self._exact.foreign
        is_as_it_is = len(self._matched) == len(self._exact.added) and not self._exact.is_nfc
        if self._data is not None and is_as_it_is and not value["model"].get("ignore_merges"):
            return self._data
        vocab = {token: n for token, n in self._exact.vocab.items() if token not in foreign}
        matched = {token.content for token in self._matched}
        added = [token for token in value.get("added_tokens") or [] if token["content"] in matched]
        model = {**value["model"], "vocab": vocab}
        contents = {"added_tokens": added, "pre_tokenizer": value["pre_tokenizer"], "model": model}
        return json.dumps(contents).encode()

    def _load_error(self, why: str) -> GptprepError:
        fix = "uninstall gigatoken: tokenizers encodes"
        return GptprepError(f"gigatoken cannot load {self._path}", why, fix)
