"""tiktoken's ids at gigatoken's speed (`python -m benchmarks` shows the difference).

The two differ on text with characters that only the newer Unicode knows, and such text goes to tiktoken. As a
net below that, stretches of what is encoded are compared with tiktoken's ids while the run goes on.
"""

from __future__ import annotations

import importlib.util
import tempfile
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gptprep.errors import GptprepError, TextError, os_errors
from gptprep.tokenizers.base import SpecialPolicy
from gptprep.tokenizers.bpe import BpeTokenizer
from gptprep.tokenizers.encodings import CL100K_PATTERN, GPT2_PATTERN, O200K_PATTERN
from gptprep.tokenizers.unicode_guard import may_differ

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEMES = {GPT2_PATTERN: "gpt2", CL100K_PATTERN: "gpt4", O200K_PATTERN: "o200k"}
"""gigatoken's names for the patterns that it knows."""

_STRETCH = 1 << 14
"""Bytes compared at a time: a millisecond of tiktoken's."""


def is_installed() -> bool:
    """Whether gigatoken can be imported; it has no wheels for some platforms."""
    return importlib.util.find_spec("gigatoken") is not None


class GigatokenTokenizer(BpeTokenizer):
    """A tiktoken encoding whose large texts gigatoken encodes.

    Args:
        rank_data: the rank file, for gigatoken reads it itself.
    """

    engine = "gigatoken"

    def __init__(
        self,
        name: str,
        ranks: dict[bytes, int],
        ranks_sha256: str,
        pattern: str,
        special_tokens: dict[str, int],
        policy: SpecialPolicy,
        rank_data: bytes,
    ) -> None:
        super().__init__(name, ranks, ranks_sha256, pattern, special_tokens, policy)
        self._scheme, self._rank_data = SCHEMES[pattern], rank_data

    def encode_array(self, text: bytes) -> NDArray[Any]:
        if may_differ(text):
            return super().encode_array(text)
        self.refuse_specials(text)
        ids: NDArray[Any] = self._fast.encode(text)
        return ids

    def cross_check(self, text: bytes) -> int:
        begin = zlib.crc32(text[:_STRETCH]) % max(1, len(text) - _STRETCH)
        begin = self.last_cut(bytearray(text[:begin]), 0)
        end = len(text)
        if end - begin > _STRETCH:
            end = begin + self.last_cut(bytearray(text[begin : begin + _STRETCH]), 0)
        stretch = text[begin:end]
        if may_differ(stretch):
            return 0  # tiktoken's ids are taken for it anyway
        if self._fast.encode(stretch).tolist() != super().encode_array(stretch).tolist():
            raise TextError(
                "gigatoken and tiktoken give other ids for this text",
                "tiktoken is right: please report the text",
                "run the same command with --engine tiktoken",
                begin,
            )
        return len(stretch)

    @cached_property
    def _fast(self) -> Any:
        """Made when it is first needed: a sentence is encoded sooner without it."""
        from gigatoken.gigatoken_rs import BPETokenizer

        special_tokens = self.special_tokens if self.policy == "allow" else {}
        folder = tempfile.gettempdir()
        with (
            os_errors("write to", folder),
            tempfile.NamedTemporaryFile(suffix=".tiktoken", dir=folder) as file,
        ):
            file.write(self._rank_data)
            file.flush()
            try:
                return BPETokenizer.from_tiktoken(file.name, self._scheme, special_tokens)
            except BaseException as error:  # its panics are no Exceptions
                if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                    what = f"gigatoken cannot use the ranks of {self.name}"
                    raise GptprepError(what, str(error)[:200], "use --engine tiktoken") from error
                raise
