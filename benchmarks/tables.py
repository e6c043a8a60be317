"""What was measured, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.measure import Run

MEMORY = (
    "Memory is the peak of all processes together (PSS: a page of n processes counts as 1/n in each; mapped\n"
    "files count). It is read every 50 ms, or less often where reading it takes long."
)


def table(runs: dict[str, list[Run]], n_bytes: dict[str, int], rate: str, counted: str = "ids") -> list[str]:
    """A row for each peer: rates, the ratio of its median to that of the first peer, CPU time and memory.

    Args:
        n_bytes: the bytes that each peer's rate counts.
        rate: the name of the rate.
        counted: what the files hold.
    """
    first = next(iter(runs))
    lines = [
        f"| whole process | {rate} | slowest to fastest | to {first} | CPU s/GB | {counted} | memory |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    medians = {peer: statistics.median(run.seconds for run in measured) for peer, measured in runs.items()}
    for peer, measured in runs.items():
        size = n_bytes[peer] / 1e6
        rates = sorted(size / run.seconds for run in measured)
        ratio = (size / medians[peer]) / (n_bytes[first] / 1e6 / medians[first])
        cpu = cpu_of(measured) / size * 1e3
        lines.append(
            f"| {peer} | {size / medians[peer]:.1f} | {rates[0]:.1f} to {rates[-1]:.1f} | {ratio:.2f} "
            f"| {cpu:.1f} | {measured[0].n_ids:,} | {megabytes(peak_of(measured))} |"
        )
    return lines


def seconds_table(runs: dict[str, list[Run]], counted: str = "ids") -> list[str]:
    """A row for each peer: seconds, the ratio of their median to that of the first peer, CPU time, memory."""
    first = next(iter(runs))
    lines = [
        f"| whole process | seconds | slowest to fastest | to {first} | CPU s | {counted} | memory |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    medians = {peer: statistics.median(run.seconds for run in measured) for peer, measured in runs.items()}
    for peer, measured in runs.items():
        seconds = sorted(run.seconds for run in measured)
        ratio = medians[peer] / medians[first]
        lines.append(
            f"| {peer} | {medians[peer]:.2f} | {seconds[-1]:.2f} to {seconds[0]:.2f} | {ratio:.2f} "
            f"| {cpu_of(measured):.2f} | {measured[0].n_ids:,} | {megabytes(peak_of(measured))} |"
        )
    return lines


def cpu_of(runs: Sequence[Run]) -> float:
    """The median of the CPU seconds."""
    return statistics.median(run.cpu for run in runs)


def peak_of(runs: Sequence[Run]) -> int | None:
    """The largest peak of several runs."""
    return max((run.peak for run in runs if run.peak is not None), default=None)


def megabytes(n_bytes: int | None) -> str:
    """Bytes as text for a table."""
    return "not measured" if n_bytes is None else f"{n_bytes / 1e6:,.0f} MB"


def check_counts(runs: dict[str, list[Run]], slack: int) -> list[str]:
    """A line for each peer whose number of ids differs from the median by more than 2 % (and `slack`)."""
    counts = {peer: run.n_ids for peer, measured in runs.items() for run in measured}
    middle = statistics.median(counts.values())
    return [
        f"{peer}: {count:,} ids, the others about {middle:,.0f}: it did other work"
        for peer, count in counts.items()
        if abs(count - middle) > middle * 0.02 + slack
    ]


def check_exact(runs: dict[str, list[Run]], expected: dict[str, int]) -> list[str]:
    """A line for each run whose number of ids is not the expected one."""
    return [
        f"{peer}: {run.n_ids:,} ids, not {expected[peer]:,}: it did other work"
        for peer, measured in runs.items()
        for run in measured
        if run.n_ids != expected[peer]
    ]
