"""A system that refuses processes and threads: also for root, who is exempt from `RLIMIT_NPROC`.

`python -m tests.helpers.limits ALLOWED ARGUMENTS` runs `gptprep` there, with tasks that are small.
"""

from __future__ import annotations

import errno
import multiprocessing.popen_fork
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

_START = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else "_start_new_thread"
"""What starts the threads of `threading`, since Python 3.13 and before."""


@contextmanager
def refusing(allowed: int) -> Iterator[threading.Event]:
    """Refuse processes and threads after the first `allowed`; gives an event that the first refusal sets."""
    left, refused = allowed, threading.Event()

    def counted(function: Callable[..., Any], refusal: Exception) -> Callable[..., Any]:
        def start(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            if not left:
                refused.set()
                raise refusal
            left -= 1
            return function(*arguments, **options)

        return start

    no_process = BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    refusals = (
        (threading, _START, RuntimeError("can't start new thread")),
        (multiprocessing.popen_fork.Popen, "__init__", no_process),
    )
    with ExitStack() as stack:
        for owner, name, refusal in refusals:
            stack.enter_context(patch.object(owner, name, counted(getattr(owner, name), refusal)))
        yield refused


def main() -> None:
    """Run `gptprep`."""
    from gptprep.cli import main as gptprep
    from gptprep.pipelines import encode, vocab
    from gptprep.tokens import parts
    from gptprep.units import KIB

    encode._LARGE_INPUT = parts.PART_BYTES = vocab.TASK_BYTES = 64 * KIB
    allowed, sys.argv[1:] = int(sys.argv[1]), sys.argv[2:]
    with refusing(allowed):
        gptprep()


if __name__ == "__main__":
    main()
