"""tiktoken's ids at gigatoken's speed (`python -m benchmarks` shows the difference).

The two differ on text with characters that only the newer Unicode knows, and such text goes to tiktoken. As a
net below that, stretches of what is encoded are compared with tiktoken's ids while the run goes on.
"""

from __future__ import annotations

import importlib.util
import os
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


_WATCH, _GROWTH = 1 << 23, 96 << 20
"""Bytes of text after which memory is looked at, and by how many bytes it may grow."""
_RENEW = 1 << 28
"""Bytes of text after which the encoder is made anew where memory cannot be looked at."""


def _resident_bytes() -> int:
    """The memory of this process; 0 where the system does not say (elsewhere than on Linux)."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


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
        self._unwatched = self._resident_before = 0

    def encode_array(self, text: bytes) -> NDArray[Any]:
        if may_differ(text):
            return super().encode_array(text)
        self.refuse_specials(text)
        ids: NDArray[Any] = self._fast.encode(text)
        self._bound_memory(len(text))
        return ids

    def _bound_memory(self, n_bytes: int) -> None:
        """Make gigatoken's encoder anew when it has grown: it remembers every pre-token that it has met."""
        self._unwatched += n_bytes
        if self._unwatched < _WATCH:
            return
        resident = _resident_bytes()
        if resident > self._resident_before + _GROWTH or (not resident and self._unwatched > _RENEW):
            del self._fast
        if resident or self._unwatched > _RENEW:
            self._unwatched = 0

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

        self._resident_before = _resident_bytes()
        special_tokens = self.special_tokens if self.policy == "allow" else {}
        folder = tempfile.gettempdir()
        with (
            os_errors("write to", folder),
            tempfile.NamedTemporaryFile(suffix=".tiktoken", dir=folder) as file,
        ):
            file.write(self._rank_data)
            file.flush()
            try:
                encoder = BPETokenizer.from_tiktoken(file.name, self._scheme, special_tokens)
                encoder.encode(b"a")  # imports what it needs: an interrupt amid that would be a panic
                return encoder
            except BaseException as error:  # its panics are no Exceptions
                if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                    what = f"gigatoken cannot use the ranks of {self.name}"
                    raise GptprepError(what, str(error)[:200], "use --engine tiktoken") from error
                raise
