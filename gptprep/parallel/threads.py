"""Tasks in threads of this process, for work that releases the GIL on data that all threads share."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from queue import Empty, SimpleQueue
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class TaskStoppedError(Exception):
    """Raised inside a task that must stop because another one failed; the caller of `run` never sees it."""


def run(
    function: Callable[[Task, Callable[[], None]], Result], tasks: Sequence[Task], workers: int
) -> list[Result]:
    """Run all tasks and return their results in task order.

    Args:
        function: called with a task and a `check` function. It must call `check` now and then, which raises
            `TaskStoppedError` when another task has failed or the user has interrupted.
        workers: the largest number of threads.

    Raises:
        Exception: what a task raised; all threads have ended by then.
    """
    stopped, results = threading.Event(), dict[int, Result]()
    numbers: SimpleQueue[int] = SimpleQueue()
    for number in range(len(tasks)):
        numbers.put(number)

    def check() -> None:
        if stopped.is_set():
            raise TaskStoppedError

    def work() -> None:
        while True:
            check()
            try:
                number = numbers.get_nowait()
            except Empty:
                return
            results[number] = function(tasks[number], check)

    with ThreadPoolExecutor(max(1, min(workers, len(tasks)))) as pool:
        threads: list[Future[None]] = []
        try:
            threads += [pool.submit(work) for _ in range(min(workers, len(tasks)))]
            wait(threads, return_when=FIRST_EXCEPTION)
        finally:  # interrupted, failed, or all done
            stopped.set()
    errors = [error for thread in threads if (error := thread.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, TaskStoppedError)):
        raise error
    return [results[number] for number in range(len(tasks))]
