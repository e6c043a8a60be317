"""Whether there are several tasks, where reading the next one takes time or fails."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Task = TypeVar("Task")


def look_ahead(tasks: Iterable[Task], n: int) -> tuple[int, Iterator[Task]]:
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
