"""Byte ranges of large sources, which are encoded independently and give the ids of the whole source.

A plan divides a source at offsets that follow from its size alone. The exact start and stop of a range are
then found in the file, and every process finds the same: the first split point at or after the planned
offset or, if documents are separated, the end of the next separator.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from gptprep.corpus.blocks import open_source, read_blocks
from gptprep.corpus.parquet import row_ranges
from gptprep.corpus.sources import EXPANSION, Source
from gptprep.corpus.text_options import TextOptions, overlaps_itself, separator_of
from gptprep.errors import os_errors
from gptprep.units import KIB

FirstSplitPoint = Callable[[bytes, int], int]
"""The first split point of a text at or after an offset; -1 if there is none."""

_BLOCK_BYTES = 64 * KIB
_CONTEXT = 8
"""Bytes before an offset that the search needs: the character before a split point."""


def plan_ranges(
    sources: Sequence[Source], options: TextOptions, size: int, *, has_split_points: bool = True
) -> Iterator[Source]:
    """The sources, large ones in ranges if they can be divided: of `size` bytes, or of whole row groups.

    Args:
        has_split_points: whether documents can be divided too.
    """
    for source in sources:
        if source.kind == "parquet" and (source.size or 0) > size:
            rows = list(row_ranges(source, size // EXPANSION))
            yield from rows if len(rows) > 1 else [source]
            continue
        is_plain = source.data is None and not source.is_compressed
        offsets: list[int | None] = [0, None]
        if source.size and is_plain and can_divide(source, options, has_split_points):
            offsets = [*range(0, source.size, size), None]
        for start, stop in itertools.pairwise(offsets):
            yield source._replace(start=start or 0, stop=stop)


def can_divide(source: Source, options: TextOptions, has_split_points: bool) -> bool:
    """Whether the text of a source can be divided: between documents, or at split points.

    Args:
        has_split_points: whether documents can be divided too.
    """
    if source.kind not in ("text", "jsonl") or not options.is_utf8:
        return False
    separator = separator_of(source, options)
    if separator is None:
        # Whether `skip` leaves out a document is known only when its last byte is read.
        return has_split_points and options.errors != "skip"
    return not overlaps_itself(separator)


def exact_range(source: Source, options: TextOptions, first_split_point: FirstSplitPoint) -> Source:
    """A planned range with its exact start and stop.

    The range that has the last byte of the file ends with the file. Ranges planned after it are empty.

    Raises:
        GptprepError: the file cannot be read.
    """
    is_exact = source.kind in ("ids", "parquet") or bool(source.spool)
    if is_exact or (source.start == 0 and source.stop is None):
        return source
    separator = separator_of(source, options)
    with os_errors("read", source.path), open_source(source) as file:
        start = source.start and _exact_offset(file, source.start, separator, first_split_point)
        stop = source.stop and _exact_offset(file, source.stop, separator, first_split_point)
    if start and start == source.size:
        return source._replace(start=start, stop=start)
    return source._replace(start=start, stop=None if stop == source.size else stop)


def _exact_offset(
    file: IO[bytes], offset: int, separator: bytes | None, first_split_point: FirstSplitPoint
) -> int:
    context = len(separator) - 1 if separator else min(_CONTEXT, offset)
    position = offset if separator else offset - context
    file.seek(position)
    text, searched = b"", 0 if separator else context
    while block := file.read(_BLOCK_BYTES):
        text += block
        if separator:
            found = text.find(separator, searched)
            found += len(separator) if found >= 0 else 0
        else:
            found = first_split_point(text, searched)
        if found >= 0:
            return position + found
        position += max(0, len(text) - _CONTEXT - context)
        text = text[-_CONTEXT - context :]
        searched = 0 if separator else min(len(text), context)
    return position + len(text)


def with_first_line(source: Source) -> Source:
    """A copy of a range with `first_line` set, for messages: it reads everything before the range."""
    first_line, left = 1, source.start
    for block in read_blocks(source._replace(spool="", start=0, stop=None)) if left else ():
        first_line += block.count(b"\n", 0, left)
        left -= min(left, len(block))
        if not left:
            break
    return source._replace(first_line=first_line)
