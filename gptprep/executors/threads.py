"""Tasks in threads of this process: for work outside the interpreter on large data that all of them share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
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
    stopped = threading.Event()

    def check() -> None:
        if stopped.is_set():
            raise Stopped

    with ThreadPoolExecutor(max(1, min(workers, len(tasks)))) as pool:
        futures = [pool.submit(function, task, check) for task in tasks]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:  # interrupted, failed, or all done
            stopped.set()
            pool.shutdown(cancel_futures=True)
    for future in futures:
        if not future.cancelled() and (error := future.exception()) and not isinstance(error, Stopped):
            raise error
    return [future.result() for future in futures]
