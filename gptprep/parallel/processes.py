"""Tasks in this process or in a pool of worker processes.

Tasks and results are small; data travel through files. A worker never outlives its parent: the parent kills
its workers when it is interrupted, and the system does when the parent is killed (on Linux).
"""

import multiprocessing
import os
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from gptprep.errors import GptprepError
from gptprep.parallel.signals import deferred

_TASKS_PER_WORKER = 8
"""Tasks submitted ahead for each worker."""
_POLL_SECONDS = 2.0
"""How often a waiting parent looks for dead workers."""
Task = TypeVar("Task")
Result = TypeVar("Result")


def run(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    """Yield the results of the tasks in task order; without a pool if one worker or one task is enough.

    Raises:
        GptprepError: a worker died.
        Exception: what a task raised; of several failed tasks, the first.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from map(function, tasks)
        return
    # A forked worker starts at once and has the tokenizer in memory already.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with deferred():
        pool = ProcessPoolExecutor(workers, context, _start_worker, (os.getpid(),))
    try:
        yield from _results(pool, function, tasks, _TASKS_PER_WORKER * workers)
    except BrokenProcessPool as error:
        raise GptprepError(
            "a worker process died", "the system may have run out of memory", "give fewer --workers"
        ) from error
    finally:
        with deferred():
            _kill(pool)


def _kill(pool: ProcessPoolExecutor) -> None:
    """Kill the workers; all results are in.

    They are not asked to end: a worker that was killed from outside may hold a lock that another waits for.
    """
    workers = list((pool._processes or {}).values())
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.join()
    # A worker may have died while it wrote a result: without this the pool would wait for the rest of it.
    pool._result_queue._writer.close()  # type: ignore[attr-defined]
    pool.shutdown(cancel_futures=True)


def _results(
    pool: ProcessPoolExecutor, function: Callable[[Task], Result], tasks: Sequence[Task], ahead: int
) -> Iterator[Result]:
    """Results in task order; `ahead` tasks are submitted, so that no worker waits and few are in memory."""
    submitted: deque[Future[Result]] = deque()
    for task in tasks:
        # `submit` may fork a worker: it must not be interrupted before it ignores signals. Python also warns
        # about forking beside threads, but the pool's own are the only ones.
        with deferred(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            submitted.append(pool.submit(function, task))
        if len(submitted) >= ahead:
            yield _result(submitted.popleft(), pool)
    while submitted:
        yield _result(submitted.popleft(), pool)


def _result(future: Future[Result], pool: ProcessPoolExecutor) -> Result:
    """Wait for a result.

    Raises:
        BrokenProcessPool: a worker died. If it died while it wrote a result, the pool does not notice.
    """
    while True:
        try:
            return future.result(_POLL_SECONDS)
        except TimeoutError:
            if future.done():
                raise
            if any(worker.exitcode is not None for worker in list((pool._processes or {}).values())):
                raise BrokenProcessPool from None


def _start_worker(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which kills its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1  # PR_SET_PDEATHSIG in <sys/prctl.h>
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
