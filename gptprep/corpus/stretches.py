"""Cutting large sources into stretches that can be encoded apart, anywhere, with the ids of the whole.

A plan names borders by size alone; where a stretch truly begins and ends is found in the file, and whoever
looks finds the same: at the first place at or after the border where the text may be cut, or after the next
separator.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from gptprep.corpus.sources import Source
from gptprep.corpus.text import TextOptions
from gptprep.errors import os_errors

FirstCut = Callable[[bytes, int], int]
"""The first place of a text, at or after an offset, where it may be cut; -1 for none."""

_BLOCK = 1 << 16
_CONTEXT = 8
"""Bytes before a border that are looked at: a character."""


def plan_stretches(
    sources: Sequence[Source], options: TextOptions, size: int, *, can_cut: bool = True
) -> Iterator[Source]:
    """Sources, the large ones cut at every `size` bytes where they can be cut.

    Args:
        can_cut: whether documents can be cut too.
    """
    for source in sources:
        if source.size is None or source.size <= size or not _is_cuttable(source, options, can_cut):
            yield source
            continue
        borders = [*range(0, source.size, size), None]
        for begin, end in itertools.pairwise(borders):
            yield source._replace(begin=begin or 0, end=end)


def _is_cuttable(source: Source, options: TextOptions, can_cut: bool) -> bool:
    is_plain = source.data is None and not source.path.lower().endswith((".gz", ".zst"))
    if (
        not is_plain
        or source.kind not in ("text", "jsonl")
        or codecs.lookup(options.encoding).name != "utf-8"
    ):
        return False
    separator = _separator(source, options)
    if separator is None:
        return can_cut and options.errors != "skip"  # whether a document is left out, its last byte tells
    return not any(separator.startswith(separator[index:]) for index in range(1, len(separator)))


def _separator(source: Source, options: TextOptions) -> bytes | None:
    separator = "\n" if source.kind == "jsonl" else options.separator
    return separator.encode("utf-8", "surrogateescape") if separator else None


def exact_stretch(source: Source, options: TextOptions, first_cut: FirstCut) -> Source:
    """A stretch of a plan with its true borders.

    Raises:
        GptprepError: the file cannot be read.
    """
    if source.kind == "ids" or (source.begin == 0 and source.end is None):
        return source
    separator = _separator(source, options)
    with os_errors("read", source.path), open(source.path, "rb", buffering=0) as file:
        begin, end = (
            border and _exact_border(file, border, separator, first_cut)
            for border in (source.begin, source.end)
        )
    return source._replace(begin=begin or 0, end=end)


def _exact_border(file: BinaryIO, border: int, separator: bytes | None, first_cut: FirstCut) -> int:
    context = len(separator) - 1 if separator else min(_CONTEXT, border)
    position = border if separator else border - context
    file.seek(position)
    text, searched = b"", 0 if separator else context
    while block := file.read(_BLOCK):
        text += block
        if separator:
            found = text.find(separator, searched)
            found += len(separator) if found >= 0 else 0
        else:
            found = first_cut(text, searched)
        if found >= 0:
            return position + found
        position += max(0, len(text) - _CONTEXT - context)
        text = text[-_CONTEXT - context :]
        searched = 0 if separator else min(len(text), context)
    return position + len(text)


def with_first_line(source: Source) -> Source:
    """A stretch that knows its line; that takes reading all before it, so it is for messages only."""
    first_line, left = 1, source.begin
    with os_errors("read", source.path), open(source.path, "rb", buffering=0) as file:
        while left and (block := file.read(min(left, 1 << 20))):
            first_line += block.count(b"\n")
            left -= len(block)
    return source._replace(first_line=first_line)
