"""Putting interrupts off where they would be lost or do harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def put_off() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the block has ended.

    For blocks that must not end half-way, and for those that call Python where it can pass no exception on:
    in the hooks of a fork it drops them, and C++ that calls back ends the process. (A mask of signals would
    not do: other threads would get them, and Python hands all of them to the main thread.)
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are for the main thread
        return
    waiting: list[int] = []
    try:
        with ExitStack() as stack:
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if callable(handler):  # what ends the process, or is ignored, raises nothing
                    stack.callback(signal.signal, number, handler)
                    signal.signal(number, lambda number, _: waiting.append(number))
            yield
    finally:
        for sent in waiting:
            signal.raise_signal(sent)
