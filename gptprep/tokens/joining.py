"""Phase 2 of a large `encode`: the parts become one file while the others are still being encoded."""

import hashlib
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from functools import cached_property
from typing import Any, BinaryIO, Self

import numpy as np

from gptprep.parallel.threads import one_thread
from gptprep.storage import npy
from gptprep.storage.writers import CachedFile, DirectFile
from gptprep.tokens.id_file import id_dtype
from gptprep.tokens.receipts import Part
from gptprep.tokens.stream import open_part

_COPIED_IDS = 1 << 18
"""Ids copied at a time: they stay in a processor's cache while they are hashed and written."""


class JoinedFile:
    """A file of ids to which parts are appended in order, raw or as `.npy`.

    A thread does it, so that the process that gives out the tasks never waits for the disk. The stream leaves
    out the end-of-text id that was added to the last document, so the last id of each part is hashed with the
    next one.

    Args:
        file: the empty file.
        direct: whether to write past the page cache.
    """

    def __init__(self, file: BinaryIO, n_vocab: int, *, npy_header: bool, direct: bool) -> None:
        self._descriptor, self._dtype, self._npy_header = file.fileno(), id_dtype(n_vocab), npy_header
        self._writer = (DirectFile if direct else CachedFile)(self._descriptor)
        self._memory = np.empty(_COPIED_IDS, self._dtype)  # for every block: new memory takes time
        self._digest, self._unhashed = hashlib.sha256(), b""
        self._writer.write(self._header(0))
        self._stack, self._is_stopped = ExitStack(), False
        self._appending: deque[Future[None]] = deque()

    def append(self, part: Part) -> None:
        """Append the ids of a part, or say what became of a part before it.

        Raises:
            CorruptDataError: a file has changed.
            OSError: ids cannot be written.
        """
        while self._appending and self._appending[0].done():
            self._appending.popleft().result()
        self._appending.append(self._submit(self._append, part))

    def finish(self, n_ids: int) -> str:
        """Leave the ids of the stream in the file; returns the sha256 of the file. Raises as `append`.

        Returns nothing if it has a header: that has the number of ids, which was not known at the start.
        """
        for appending in self._appending:
            appending.result()
        self._writer.flush()
        os.ftruncate(self._descriptor, len(self._header(0)) + n_ids * self._dtype.itemsize)
        os.pwrite(self._descriptor, self._header(n_ids), 0)
        return "" if self._npy_header else self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_stopped = True
        self._stack.close()  # ends the thread

    @cached_property
    def _submit(self) -> Callable[..., Future[Any]]:
        """Starts the thread with the first part: by then the workers have been forked."""
        return self._stack.enter_context(one_thread())

    def _header(self, n_ids: int) -> bytes:
        return npy.header((n_ids,), self._dtype) if self._npy_header else b""

    def _append(self, part: Part) -> None:
        with open_part(part.path, part.ids, self._dtype) as file:
            left = part.ids
            for ids in file.blocks(self._memory):
                if self._is_stopped:
                    return
                left -= len(ids)
                data = ids.data.cast("B")
                if not self._npy_header:
                    self._hash(data, holds_back=part.adds_eot and not left)
                self._writer.write(data)

    def _hash(self, data: memoryview, *, holds_back: bool) -> None:
        """Hash ids, but for the last one if it may be left out."""
        n_hashed = len(data) - self._dtype.itemsize * holds_back
        self._digest.update(self._unhashed)
        self._digest.update(data[:n_hashed])
        self._unhashed = bytes(data[n_hashed:])
