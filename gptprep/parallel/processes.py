"""Tasks in this process or in a pool of worker processes. Tasks and results are small; data are in files."""

from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

from gptprep.progress import Report, no_report

Task = TypeVar("Task")
Result = TypeVar("Result")


def run(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """Yield the results of the tasks in task order; without a pool if one worker or one task is enough.

    If the system refuses a process, those that have started do all tasks, or this process if none has.

    Raises:
        GptprepError: a worker died.
        Exception: what a task raised, or the iterator of tasks; of several failed tasks, the first.
    """
    yield from run_reporting(_Silent(function), tasks, workers, no_report)


def run_reporting(
    function: Callable[[Task, Report], Result], tasks: Iterable[Task], workers: int, report: Report
) -> Iterator[Result]:
    """As `run`, for a function that reports what it has done of a task.

    Args:
        tasks: taken while workers do those before, so that reading them takes no time of its own.
        report: called in this process, several times a second for each worker, while a result is waited for.
            When the result of a task is there, all that it has done was reported.
    """
    workers = min(workers, len(tasks) if isinstance(tasks, Sized) else workers)
    n_ahead, waiting = _look_ahead(tasks, 2 if workers > 1 else 0)
    if n_ahead < 2:
        yield from (function(task, report) for task in waiting)
        return
    from gptprep.parallel.pool import run_in_pool  # importing it takes as long as encoding a short text

    yield from run_in_pool(function, waiting, workers, report)


@dataclass(frozen=True)
class _Silent(Generic[Task, Result]):
    """A function that reports nothing."""

    function: Callable[[Task], Result]

    def __call__(self, task: Task, _: Report) -> Result:
        return self.function(task)


def _look_ahead(tasks: Iterable[Task], n: int) -> tuple[int, Iterator[Task]]:
    """How many of the first `n` tasks there are, and all tasks.

    An error of the iterator counts as a task, and is raised when the tasks before it were taken.
    """
    waiting, first = iter(tasks), list[Task]()
    error: Exception | None = None
    try:
        while len(first) < n:
            first.append(next(waiting))
    except StopIteration:
        pass
    except Exception as raised:
        error = raised

    def all_tasks() -> Iterator[Task]:
        yield from first
        if error is not None:
            raise error
        yield from waiting

    return len(first) + (error is not None), all_tasks()
