"""The tokens at the start of a text, without reading the rest."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate

from gptprep.corpus.chunks import Chunk, place
from gptprep.corpus.documents import ReadCounts, read_documents
from gptprep.corpus.sources import Source
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import TextError
from gptprep.pipelines.inspect.text import InspectReport, TokenView, token_views
from gptprep.tokenizers import Tokenizer
from gptprep.units import KIB

HEAD_BYTES = 16 * KIB
"""Text that fills any screen."""
_MARGIN = 4 * KIB
"""Text that is encoded after what is shown if there is no split point: the ids at its end may be wrong."""


@dataclass(frozen=True)
class Head:
    """The tokens at the start of a source, one report for each tokenizer."""

    reports: tuple[InspectReport, ...]
    is_whole: bool
    """Whether the source has nothing else."""


def read_head(
    source: Source, tokenizers: Sequence[Tokenizer], text: TextOptions, n_tokens: int | None = None
) -> Head:
    """The first tokens of the first document that is not empty.

    Args:
        n_tokens: how many; the other tokenizers give what covers the tokens of the first one. None for the
            tokens of about 16 KiB.

    Raises:
        GptprepError: the source cannot be read or encoded; says where.
        CorruptDataError: it is not what its format says.
    """
    size = HEAD_BYTES if n_tokens is None else max(HEAD_BYTES, 4 * n_tokens)
    while True:
        counts = ReadCounts()
        start = _start(source, text, size + _MARGIN, counts)
        views = _encoded(source, start, size, tokenizers[0], text)
        if n_tokens is None or len(views) >= n_tokens or start.last:
            break
        size *= 2
    is_whole = start.last and source.kind == "text" and text.separator is None
    is_whole = is_whole and not (counts.skipped or counts.replaced)  # which only the numbers tell
    if n_tokens is not None and len(views) > n_tokens:
        views, is_whole = views[:n_tokens], False
    n_bytes = len(start.text) if is_whole else sum(view.bytes for view in views)
    reports = [_report(tokenizers[0], views, n_bytes)]
    for tokenizer in tokenizers[1:]:
        others = _encoded(source, start, size, tokenizer, text)
        reports.append(_report(tokenizer, others if is_whole else _covering(others, n_bytes), n_bytes))
    return Head(tuple(reports), is_whole)


def _report(tokenizer: Tokenizer, views: Sequence[TokenView], n_bytes: int) -> InspectReport:
    return InspectReport(tokenizer.name, tokenizer.n_vocab, n_bytes, tuple(views))


def _start(source: Source, text: TextOptions, size: int, counts: ReadCounts) -> Chunk:
    """The first `size` bytes of the first document that is not empty, or all of it."""
    data, offset, line = bytearray(), 0, 1
    with closing(read_documents(source, text, counts)) as blocks:  # type: ignore[type-var]
        for block in blocks:
            if not data:
                offset, line = block.offset, block.line
            data += block.data
            if len(data) > size:
                return Chunk(bytes(data[: _character_start(data, size)]), offset, line, False)
            if block.last and data:
                break
    return Chunk(bytes(data), offset, line, True)


def _character_start(data: bytearray, position: int) -> int:
    while data[position] & 0xC0 == 0x80:
        position -= 1
    return position


def _encoded(
    source: Source, start: Chunk, size: int, tokenizer: Tokenizer, text: TextOptions
) -> list[TokenView]:
    """The tokens of a start of a document, up to its last split point or at least about `size` bytes."""
    data = start.text
    if not start.last and (point := tokenizer.split_points.last(bytearray(data), size)):
        data = data[:point]
    try:
        ids = tokenizer.encode(data.decode()) if size == HEAD_BYTES else tokenizer.encode_array(data).tolist()
    except TextError as error:
        raise error.at(place(source, start, error.offset, text)) from None
    views = token_views(ids, tokenizer)
    return views if start.last else _covering(views, size)


def _covering(views: list[TokenView], n_bytes: int) -> list[TokenView]:
    """The tokens that start before a byte."""
    stops = accumulate((view.bytes for view in views), initial=0)
    return [view for view, start in zip(views, stops, strict=False) if start < n_bytes]
