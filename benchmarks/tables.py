"""What was measured, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.measure import Run

MEMORY = (
    "Memory is the peak of all processes together (PSS: a page that n of them share counts as 1/n in each;\n"
    "mapped files count), looked at every 50 ms or, where a look takes long, less often."
)


def table(runs: dict[str, list[Run]], n_bytes: dict[str, int], rate: str, counted: str = "ids") -> list[str]:
    """A row a peer: the median rate, the slowest and fastest, the ratio of medians to the first, and memory.

    Args:
        n_bytes: of each peer, what its rate is of.
        rate: what that is called.
        counted: what its files hold.
    """
    first = next(iter(runs))
    lines = [
        f"| whole process | {rate} | slowest to fastest | to {first} | {counted} | memory |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    medians = {peer: statistics.median(run.seconds for run in measured) for peer, measured in runs.items()}
    for peer, measured in runs.items():
        size = n_bytes[peer] / 1e6
        rates = sorted(size / run.seconds for run in measured)
        ratio = (size / medians[peer]) / (n_bytes[first] / 1e6 / medians[first])
        lines.append(
            f"| {peer} | {size / medians[peer]:.1f} | {rates[0]:.1f} to {rates[-1]:.1f} | {ratio:.2f} "
            f"| {measured[0].n_ids:,} | {megabytes(peak_of(measured))} |"
        )
    return [*lines, "", MEMORY]


def peak_of(runs: Sequence[Run]) -> int | None:
    """The largest peak of several runs."""
    return max((run.peak for run in runs if run.peak is not None), default=None)


def megabytes(n_bytes: int | None) -> str:
    """For a cell."""
    return "not measured" if n_bytes is None else f"{n_bytes / 1e6:,.0f} MB"


def check_counts(runs: dict[str, list[Run]], slack: int) -> list[str]:
    """A line for each peer whose number of ids is more than 2 % (and `slack`) off the middle one."""
    counts = {peer: run.n_ids for peer, measured in runs.items() for run in measured}
    middle = statistics.median(counts.values())
    return [
        f"{peer}: {count:,} ids, the others about {middle:,.0f}: it has not done the same work"
        for peer, count in counts.items()
        if abs(count - middle) > middle * 0.02 + slack
    ]
