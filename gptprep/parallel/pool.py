"""A pool of worker processes.

Tasks and results are small; data travel through files. A worker never outlives its parent: the parent kills
its workers when it is interrupted, and the system does when the parent is killed (on Linux).

The pool has no threads and no locks: each worker takes its tasks from a pipe of its own and answers through
another. Whenever a worker dies, its pipe ends and the parent knows.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic, NamedTuple, TypeVar, cast

from gptprep.errors import GptprepError, NoteWarning
from gptprep.parallel.limits import warn_of_fewer
from gptprep.parallel.signals import deferred
from gptprep.progress import Report

_RESULTS_AHEAD = 8
"""Tasks for each worker that may be done while the first one is waited for: their results are in memory."""
_TASKS_AHEAD = 2
"""Tasks that are ready for the next idle worker. A file may be written for each."""
_CANNOT_FORK = {"obstore"}
"""Libraries with threads that a forked process does not have, and waits for."""
_REPORT_SECONDS = 0.1
"""How often a worker sends what it has done of its task."""
Task = TypeVar("Task")
Result = TypeVar("Result")


def run_in_pool(
    function: Callable[[Task, Report], Result], tasks: Iterator[Task], workers: int, report: Report
) -> Iterator[Result]:
    """Yield the results of the tasks in task order; raises as `processes.run_reporting`."""
    pool = _Pool(function, tasks, report)
    try:
        with deferred():  # a worker must not be interrupted before it ignores signals
            started = pool.start(workers)
        warn_of_fewer(started, workers, "worker processes")
        yield from pool.results() if started else (function(task, report) for task in tasks)
    finally:
        with deferred():
            pool.kill()


class _Done(NamedTuple):
    """What a worker sends during a task: the arguments of a `Report`."""

    done: int
    ids: int
    resumed: int


class _Answer(NamedTuple):
    """What a worker sends: a task's number, and its result or error."""

    number: int
    result: Any = None
    error: BaseException | None = None
    traceback: str = ""
    """Where the error was raised; it cannot be sent with the error."""


class _WorkerTraceback(Exception):  # noqa: N818  it shows where an error was raised, and is never raised itself
    """The traceback of an error in a worker, as its cause."""


@dataclass(eq=False)
class _Worker:
    """A worker process, and the pipes to and from it."""

    process: BaseProcess
    tasks: Connection
    answers: Connection


