"""The limit on processes and threads: working with fewer where the result is the same.

The system refuses new processes and threads beyond `RLIMIT_NPROC` (`ulimit -u`) or the pids limit of a
container.
"""

import os
import threading
import warnings
from contextlib import suppress

from gptprep.errors import THREAD_LIMIT, THREAD_LIMIT_NAMES, FewerWorkersWarning, thread_limit_error

_RAYON_THREADS = "RAYON_NUM_THREADS"


def warn_of_fewer(started: int, wanted: int, nouns: str) -> None:
    """Warn that fewer processes or threads than wanted do the work; the caller does it if there are none."""
    if max(1, started) < wanted:
        text = f"{max(1, started)} of {wanted} {nouns} did the work: {THREAD_LIMIT} ({THREAD_LIMIT_NAMES})"
        warnings.warn(text, FewerWorkersWarning, stacklevel=2)


def startable_threads(wanted: int) -> int:
    """How many threads can be started now, up to `wanted`.

    Call it before a library starts threads that cannot do without: OpenMP ends the process if one is refused.
    """
    done, started = threading.Event(), list[threading.Thread]()
    try:
        with suppress(RuntimeError):
            for _ in range(wanted):
                thread = threading.Thread(target=done.wait, daemon=True)
                thread.start()
                started.append(thread)
    finally:
        done.set()
        for thread in started:
            thread.join()
    return len(started)


def limit_rayon_threads(wanted: int) -> None:
    """Let rayon start as many threads as the system allows: it panics if one is refused.

    Call it before the first of them starts. The user's own `RAYON_NUM_THREADS` is not changed.

    Raises:
        GptprepError: not one can be started.
    """
    started = startable_threads(wanted)
    if not started:
        raise thread_limit_error()
    if started < wanted and _RAYON_THREADS not in os.environ:
        os.environ[_RAYON_THREADS] = str(started)
        warn_of_fewer(started, wanted, "threads")
