"""Putting interrupts off where they would be lost or do harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_off() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the block has ended.

    For blocks that call Python where it can pass no exception on: in the hooks of a fork it drops them, and
    C++ that calls back ends the process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are for the main thread
        return
    waiting: list[signal.Signals] = []
    handlers = {
        number: signal.signal(number, lambda number, _: waiting.append(signal.Signals(number)))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for sent in waiting:
            signal.raise_signal(sent)