class _Pool(Generic[Task, Result]):
    """Workers for a function and tasks; at first none."""

    def __init__(
        self, function: Callable[[Task, Report], Result], tasks: Iterator[Task], report: Report
    ) -> None:
        # A forked worker starts at once and has the tokenizer in memory already.
        can_fork = sys.platform == "linux" and not _CANNOT_FORK & sys.modules.keys()
        self._context: Any = multiprocessing.get_context("fork" if can_fork else "spawn")
        self._function, self._report = function, report
        self._tasks: Iterator[Task] | None = tasks
        """None when all were taken."""
        self._ready: deque[Any] = deque()
        """Tasks that were taken and wait for a worker, with their numbers, as they are sent."""
        self._taken = 0
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, _Worker] = {}
        self._answers: dict[int, _Answer] = {}
        self._workers: list[_Worker] = []

    def start(self, workers: int) -> int:
        """Start workers; returns how many the system allows."""
        for _ in range(workers):
            theirs, tasks = self._context.Pipe(duplex=False)
            answers, their_answers = self._context.Pipe(duplex=False)
            arguments = os.getpid(), theirs, their_answers, self._function
            process = self._context.Process(target=_work, args=arguments, daemon=True)
            try:
                with warnings.catch_warnings():  # Python warns about a fork beside threads of libraries
                    warnings.simplefilter("ignore", DeprecationWarning)
                    process.start()
            except BlockingIOError:
                tasks.close()
                answers.close()
                break
            finally:  # only the worker has these: a pipe ends when the worker dies
                theirs.close()
                their_answers.close()
            self._workers.append(_Worker(process, tasks, answers))
        self._idle = list(self._workers)
        return len(self._workers)

    def results(self) -> Iterator[Result]:
        """Results in task order. Few tasks are ahead, so that no worker waits and few results are in memory.

        Raises:
            GptprepError: a worker died.
        """
        for number in count():
            while number not in self._answers:
                if not self._proceed(number):
                    return
            answer = self._answers.pop(number)
            if answer.error is None:
                yield answer.result
            elif answer.traceback:
                raise answer.error from _WorkerTraceback(answer.traceback)
            else:
                raise answer.error

    def _proceed(self, wanted: int) -> bool:
        """Do one thing to get the result of task `wanted`; False if there is no such task."""
        self._receive(timeout=0)
        while self._ready and self._idle:
            self._send(self._idle.pop(), self._ready.popleft())
        if wanted in self._answers:
            return True
        is_far_ahead = self._taken >= wanted + _RESULTS_AHEAD * len(self._workers)
        if self._tasks is not None and len(self._ready) < _TASKS_AHEAD and not is_far_ahead:
            self._take(self._tasks)
        elif self._busy:
            self._receive(timeout=None)
        else:
            return False
        return True

    def _take(self, tasks: Iterator[Task]) -> None:
        """Take the next task. An error is raised when the results of the tasks before were given."""
        try:
            self._ready.append(ForkingPickler.dumps((self._taken, next(tasks))))
        except StopIteration:
            self._tasks = None
            return
        except Exception as error:
            self._tasks = None
            self._answers[self._taken] = _Answer(self._taken, error=error)
        self._taken += 1

    def _send(self, worker: _Worker, task: Any) -> None:
        try:
            worker.tasks.send_bytes(task)
        except OSError as error:
            raise _died() from error
        self._busy[worker.answers] = worker

    def _receive(self, timeout: float | None) -> None:
        """Wait until at least one worker sends something; keep the answers, and report the rest."""
        for pipe in wait(list(self._busy), timeout):
            try:
                received: _Answer | _Done = cast(Connection, pipe).recv()
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                raise _died() from error
            if isinstance(received, _Done):
                self._report(*received)
            else:
                self._answers[received.number] = received
                self._idle.append(self._busy.pop(cast(Connection, pipe)))

    def kill(self) -> None:
        """Kill the workers; all results are in, or nobody wants them."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.tasks.close()
            worker.answers.close()


def _died() -> GptprepError:
    why = "the system may have run out of memory"
    return GptprepError("a worker process died", why, "give fewer --workers")


def _work(
    parent: int, tasks: Connection, answers: Connection, function: Callable[[Task, Report], Result]
) -> None:
    """Do tasks until the parent kills this worker."""
    _start_worker(parent)
    reports = _Reports(answers)
    while True:
        try:
            number, task = tasks.recv()
        except EOFError:  # the parent has ended
            return
        try:
            result = function(task, reports.add)
            reports.send()
            answers.send(_Answer(number, result))
        except BaseException as error:  # panics of Rust are not Exceptions
            answers.send(_failed(number, error))


class _Reports:
    """What a worker has done and not sent yet."""

    def __init__(self, answers: Connection) -> None:
        self._answers, self._next = answers, time.monotonic() + _REPORT_SECONDS
        self._done = self._ids = self._resumed = 0

    def add(self, done: int, ids: int = 0, resumed: int = 0) -> None:
        """Keep what was done, and send all that is kept if it is time to; it is a `Report`."""
        self._done += done
        self._ids += ids
        self._resumed += resumed
        if (now := time.monotonic()) >= self._next:
            self._next = now + _REPORT_SECONDS
            self.send()

    def send(self) -> None:
        """Send all that is kept. The parent reads it soon: a pipe has room for a minute of such messages."""
        if self._done or self._ids:
            self._answers.send(_Done(self._done, self._ids, self._resumed))
        self._done = self._ids = self._resumed = 0


def _failed(number: int, error: BaseException) -> _Answer:
    """The answer for an error: itself, or one that describes it if it cannot be sent and received."""
    lines = "".join(traceback.format_exception(error))
    try:
        received: object = pickle.loads(pickle.dumps(error))
    except Exception:
        received = None
    if type(received) is not type(error):
        error = RuntimeError(f"{type(error).__name__} in a worker: {error}")
    return _Answer(number, error=error, traceback=f"\n{lines}")


def _start_worker(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which kills its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    warnings.simplefilter("ignore", NoteWarning)  # the parent gives them
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1  # PR_SET_PDEATHSIG in <sys/prctl.h>
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
