"""Fewer processes and threads than wanted: the same results, with a warning."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest

from gptprep.errors import FewerWorkersWarning, GptprepError
from gptprep.parallel import processes, threads
from gptprep.parallel.limits import limit_rayon_threads, startable_threads
from tests.helpers.limits import refusing

THREADS_2 = pytest.warns(FewerWorkersWarning, match="1 of 2 threads did the work: the limit on processes and")


@pytest.fixture(autouse=True)
def _all_threads_end() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def negative(number: int) -> int:
    if number == 1300:
        raise ValueError("thirteen")
    return -number


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_processes_that_start_do_all_tasks(allowed: int) -> None:
    with refusing(allowed), pytest.warns(FewerWorkersWarning, match=f"^{max(1, allowed)} of 3 worker proc"):
        assert list(processes.run(negative, range(100), 3)) == [-number for number in range(100)]


def test_processes_need_no_threads() -> None:
    with refusing(2), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(processes.run(negative, range(100), 2)) == [-number for number in range(100)]


@pytest.mark.parametrize("allowed", [0, 1])
def test_error_of_a_task_is_raised_when_few_processes_start(allowed: int) -> None:
    with refusing(allowed), pytest.warns(FewerWorkersWarning), pytest.raises(ValueError, match="thirteen"):
        list(processes.run(negative, [1, 1300, 2], 2))


@pytest.mark.parametrize("allowed", [0, 1])
def test_threads_that_start_do_all_tasks(allowed: int) -> None:
    def task(number: int, check: Callable[[], None]) -> int:
        refused.wait()  # a thread that is idle would be used again
        check()
        return -number

    with refusing(allowed) as refused, THREADS_2:
        assert threads.run(task, range(100), 2) == [-number for number in range(100)]


@pytest.mark.parametrize("allowed", [0, 1])
def test_error_of_a_task_is_raised_when_few_threads_start(allowed: int) -> None:
    def task(number: int, _: Callable[[], None]) -> int:
        refused.wait()
        return negative(number)

    with refusing(allowed) as refused, THREADS_2, pytest.raises(ValueError, match="thirteen"):
        threads.run(task, [1, 1300, 2], 2)


def test_no_thread_is_missed_where_one_is_enough() -> None:
    with refusing(0):
        assert threads.run(lambda number, _: number, [1], 2) == [1]


@pytest.mark.parametrize("allowed", [0, 1])
def test_one_thread_does_its_calls_in_order_or_the_caller_does(allowed: int) -> None:
    done: list[tuple[int, bool]] = []

    def call(number: int) -> int:
        done.append((number, threading.current_thread() is threading.main_thread()))
        return number

    with refusing(allowed), threads.one_thread() as submit:
        futures = [submit(call, number) for number in range(5)]
    assert [future.result() for future in futures] == list(range(5))
    assert done == [(number, not allowed) for number in range(5)]


def test_startable_threads_are_counted() -> None:
    with refusing(2):
        assert startable_threads(2) == 2
    with refusing(2):
        assert startable_threads(5) == 2


def test_rayon_starts_the_threads_that_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYON_NUM_THREADS", "7")
    with refusing(2):
        limit_rayon_threads(3)
    assert os.environ.pop("RAYON_NUM_THREADS") == "7"
    with refusing(2), pytest.warns(FewerWorkersWarning, match="2 of 3 threads"):
        limit_rayon_threads(3)
    assert os.environ["RAYON_NUM_THREADS"] == "2"
    with refusing(0), pytest.raises(GptprepError, match="cannot start a thread: the limit on processes"):
        limit_rayon_threads(3)
