"""Tasks in worker processes: their order, their errors, and workers that die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import struct
import sys
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from gptprep.errors import GptprepError, NoteWarning
from gptprep.parallel import processes
from gptprep.progress import Report
from tests.helpers.cli import start, wait_for


def double(number: int) -> int:
    if number == 13:
        raise GptprepError("thirteen")
    if number == 666:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_tasks(workers: int) -> None:
    assert list(processes.run(double, list(range(10)), workers)) == list(range(0, 20, 2))
    assert list(processes.run(double, [], workers)) == []


def reporting(number: int, report: Report) -> int:
    """Report a task in ten parts."""
    for _ in range(10):
        report(number, 2 * number, 1)
    return number


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_all_that_a_task_did_is_reported_before_its_result(workers: int) -> None:
    seen, n_reported = [0, 0, 0], list[int]()

    def add(*amounts: int) -> None:
        seen[:] = [a + b for a, b in zip(seen, amounts, strict=True)]

    for number in processes.run_reporting(reporting, range(1, 30), workers, add):
        n_reported.append(seen[0])
        assert seen[0] >= 10 * sum(range(number + 1))
    assert seen == [10 * sum(range(30)), 20 * sum(range(30)), 290]


def slow(_: int, report: Report) -> None:
    """Report until the parent is interrupted."""
    while True:
        report(1)


def test_reports_come_during_a_task() -> None:
    calls = list[int]()

    def add(*amounts: int) -> None:
        calls.append(amounts[0])
        if len(calls) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(processes.run_reporting(slow, [1, 2], 2, add))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_error_of_a_task_is_raised(workers: int) -> None:
    with pytest.raises(GptprepError, match="thirteen"):
        list(processes.run(double, [1, 13, 2], workers))


def shown_notes(number: int) -> int:
    with warnings.catch_warnings(record=True) as shown:
        for _ in range(number):
            warnings.warn("as the parent has said", NoteWarning, stacklevel=1)
    return len(shown)


@pytest.mark.filterwarnings("always::gptprep.errors.NoteWarning")
def test_workers_do_not_repeat_notes() -> None:
    assert list(processes.run(shown_notes, [1, 2, 3], 2)) == [0, 0, 0]


@pytest.mark.faults
def test_worker_that_dies_is_an_error() -> None:
    with pytest.raises(GptprepError, match="a worker process died"):
        list(processes.run(double, [1, 666, 2, 3], 2))


def die_while_answering(number: int) -> int:
    """Kill the worker when half of its answer is in the pipe."""
    if number:
        time.sleep(600)
    answers: Connection = sys._getframe(2).f_locals["answers"]
    os.write(answers.fileno(), struct.pack("!i", 1_000) + b"half")
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.faults
def test_worker_that_dies_while_it_answers_is_an_error() -> None:
    with pytest.raises(GptprepError, match="a worker process died"):
        list(processes.run(die_while_answering, [0, 1], 2))


class UnsendableError(Exception):
    """An error that cannot be received: its arguments are not its attributes."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def fail(number: int) -> int:
    raise UnsendableError(number, number)


def test_error_that_cannot_be_sent_is_described() -> None:
    with pytest.raises(RuntimeError, match="UnsendableError in a worker: 1 and 1") as error:
        list(processes.run(fail, [1, 2], 2))
    assert "in fail" in str(error.value.__cause__)


def test_large_results_and_many_tasks_do_not_block() -> None:
    results = list(processes.run(bytes, [300_000] * 60, 3))
    assert [len(result) for result in results] == [300_000] * 60


def test_workers_end_when_the_caller_stops() -> None:
    results = processes.run(double, range(1000), 2)
    assert next(results) == 0
    assert len(multiprocessing.active_children()) == 2
    results.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


# Workers whose parent ends


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two parts that take tiktoken a second each."""
    path = tmp_path_factory.mktemp("processes") / "a.txt"
    letters = np.random.default_rng(0).integers(97, 123, 30_000_000, np.uint8)
    letters[letters == ord("q")] = ord(" ")
    path.write_bytes(letters.tobytes())
    return path


def children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(child) for child in listed.split()]


def is_running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_no_worker_outlives_its_parent(tmp_path: Path, text: Path, sent: signal.Signals, code: int) -> None:
    command = ("window", str(text), "-o", "s", "--workers", "2", "--engine", "tiktoken")
    with start(tmp_path, *command) as process:
        parts = tmp_path / "s.partial" / "parts"
        while len(list(parts.glob("*.new"))) < 2:  # both workers are encoding
            wait_for(parts, process)
        workers = children(process.pid)
        process.send_signal(sent)
        process.communicate()
    assert len(workers) == 2
    assert process.returncode == code
    for _ in range(500):
        if not any(map(is_running, workers)):
            break
        time.sleep(0.01)
    assert not any(map(is_running, workers))
    assert not (tmp_path / "s").exists()
