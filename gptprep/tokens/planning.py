"""Planning: sources are divided among tasks.

Tasks follow from the sources and options alone, so that the result does not depend on the number of workers.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Generic, NamedTuple, Protocol, TypeVar

from gptprep.corpus.ranges import FirstSplitPoint, exact_range, plan_ranges, with_first_line
from gptprep.corpus.sources import Source
from gptprep.corpus.streams import Spool, divide_stream, is_stream
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError

Result = TypeVar("Result")
Task = TypeVar("Task", bound="HasSources")


class TaskSources(NamedTuple):
    """What one task reads."""

    ranges: tuple[Source, ...]
    """Whole sources or byte ranges of them."""
    owners: tuple[int, ...]
    """The number of the source that each range belongs to."""
    is_stream: bool = False
    """Whether it is one source that the process which gives out the tasks reads, and divides among more."""


class HasSources(Protocol):
    """A task that reads sources."""

    @property
    def sources(self) -> TaskSources:
        """What it reads."""


def plan_task_sources(
    sources: Sequence[Source],
    text: TextOptions,
    task_bytes: int,
    has_split_points: bool,
    id_ranges: Callable[[Source], Iterable[Source]] = lambda source: [source],
    divide_at: int = 0,
) -> Iterator[TaskSources]:
    """Divide the sources among tasks of about `task_bytes`, in order; large sources in byte ranges.

    Each range of ids or of a table gets a task of its own. A large source that cannot be divided is a stream.

    Args:
        has_split_points: whether documents can be divided; between documents and lines it is always possible.
        id_ranges: divides a source of ids.
        divide_at: the number of a source that starts a new task.
    """
    planned: list[tuple[int, Source]] = []
    size, total = 0, sum(source.size or 0 for source in sources)
    can_read_again = all(source.stamp for source in sources)
    for owner, source in enumerate(sources):
        is_text = source.kind != "ids"
        planned_ranges = plan_ranges([source], text, task_bytes, has_split_points=has_split_points)
        ranges = list(planned_ranges if is_text else id_ranges(source))
        if len(ranges) == 1 and is_stream(source, text, total, has_split_points):
            if planned:
                yield _task_sources(planned)
            yield TaskSources((source,), (owner,), is_stream=True)
            planned, size = [], 0
            continue
        has_own_tasks = len(ranges) > 1 and source.kind in ("ids", "parquet")
        for byte_range in ranges:
            is_division = planned and planned[-1][0] < divide_at <= owner
            if size >= task_bytes or is_division:
                yield _task_sources(planned)
                planned, size = [], 0
            if can_read_again and is_text and byte_range.range_bytes <= task_bytes:
                byte_range = byte_range._replace(first_line=0)  # counted only if an error needs the line
            planned.append((owner, byte_range))
            size += task_bytes if has_own_tasks else byte_range.range_bytes
    if planned:
        yield _task_sources(planned)


@dataclass(frozen=True)
class Streams(Generic[Task]):
    """How tasks of streams are divided while they are read, by the process that gives out the tasks.

    Args:
        text: how the streams are read.
        task_bytes: the least text of a range but for the last one.
        first_split_point: that of the tokenizer's split points.
        of_range: makes the task of a range from that of its stream, its sources, and its number from 0.
    """

    text: TextOptions
    task_bytes: int
    first_split_point: FirstSplitPoint
    of_range: Callable[[Task, TaskSources, int], Task]

    @contextmanager
    def divided(self, tasks: Sequence[Task], folder: str | None = None) -> Iterator[Iterable[Task]]:
        """All tasks; inside the block, the text that was read of streams and not encoded yet is in files.

        Args:
            folder: for the files; that of temporary files if it is None.

        Raises:
            GptprepError: a stream cannot be read, or changes meanwhile, or a file cannot be written.
            CorruptDataError: a stream is not what its format says.
        """
        if not any(task.sources.is_stream for task in tasks):
            yield tasks
            return
        with Spool(folder) as spool:
            yield chain.from_iterable(self._of_task(task, spool) for task in tasks)

    def _of_task(self, task: Task, spool: Spool) -> Iterator[Task]:
        if not task.sources.is_stream:
            yield task
            return
        (stream,), owners, _ = task.sources
        ranges = divide_stream(stream, self.text, self.task_bytes, self.first_split_point, spool)
        for number, byte_range in enumerate(ranges):
            yield self.of_range(task, TaskSources((byte_range,), owners), number)


def usable_workers(tasks: Iterable[HasSources], workers: int) -> int:
    """One if a task must be done in this process, because no other can read its pipe."""
    for task in tasks:
        is_pipe = any(source.size is None for source in task.sources.ranges)
        if is_pipe and not task.sources.is_stream:
            return 1
    return workers


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


def read_ranges(
    ranges: Iterable[Source],
    text: TextOptions,
    first_split_point: FirstSplitPoint,
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
    finally:
        remove_spools(exact)


def remove_spools(ranges: Iterable[Source]) -> None:
    """Remove the files with the text of some ranges, which were encoded or need not be."""
    for source in ranges:
        if source.spool:
            with suppress(FileNotFoundError):
                os.unlink(source.spool)
