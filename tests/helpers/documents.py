"""The documents of a source, put together from their chunks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gptprep.corpus.chunks import read_chunks
from gptprep.corpus.documents import ReadCounts
from gptprep.corpus.selection import select_sources
from gptprep.corpus.sources import Source
from gptprep.corpus.text_options import TextOptions
from gptprep.tokens.spec import EncodingSpec


def documents(
    source: Source, options: TextOptions | None = None, size: int = 1 << 20
) -> tuple[list[bytes], ReadCounts]:
    """All documents, in chunks of about `size` bytes at GPT-2's split points, and what was counted."""
    counts, texts, text = ReadCounts(), [], b""
    last_split_point = EncodingSpec().load_tokenizer().split_points.last
    for chunk in read_chunks(source, options or TextOptions(), last_split_point, counts, size):
        chunk.text.decode()
        text += chunk.text
        if chunk.last:
            texts.append(text)
            text = b""
    assert text == b""
    assert counts.documents == len(texts)
    return texts, counts


def file_source(path: Path, data: bytes) -> Source:
    """The source for a file with these bytes."""
    path.write_bytes(data)
    return find_sources([str(path)])[0]


def find_sources(inputs: Sequence[str], **options: Any) -> list[Source]:
    """The sources that some inputs name."""
    return select_sources(inputs, **options).sources
