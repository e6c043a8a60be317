"""Planning: sources are divided among tasks.

Tasks follow from the sources and options alone, so that the result does not depend on the number of workers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

from gptprep.corpus.ranges import exact_range, plan_ranges, with_first_line
from gptprep.corpus.sources import Source
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError

Result = TypeVar("Result")


class TaskSources(NamedTuple):
    """What one task reads."""

    ranges: tuple[Source, ...]
    """Whole sources or byte ranges of them."""
    owners: tuple[int, ...]
    """The number of the source that each range belongs to."""


def plan_task_sources(
    sources: Sequence[Source],
    text: TextOptions,
    task_bytes: int,
    has_split_points: bool,
    id_ranges: Callable[[Source], Iterable[Source]] = lambda source: [source],
    divide_at: int = 0,
) -> Iterator[TaskSources]:
    """Divide the sources among tasks of about `task_bytes`, in order; large sources in byte ranges.

    Args:
        has_split_points: whether documents can be divided; between documents and lines it is always possible.
        id_ranges: divides a source of ids; each of its ranges gets a task of its own.
        divide_at: the number of a source that starts a new task.
    """
    planned: list[tuple[int, Source]] = []
    size = 0
    can_read_again = all(source.stamp for source in sources)
    for owner, source in enumerate(sources):
        is_ids = source.kind == "ids"
        planned_ranges = plan_ranges([source], text, task_bytes, has_split_points=has_split_points)
        for byte_range in id_ranges(source) if is_ids else planned_ranges:
            is_division = planned and planned[-1][0] < divide_at <= owner
            if size >= task_bytes or is_division:
                yield _task_sources(planned)
                planned, size = [], 0
            if can_read_again and not is_ids and _size(byte_range) <= task_bytes:
                byte_range = byte_range._replace(first_line=0)  # counted only if an error needs the line
            planned.append((owner, byte_range))
            size += task_bytes if is_ids and byte_range is not source else _size(byte_range)
    if planned:
        yield _task_sources(planned)


def _task_sources(planned: list[tuple[int, Source]]) -> TaskSources:
    return TaskSources(tuple(byte_range for _, byte_range in planned), tuple(owner for owner, _ in planned))


def divided_ids(range_ids: int) -> Callable[[Source], Iterator[Source]]:
    """A function that gives a file of ids in ranges of `range_ids`; the file itself if it has no more."""

    def ranges(source: Source) -> Iterator[Source]:
        from gptprep.tokens.id_file import open_ids

        with open_ids(source) as file:
            n_ids = len(file)
        if n_ids <= range_ids:
            yield source
            return
        for start, stop in pairwise([*range(0, n_ids, range_ids), None]):
            yield source._replace(start=start or 0, stop=stop)

    return ranges


def _size(byte_range: Source) -> int:
    stop = byte_range.size if byte_range.stop is None else byte_range.stop
    return (stop or 0) - byte_range.start


def read_ranges(
    ranges: Iterable[Source],
    text: TextOptions,
    first_split_point: Callable[[bytes, int], int],
    read: Callable[[tuple[Source, ...]], Result],
) -> Result:
    """Call `read` with the exact byte ranges of a task.

    If it raises an error it is called once more with ranges that count lines, so that the error names the
    line.
    """
    exact = tuple(exact_range(byte_range, text, first_split_point) for byte_range in ranges)
    try:
        return read(exact)
    except GptprepError:
        if all(source.first_line for source in exact):
            raise
        return read(tuple(source if source.first_line else with_first_line(source) for source in exact))
