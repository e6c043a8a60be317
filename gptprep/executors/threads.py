"""Tasks in threads of this process: for work outside the interpreter on large data that all of them share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from queue import Empty, SimpleQueue
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Stopped(Exception):
    """What a task raises that was told to stop; never seen by the caller of `run`."""


def run(
    function: Callable[[Task, Callable[[], None]], Result], tasks: Sequence[Task], workers: int
) -> list[Result]:
    """The results of the tasks, in their order.

    Args:
        function: called with a task, and with what it has to call now and then: it raises `Stopped` when
            another task has failed or the user has interrupted.

    Raises:
        Exception: what a task raised; all others have ended then.
    """
    stopped, results = threading.Event(), dict[int, Result]()
    numbers: SimpleQueue[int] = SimpleQueue()
    for number in range(len(tasks)):
        numbers.put(number)

    def check() -> None:
        if stopped.is_set():
            raise Stopped

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
    for error in sorted(errors, key=lambda error: isinstance(error, Stopped)):
        raise error
    return [results[number] for number in range(len(tasks))]
