"""Tasks in threads of this process, for work that releases the GIL on data that all threads share."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from gptprep.errors import is_thread_limit
from gptprep.parallel.limits import warn_of_fewer

Task = TypeVar("Task")
Result = TypeVar("Result")


class TaskStoppedError(Exception):
    """Raised inside a task that must stop because another one failed; the caller of `run` never sees it."""


def run(
    function: Callable[[Task, Callable[[], None]], Result], tasks: Sequence[Task], workers: int
) -> list[Result]:
    """Run all tasks and return their results in task order.

    If the system refuses a thread, those that have started do all tasks, or the calling thread if none has.

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

    wanted = min(workers, len(tasks))
    with ThreadPoolExecutor(max(1, wanted)) as pool:
        threads: list[Future[None]] = []
        try:
            while len(threads) < wanted and (thread := _submitted(pool, work)):
                threads.append(thread)
            warn_of_fewer(len(threads), wanted, "threads")
            if wanted and not threads:
                work()
            wait(threads, return_when=FIRST_EXCEPTION)
        finally:  # interrupted, failed, or all done
            stopped.set()
    errors = [error for thread in threads if (error := thread.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, TaskStoppedError)):
        raise error
    return [results[number] for number in range(len(tasks))]


def _submitted(pool: ThreadPoolExecutor, work: Callable[[], Any]) -> Future[Any] | None:
    """Submit work that may be done once more; None if its thread cannot be started."""
    try:
        return pool.submit(work)
    except RuntimeError as error:
        if not is_thread_limit(error):
            raise
        return None


@contextmanager
def one_thread() -> Iterator[Callable[..., Future[Any]]]:
    """A function that submits calls to one thread; if it cannot be started, calls are made at once.

    A call that is made at once raises its error at once. At the end of the block the thread has ended.
    """
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit if _submitted(pool, int) else _call_now


def _call_now(function: Callable[..., Result], *arguments: Any) -> Future[Result]:
    future: Future[Result] = Future()
    future.set_result(function(*arguments))
    return future
