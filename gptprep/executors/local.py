"""Tasks on this machine: in this process, or in a pool of others.

Tasks and results are small; data travel through files. A worker never outlives the parent: it is
ended when the parent is interrupted, and by the system when the parent is killed (on Linux).
"""

from __future__ import annotations

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

from gptprep.errors import GptprepError, WrongUsage
from gptprep.interrupts import put_off

_AHEAD = 8
"""Tasks under way for each worker."""
_LOOK_EVERY = 2.0
"""Seconds after which workers are looked after."""
Task = TypeVar("Task")
Result = TypeVar("Result")


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def chosen_workers(workers: int | None) -> int:
    """How many processes a user wants; one a core if nothing was said.

    Raises:
        WrongUsage: fewer than one.
    """
    if workers is not None and workers < 1:
        raise WrongUsage(f"--workers is {workers}", fix="give 1 or more")
    return usable_cores() if workers is None else workers


def run(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    """The results of the tasks, in their order; in this process where one worker or one task is all there is.

    Raises:
        GptprepError: a worker died. What a task raises is raised here, first task first.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from map(function, tasks)
        return
    # A forked worker starts at once and has the tokenizer in memory already.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with put_off():
        pool = ProcessPoolExecutor(workers, context, _start_worker, (os.getpid(),))
    try:
        yield from _in_order(pool, function, tasks, _AHEAD * workers)
    except BrokenProcessPool as error:
        raise GptprepError(
            "a worker process died", "the system may have run out of memory", "give fewer --workers"
        ) from error
    finally:
        with put_off():
            _end(pool)


def _end(pool: ProcessPoolExecutor) -> None:
    """End the workers, which have nothing left to say.

    They are not asked to: one that was killed from outside may hold the lock that another one waits for.
    """
    workers = list((pool._processes or {}).values())
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.join()
    # The pool must not wait for the rest of an answer that one of them was killed in.
    pool._result_queue._writer.close()  # type: ignore[attr-defined]
    pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, function: Callable[[Task], Result], tasks: Sequence[Task], ahead: int
) -> Iterator[Result]:
    """The results in order; so many tasks are under way that no worker waits, and no more are held."""
    waiting: deque[Future[Result]] = deque()
    for task in tasks:
        # A new worker is not interrupted before it leaves that to its parent; and Python warns of forking
        # beside threads, of which the pool's own are all there are.
        with put_off(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            waiting.append(pool.submit(function, task))
        if len(waiting) >= ahead:
            yield _result(waiting.popleft(), pool)
    while waiting:
        yield _result(waiting.popleft(), pool)


def _result(future: Future[Result], pool: ProcessPoolExecutor) -> Result:
    """What a task gave.

    Raises:
        BrokenProcessPool: a worker died; if amid its answer, the pool itself would wait for the rest of it.
    """
    while True:
        try:
            return future.result(_LOOK_EVERY)
        except TimeoutError:
            if future.done():
                raise
            if any(worker.exitcode is not None for worker in list((pool._processes or {}).values())):
                raise BrokenProcessPool from None


def _start_worker(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
