"""Comparing the engine with the reference while a corpus is encoded."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from gptprep.errors import TextError
from gptprep.tokenizers import Tokenizer
from gptprep.units import KIB, MIB

_EVERY = 64 * MIB
"""Something is compared with the reference per this many bytes of text."""
_OF_DOCUMENTS = 16 * KIB
"""Bytes of small documents that are compared then."""


class CrossChecker:
    """Compares the engine with the reference on the first chunk, and then on one in every 64 MiB.

    Args:
        enabled: whether anything is compared.
        min_bytes: the smallest chunk that the faster engine encodes; smaller ones need no comparison.
        skipped: bytes at the start that are not compared, because the reference encodes them.

    Attributes:
        compared: bytes whose ids were compared.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, enabled: bool = True, min_bytes: int = 0, skipped: int = 0
    ) -> None:
        self._tokenizer, self._enabled, self._min_bytes = tokenizer, enabled, min_bytes
        self._since_last = _EVERY - skipped
        self.compared = 0

    def check(self, text: bytes) -> None:
        """Compare a chunk if it is time to.

        Raises:
            TextError: the ids differ; says where.
        """
        if self._is_due(len(text)) and len(text) >= self._min_bytes:
            compared = self._tokenizer.cross_check(text)
            self.compared += compared
            self._since_last = 0 if compared else _EVERY

    def due(self, texts: Sequence[bytes]) -> Iterator[int]:
        """The numbers of the documents of a batch that `compare` must be called with, if it is time to."""
        if not self._is_due(sum(map(len, texts))):
            return
        before, first = self.compared, zlib.crc32(texts[0]) % len(texts)
        for number in (*range(first, len(texts)), *range(first)):
            yield number
            if self.compared - before > _OF_DOCUMENTS:
                break
        self._since_last = 0 if self.compared > before else _EVERY

    def compare(self, text: bytes, ids: Any) -> None:
        """Compare a document with the reference, and its ids in a batch with those that it has by itself.

        Raises:
            TextError: the ids differ; says where.
        """
        if ids.tolist() != self._tokenizer.encode_array(text).tolist():
            what, why = "a document has other ids beside others than by itself", "this is an error of gptprep"
            raise TextError(what, why, "run the same command with --engine tiktoken, and report the text")
        self.compared += self._tokenizer.cross_check(text)

    def _is_due(self, n_bytes: int) -> bool:
        self._since_last += n_bytes
        return self._enabled and self._since_last > _EVERY
