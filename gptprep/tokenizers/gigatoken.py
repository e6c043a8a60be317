"""tiktoken's ids at gigatoken's speed (`python -m benchmarks` shows the difference).

The two differ on characters that only a newer Unicode knows; text with such a character goes to tiktoken. As
a safety net, some of the text is encoded with both during a run, and a difference is an error.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gptprep.choices import SpecialPolicy
from gptprep.errors import GptprepError, TextError
from gptprep.storage.temporary import temporary_errors, temporary_folder
from gptprep.tokenizers.bpe import BpeSpec, BpeTokenizer
from gptprep.tokenizers.published import CL100K_PATTERN, GPT2_PATTERN, O200K_PATTERN
from gptprep.tokenizers.rust import call_rust
from gptprep.tokenizers.split_points import SplitPoints
from gptprep.tokenizers.unicode_guard import may_differ
from gptprep.units import KIB, MIB

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SCHEMES = {GPT2_PATTERN: "gpt2", CL100K_PATTERN: "gpt4", O200K_PATTERN: "o200k"}
"""gigatoken's names for the patterns that it knows."""
_COMPARED_BYTES = 16 * KIB
"""Bytes compared at a time, which takes tiktoken a millisecond."""
_WITHOUT = "give --engine tiktoken"
"""What to do if there is no room for a temporary file: tiktoken needs none."""
_CHECK_MEMORY_EVERY, _MAX_GROWTH = 8 * MIB, 96 * MIB
"""Bytes of text between two looks at the memory, and by how many bytes it may grow."""
_RENEW_EVERY = 256 * MIB
"""Bytes of text after which the encoder is created again if the memory cannot be read."""


def is_installed() -> bool:
    """Whether gigatoken can be imported; it has no wheels for some platforms."""
    return importlib.util.find_spec("gigatoken") is not None


def _resident_bytes() -> int:
    """The memory of this process; 0 if the system does not say (on other systems than Linux)."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class BoundedMemory:
    """For tokenizers with an encoder in `_fast` that is made when it is needed."""

    _encoded_bytes = _resident_at_start = 0
    _fast: Any

    def _bound_memory(self, n_bytes: int) -> None:
        """Create the encoder again when it has grown: it remembers every pre-token that it has seen."""
        self._encoded_bytes += n_bytes
        if self._encoded_bytes < _CHECK_MEMORY_EVERY:
            return
        resident = _resident_bytes()
        is_due = not resident and self._encoded_bytes > _RENEW_EVERY
        if resident > self._resident_at_start + _MAX_GROWTH or is_due:
            for name in ("_fast", "_fast_without_specials"):
                self.__dict__.pop(name, None)  # of the cached properties
        if resident or is_due:
            self._encoded_bytes = 0

    def _start_growth(self) -> None:
        """Count the growth of memory from here on."""
        self._resident_at_start = _resident_bytes()

    @contextmanager
    def _no_growth(self) -> Iterator[None]:
        """What is loaded meanwhile is no growth."""
        before = _resident_bytes()
        yield
        self._resident_at_start += _resident_bytes() - before


def compared_part(text: bytes, split_points: SplitPoints) -> tuple[int, bytes]:
    """A part of a text between split points, somewhere in it, to compare two engines on: offset, bytes."""
    start = zlib.crc32(text[:_COMPARED_BYTES]) % max(1, len(text) - _COMPARED_BYTES)
    start = split_points.last(bytearray(text[:start]), 0)
    stop = len(text)
    if stop - start > _COMPARED_BYTES:
        stop = start + split_points.last(bytearray(text[start : start + _COMPARED_BYTES]), 0)
    return start, text[start:stop]


class GigatokenTokenizer(BoundedMemory, BpeTokenizer):
    """A tiktoken encoding whose large texts gigatoken encodes.

    Args:
        rank_data: the rank file, which gigatoken reads itself.
    """

    engine = "gigatoken"

    def __init__(self, spec: BpeSpec, policy: SpecialPolicy, rank_data: bytes) -> None:
        super().__init__(spec, policy)
        self._scheme, self._rank_data = _SCHEMES[spec.pattern], rank_data

    def encode_array(self, text: bytes) -> NDArray[Any]:
        if may_differ(text):
            return super().encode_array(text)
        self.refuse_specials(text)
        ids: NDArray[Any] = self._fast_for(text).encode(text)
        self._bound_memory(len(text))
        return ids

    def _encode_joined(self, text: bytes) -> NDArray[Any] | None:
        if may_differ(text):
            return None
        ids: NDArray[Any] = self._fast.encode(text)
        self._bound_memory(len(text))
        return ids

    def _fast_for(self, text: bytes) -> Any:
        """The encoder for one document, in which the policy "text" makes special tokens ordinary text."""
        if self.policy == "text" and self._end_of_text and self._end_of_text in text:
            return self._fast_without_specials
        return self._fast

    def cross_check(self, text: bytes, ids: NDArray[Any] | None = None) -> int:
        if ids is not None and ids.tolist() != self.encode_array(text).tolist():
            raise self._wrong_ids("gigatoken gives this document other ids in a batch than by itself", 0)
        start, compared = compared_part(text, self.split_points)
        if may_differ(compared):
            return 0  # tiktoken encodes it anyway
        if self._fast_for(compared).encode(compared).tolist() != super().encode_array(compared).tolist():
            raise self._wrong_ids("gigatoken and tiktoken give different ids for this text", start)
        return len(compared)

    def _wrong_ids(self, what: str, offset: int) -> TextError:
        why, fix = "tiktoken is right: please report the text", "run the same command with --engine tiktoken"
        return TextError(what, why, fix, offset)

    @cached_property
    def _fast(self) -> Any:
        """Knows the special tokens that the policy allows, and always the one between documents."""
        if self.policy == "allow" or self._end_of_text is None:
            return self._load(self.special_tokens if self.policy == "allow" else {})
        token = self._end_of_text.decode()
        return self._load({token: self.special_tokens[token]})

    @cached_property
    def _fast_without_specials(self) -> Any:
        return self._load({})

    def _load(self, special_tokens: dict[str, int]) -> Any:
        """An encoder, made when it is first needed: a sentence is encoded sooner without it."""
        from gigatoken import Tokenizer

        self._start_growth()
        folder = temporary_folder("gigatoken", _WITHOUT)
        with (
            temporary_errors(folder, _WITHOUT),
            tempfile.NamedTemporaryFile(suffix=".tiktoken", dir=folder) as file,
        ):
            file.write(self._rank_data)
            file.flush()

            def load() -> Any:
                encoder = Tokenizer.from_tiktoken(file.name, self._scheme, special_tokens)
                encoder.encode(b"a")  # imports what it needs: an interrupt during that would be a panic
                return encoder

            return call_rust(load, self._rank_error)

    def _rank_error(self, why: str) -> GptprepError:
        return GptprepError(f"gigatoken cannot use the ranks of {self.name}", why, "use --engine tiktoken")
