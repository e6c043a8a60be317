"""Sources that are read in blocks of any size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gptprep.corpus.sources import Source, text_source


@contextmanager
def read_in_blocks(data: bytes, size: int) -> Iterator[Source]:
    """A source that holds these bytes and is read `size` of them at a time."""
    blocks = [data[start : start + size] for start in range(0, len(data), size)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gptprep.corpus.documents.read_blocks", lambda *_: iter(blocks))
        yield text_source(b"", 1)
