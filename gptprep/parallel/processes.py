"""Tasks in this process or in a pool of worker processes.

Results are small; data travel through files. A worker never outlives its parent: the parent kills its
workers when it is interrupted, and the system does when the parent is killed (on Linux).

The pool has no threads and no locks: a worker has all tasks, takes their numbers from a pipe that all workers
share, and answers through a pipe of its own. Whenever a worker dies, its pipe ends and the parent knows.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, NamedTuple, TypeVar, cast

from gptprep.errors import GptprepError, NoteWarning
from gptprep.parallel.limits import warn_of_fewer
from gptprep.parallel.signals import deferred
from gptprep.progress import Report, no_report

_TASKS_PER_WORKER = 8
"""Tasks that each worker may take while the first one is waited for."""
_NUMBER_BYTES = 4
"""A pipe gives and takes so few bytes as a whole."""
_REPORT_SECONDS = 0.1
"""How often a worker sends what it has done of its task."""
Task = TypeVar("Task")
Result = TypeVar("Result")


def run(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    """Yield the results of the tasks in task order; without a pool if one worker or one task is enough.

    If the system refuses a process, those that have started do all tasks, or this process if none has.

    Raises:
        GptprepError: a worker died.
        Exception: what a task raised; of several failed tasks, the first.
    """
    yield from run_reporting(_Silent(function), tasks, workers, no_report)


def run_reporting(
    function: Callable[[Task, Report], Result], tasks: Sequence[Task], workers: int, report: Report
) -> Iterator[Result]:
    """As `run`, for a function that reports what it has done of a task.

    Args:
        report: called in this process, several times a second for each worker, while a result is waited for.
            When the result of a task is there, all that it has done was reported.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from (function(task, report) for task in tasks)
        return
    pool = _Pool(function, tasks, report)
    try:
        with deferred():  # a worker must not be interrupted before it ignores signals
            started = pool.start(workers)
        warn_of_fewer(started, workers, "worker processes")
        yield from pool.results() if started else (function(task, report) for task in tasks)
    finally:
        with deferred():
            pool.kill()


@dataclass(frozen=True)
class _Silent(Generic[Task, Result]):
    """A function that reports nothing."""

    function: Callable[[Task], Result]

    def __call__(self, task: Task, _: Report) -> Result:
        return self.function(task)


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


class _Pool(Generic[Task, Result]):
    """Workers for a function and tasks; at first none."""

    def __init__(
        self, function: Callable[[Task, Report], Result], tasks: Sequence[Task], report: Report
    ) -> None:
        # A forked worker starts at once and has the tokenizer in memory already.
        self._context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self._function, self._tasks, self._report = function, tasks, report
        self._numbers: tuple[Connection, ...] = ()
        self._workers: dict[Connection, BaseProcess] = {}

    def start(self, workers: int) -> int:
        """Start workers; returns how many the system allows."""
        self._numbers = self._context.Pipe(duplex=False)
        for _ in range(workers):
            answers, theirs = self._context.Pipe(duplex=False)
            arguments = os.getpid(), self._numbers[0], theirs, self._function, self._tasks
            worker = self._context.Process(target=_work, args=arguments, daemon=True)
            try:
                with warnings.catch_warnings():  # Python warns about a fork beside threads of libraries
                    warnings.simplefilter("ignore", DeprecationWarning)
                    worker.start()
            except BlockingIOError:
                answers.close()
                break
            finally:
                theirs.close()  # only the worker has it: the pipe ends when the worker dies
            self._workers[answers] = worker
        return len(self._workers)

    def results(self) -> Iterator[Result]:
        """Results in task order. Few tasks are ahead, so that no worker waits and few results are in memory.

        Raises:
            GptprepError: a worker died.
        """
        answers: dict[int, _Answer] = {}
        ahead, n_given = _TASKS_PER_WORKER * len(self._workers), 0
        for number in range(len(self._tasks)):
            while n_given < min(number + ahead, len(self._tasks)):
                os.write(self._numbers[1].fileno(), n_given.to_bytes(_NUMBER_BYTES, "big"))
                n_given += 1
            while number not in answers:
                answers.update((answer.number, answer) for answer in self._received())
            answer = answers.pop(number)
            if answer.error is not None:
                raise answer.error from _WorkerTraceback(answer.traceback)
            yield answer.result

    def _received(self) -> Iterator[_Answer]:
        """Wait until at least one worker sends something; give the answers, and report the rest."""
        for pipe in wait(list(self._workers)):
            try:
                received: _Answer | _Done = cast(Connection, pipe).recv()
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                why = "the system may have run out of memory"
                raise GptprepError("a worker process died", why, "give fewer --workers") from error
            if isinstance(received, _Done):
                self._report(*received)
            else:
                yield received

    def kill(self) -> None:
        """Kill the workers; all results are in, or nobody wants them."""
        for worker in self._workers.values():
            worker.kill()
        for worker in self._workers.values():
            worker.join()
        for pipe in (*self._numbers, *self._workers):
            pipe.close()


def _work(
    parent: int,
    numbers: Connection,
    answers: Connection,
    function: Callable[[Task, Report], Result],
    tasks: Sequence[Task],
) -> None:
    """Do tasks until the parent kills this worker."""
    _start_worker(parent)
    reports = _Reports(answers)
    while data := os.read(numbers.fileno(), _NUMBER_BYTES):
        number = int.from_bytes(data, "big")
        try:
            result = function(tasks[number], reports.add)
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
