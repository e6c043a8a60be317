"""Phase 2 of a large `encode`: the parts become one file while the others are still being encoded."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from functools import cached_property
from typing import Any, BinaryIO, Self

from numpy.typing import NDArray

from gptprep.parallel.threads import one_thread
from gptprep.storage import npy
from gptprep.storage.writers import start_writeback
from gptprep.tokens.id_file import id_dtype
from gptprep.tokens.receipts import Part
from gptprep.tokens.stream import TokenStream

_COPIED_IDS = 1 << 20
"""Ids copied at a time."""


class JoinedFile:
    """A file of ids to which parts are appended in order, raw or as `.npy`.

    The stream leaves out the end-of-text id that was added to the last document, so the last id of each part
    is hashed with the next one.
    """

    def __init__(self, file: BinaryIO, n_vocab: int, *, npy_header: bool) -> None:
        self._file, self._dtype, self._npy_header = file, id_dtype(n_vocab), npy_header
        self._header_bytes = file.write(self._header(0))
        self._digest, self._unhashed = hashlib.sha256(), b""
        self._stack = ExitStack()
        self._hashing: Future[Any] | None = None

    def append(self, part: Part) -> None:
        """Append the ids of a part.

        Raises:
            CorruptDataError: its file has changed.
            OSError: the ids cannot be written.
        """
        stream = TokenStream([(part.path, part.ids)], self._dtype, part.ids, keep_mapped=False)
        for start in range(0, part.ids, _COPIED_IDS):
            ids = stream.read(start, start + _COPIED_IDS)
            self._hash_next(ids, holds_back=part.adds_eot and start + _COPIED_IDS >= part.ids)
            offset = self._file.tell()
            self._file.write(ids.data)
            start_writeback(self._file.fileno(), offset, ids.nbytes)

    def finish(self, n_ids: int) -> str:
        """Leave the ids of the stream in the file; returns the sha256 of the file.

        Returns nothing if it has a header: that has the number of ids, which was not known at the start.
        """
        self._file.truncate(self._header_bytes + n_ids * self._dtype.itemsize)
        self._file.seek(0)
        self._file.write(self._header(n_ids))
        if self._hashing:
            self._hashing.result()
        return "" if self._npy_header else self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()  # ends the thread

    @cached_property
    def _submit(self) -> Callable[..., Future[Any]]:
        """Starts the thread with the first part: by then the workers have been forked."""
        return self._stack.enter_context(one_thread())

    def _header(self, n_ids: int) -> bytes:
        return npy.header((n_ids,), self._dtype) if self._npy_header else b""

    def _hash_next(self, ids: NDArray[Any], *, holds_back: bool) -> None:
        """Hash ids in the thread, which releases the GIL, but for the last one if it may be left out."""
        if self._npy_header:
            return
        if self._hashing:
            self._hashing.result()
        data, before = ids.data.cast("B"), self._unhashed
        n_hashed = len(data) - self._dtype.itemsize * holds_back
        self._unhashed = bytes(data[n_hashed:])
        self._hashing = self._submit(self._hash, before, data[:n_hashed])

    def _hash(self, *blocks: bytes | memoryview) -> None:
        for block in blocks:
            self._digest.update(block)
