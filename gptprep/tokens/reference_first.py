"""Encoding small inputs by the reference alone, because the fast engine takes longer to start."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gptprep.corpus.sources import Source, total_bytes
from gptprep.tokenizers.base import EncodedDocuments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gptprep.tokenizers import Tokenizer

Ids = TypeVar("Ids", bound=Sized)
_DOCUMENT_BYTES = 256
"""A document takes the reference as much time as these bytes of its text, however short it is."""


def reference_bytes(sources: Sequence[Source], tokenizer: Tokenizer, n_tasks: int = 1) -> int:
    """How much text a task should leave to the reference: nothing, or what is worth it if that may be all.

    Args:
        n_tasks: among how many tasks the sources are divided.
    """
    if n_tasks > 1 or any(source.spool for source in sources):  # of a stream of more than a block
        return 0
    total = total_bytes(source for source in sources if source.data is None)
    return tokenizer.small_bytes if total is None or total < tokenizer.small_bytes else 0


def engine_used(tokenizer: Tokenizer, *, by_reference: bool) -> str:
    """The name of what has encoded the texts.

    Args:
        by_reference: whether the reference has encoded all of them.
    """
    return tokenizer.reference if by_reference else tokenizer.engine


def as_array(ids: Any) -> NDArray[Any]:
    """Ids as an array, without a copy of what is one."""
    import numpy as np

    return np.asarray(ids, np.uint32)


def as_list(ids: Any) -> list[int]:
    """Ids as a list."""
    return ids if isinstance(ids, list) else ids.tolist()


def as_they_are(ids: Sized) -> Sized:
    """Ids that are only counted."""
    return ids


class ReferenceFirst(Generic[Ids]):
    """Encodes texts, the first ones by the reference.

    Args:
        n_bytes: how much text the reference encodes.
        as_ids: makes what is wanted of the reference's list and the fast engine's array.

    Attributes:
        by_reference: whether the reference encoded all of them.
    """

    def __init__(self, tokenizer: Tokenizer, n_bytes: int, as_ids: Callable[[Any], Ids]) -> None:
        self._tokenizer, self._left, self._as_ids = tokenizer, n_bytes, as_ids
        self.by_reference = n_bytes > 0

    def encode_array(self, text: bytes) -> Ids:
        """The ids of a valid UTF-8 text; raises as `Tokenizer.encode_array`."""
        self._left -= len(text) + _DOCUMENT_BYTES
        if self._left < 0:
            self.by_reference = False
            return self._as_ids(self._tokenizer.encode_array(text))
        return self._as_ids(self._tokenizer.encode(text.decode()))

    def encode_documents(self, texts: Sequence[bytes]) -> EncodedDocuments | None:
        """The ids of several texts; None if the reference encodes them one by one."""
        if sum(map(len, texts)) + len(texts) * _DOCUMENT_BYTES <= self._left:
            return None
        encoded = self._tokenizer.encode_documents(texts)
        self.by_reference &= encoded is None
        return encoded
