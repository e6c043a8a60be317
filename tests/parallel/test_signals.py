"""Deferring signals."""

from __future__ import annotations

import signal
import threading

import pytest

from gptprep.parallel.signals import deferred


@pytest.mark.faults
def test_deferred_interrupt_arrives_after_the_block() -> None:
    went_on = False
    with pytest.raises(KeyboardInterrupt), deferred():
        signal.raise_signal(signal.SIGINT)
        went_on = True
    assert went_on
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.faults
def test_deferred_interrupt_arrives_after_an_error_too() -> None:
    with pytest.raises(KeyboardInterrupt) as interrupt, deferred():
        signal.raise_signal(signal.SIGINT)
        raise ValueError
    assert isinstance(interrupt.value.__context__, ValueError)


def test_other_threads_have_no_signals_to_defer() -> None:
    entered = []

    def work() -> None:
        with deferred():
            entered.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert entered == [True]
