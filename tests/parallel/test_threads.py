"""Tasks in threads: results in order, and all stop when one fails or the user interrupts."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from gptprep.parallel import threads

Check = Callable[[], None]


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("n_tasks", [0, 1, 20])
def test_results_come_in_task_order(workers: int, n_tasks: int) -> None:
    def task(number: int, _: Check) -> int:
        time.sleep(0.001 * (number % 3))
        return number * number

    assert threads.run(task, range(n_tasks), workers) == [number * number for number in range(n_tasks)]


@pytest.mark.parametrize("workers", [2, 3])
def test_failed_task_stops_the_others(workers: int) -> None:
    steps, before = 0, threading.active_count()

    def task(number: int, check: Check) -> None:
        nonlocal steps
        if number == 1:
            time.sleep(0.05)
            raise ValueError("the second")
        for _ in range(2000):
            steps += 1
            check()
            time.sleep(0.005)

    with pytest.raises(ValueError, match="the second"):
        threads.run(task, range(50), workers)
    assert steps < 2000
    assert threading.active_count() == before


@pytest.mark.faults
@pytest.mark.parametrize("after", [0.03, 0.3], ids=["while tasks are submitted", "later"])
def test_interrupt_stops_all_tasks(after: float) -> None:
    done = 0

    def task(_: int, check: Check) -> None:
        nonlocal done
        for _ in range(10):
            check()
            time.sleep(0.002)
        done += 1

    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        threads.run(task, range(100_000), 2)
    timer.join()
    assert done < 1000
