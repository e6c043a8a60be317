"""How many workers to use."""

import os

from gptprep.errors import UsageError


def usable_cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def chosen_workers(workers: int | None) -> int:
    """The number of worker processes: `workers`, or one for each usable core if it is None.

    Raises:
        UsageError: `workers` is below 1.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"--workers is {workers}", fix="give 1 or more")
    return usable_cores() if workers is None else workers
