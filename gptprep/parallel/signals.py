"""Deferring signals where an exception would be lost or do harm."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def deferred() -> Iterator[None]:
    """Defer SIGINT and SIGTERM until the block has ended.

    Use it for blocks that must not stop half-way, and where Python code runs that cannot raise: the hooks of
    a fork drop exceptions, and C++ that calls Python ends the process. (Blocking the signals would not do:
    other threads would receive them, and Python handles all signals in the main thread.)
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python handles signals in the main thread only
        return
    received: list[int] = []
    try:
        with ExitStack() as stack:
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if callable(handler):  # otherwise it is ignored or ends the process: no exception to defer
                    stack.callback(signal.signal, number, handler)
                    signal.signal(number, lambda number, _: received.append(number))
            yield
    finally:
        for signal_number in received:
            signal.raise_signal(signal_number)
