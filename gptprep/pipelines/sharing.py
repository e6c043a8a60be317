"""Sharing what is to be read among workers, by size alone: the shares do not depend on their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import TypeVar

from gptprep.corpus import Source, TextOptions, exact_stretch, plan_stretches, with_first_line
from gptprep.errors import GptprepError
from gptprep.pipelines.encoding import SourceCounts

Share = tuple[tuple[int, Source], ...]
"""Sources or stretches of them, each with the number of the source that it belongs to."""
Result = TypeVar("Result")


def shares(
    sources: Sequence[Source],
    text: TextOptions,
    share_bytes: int,
    can_cut: bool,
    stored_ids: Callable[[Source], Iterable[Source]] = lambda source: [source],
) -> Iterator[Share]:
    """The sources in shares of about so many bytes, in order, the large ones cut where they can be.

    Args:
        can_cut: whether a text can be cut between two words; documents and lines can in any case.
        stored_ids: cuts a source that holds ids; after a stretch of one a new share begins.
    """
    share: list[tuple[int, Source]] = []
    size = 0
    can_read_again = all(source.stamp for source in sources)
    for owner, source in enumerate(sources):
        is_ids = source.kind == "ids"
        for stretch in (
            stored_ids(source) if is_ids else plan_stretches([source], text, share_bytes, can_cut=can_cut)
        ):
            if size >= share_bytes:
                yield tuple(share)
                share, size = [], 0
            if can_read_again and not is_ids and _size(stretch) <= share_bytes:
                stretch = stretch._replace(first_line=0)  # it is read again if a line has to be named
            share.append((owner, stretch))
            size += share_bytes if is_ids and stretch is not source else _size(stretch)
    if share:
        yield tuple(share)


def id_stretches(source: Source, n_ids: int, stretch_ids: int) -> Iterator[Source]:
    """A source of ids in stretches of so many; itself where it has no more."""
    if n_ids <= stretch_ids:
        yield source
        return
    for begin, end in pairwise([*range(0, n_ids, stretch_ids), None]):
        yield source._replace(begin=begin or 0, end=end)


def _size(stretch: Source) -> int:
    end = stretch.size if stretch.end is None else stretch.end
    return (end or 0) - stretch.begin


def read_share(
    sources: Iterable[Source],
    text: TextOptions,
    first_cut: Callable[[bytes, int], int],
    read: Callable[[tuple[Source, ...]], Result],
) -> Result:
    """Call `read` with the sources of a share, at their true borders.

    If it finds an error it is called once more, with sources that count their lines, so that it can name one.
    """
    exact = tuple(exact_stretch(source, text, first_cut) for source in sources)
    try:
        return read(exact)
    except GptprepError:
        if all(source.first_line for source in exact):
            raise
        return read(tuple(source if source.first_line else with_first_line(source) for source in exact))


def add_counts(total: SourceCounts, count: SourceCounts) -> None:
    """Add what was read of a stretch to what was read of its source."""
    for field in fields(SourceCounts):
        if field.name != "path":
            setattr(total, field.name, getattr(total, field.name) + getattr(count, field.name))
