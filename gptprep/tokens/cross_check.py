"""Comparing the engine with the reference while a corpus is encoded."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from gptprep.tokenizers import Tokenizer
from gptprep.tokens.reference_first import ReferenceFirst
from gptprep.units import KIB, MIB

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EVERY = 64 * MIB
"""Something is compared with the reference per this many bytes of text."""
_OF_DOCUMENTS = 16 * KIB
"""Bytes of small documents that are compared then."""


class CrossChecker:
    """Compares the engine with the reference on the first chunk, and then on one in every 64 MiB.

    Args:
        enabled: whether anything is compared; nothing is if the engine is the reference itself.
        engine: what encodes: texts that the reference has encoded need no comparison.

    Attributes:
        compared: bytes whose ids were compared.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        enabled: bool = True,
        engine: ReferenceFirst[Any] | None = None,
    ) -> None:
        self._tokenizer, self._engine = tokenizer, engine
        self._enabled = enabled and tokenizer.engine != tokenizer.reference
        self._since_last = _EVERY
        self.compared = 0

    def check(self, text: bytes) -> None:
        """Compare a chunk if it is time to.

        Raises:
            TextError: the ids differ; says where.
        """
        if self._is_due(len(text)):
            compared = self._tokenizer.cross_check(text)
            self.compared += compared
            self._since_last = 0 if compared else _EVERY

    def due(self, texts: Sequence[bytes]) -> Iterator[int]:
        """The numbers of the documents of a batch that `compare` must be called with, if it is time to."""
        if not self._is_due(sum(map(len, texts))):
            return
        first, n_bytes = zlib.crc32(texts[0]) % len(texts), 0
        for number in chain(range(first, len(texts)), range(first)):
            yield number
            n_bytes += len(texts[number])
            if n_bytes > _OF_DOCUMENTS:
                break
        self._since_last = 0

    def compare(self, text: bytes, ids: NDArray[Any]) -> None:
        """Compare a document with the reference, and its ids in a batch with its own.

        Raises:
            TextError: the ids differ; says where.
        """
        self.compared += self._tokenizer.cross_check(text, ids)

    def _is_due(self, n_bytes: int) -> bool:
        if self._engine and self._engine.by_reference:
            return False
        self._since_last += n_bytes
        return self._enabled and self._since_last > _EVERY
