"""What more cores would do: the CPU time of the process that gives out the tasks, and that of its workers.

Workers do their tasks apart, so the time that they need is divided by their number, until the process that
gives out the tasks, which there is once, needs as long. The model knows neither the disk nor the memory's
bandwidth: it says what of gptprep itself would be the limit.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.corpus import TOP, make_corpus

CORES = 16, 64, 128
_LARGE = 100.0
"""GB of text that the model is computed for."""
_SMALL = 0.5
"""Fraction of the corpus that is measured too: the difference is what the text takes, the rest start-up."""
_COMMANDS = {
    "gptprep window": ("window", "-o", "output"),
    "gptprep window --layout tokens": ("window", "-o", "output", "--layout", "tokens"),
    "gptprep encode": ("encode", "-o", "output.bin"),
    "gptprep count": ("count",),
}


class Cost(NamedTuple):
    """CPU seconds."""

    parent: float
    """Of the process that gives out the tasks."""
    workers: float


def cores(folder: Path, megabytes: float, n_runs: int, kind: str, words: list[str] | None) -> list[str]:
    """Measure each command on a corpus and a smaller one; returns a table of what follows for more cores."""
    names = [name for name in _COMMANDS if not words or any(word in name for word in words)]
    sizes = {"small.txt": int(megabytes * _SMALL * 1e6), "large.txt": int(megabytes * 1e6)}
    for corpus, n_bytes in sizes.items():
        make_corpus(folder / corpus, n_bytes, kind)
    os.sync()
    costs = {(name, corpus): list[Cost]() for name in names for corpus in sizes}
    for _ in range(n_runs):
        for (name, corpus), measured in costs.items():
            measured.append(_measure(_COMMANDS[name], corpus, folder))
    medians = {name: (_median(costs[name, "small.txt"]), _median(costs[name, "large.txt"])) for name in names}
    return table(medians, (sizes["small.txt"], sizes["large.txt"]))


def table(costs: dict[str, tuple[Cost, Cost]], sizes: tuple[int, int]) -> list[str]:
    """A row for each command, from its costs for texts of two sizes in bytes."""
    lines = [
        "| command | start-up, s | parent, CPU s/GB | workers, CPU s/GB "
        f"| {' | '.join(f'GB/s, {n} cores' for n in CORES)} |",
        f"|---|---:|---:|---:|{'---:|' * len(CORES)}",
    ]
    for name, (small, large) in costs.items():
        gigabytes = (sizes[1] - sizes[0]) / 1e9
        growth = zip(small, large, strict=True)
        parent, workers = (max(0.0, after - before) / gigabytes for before, after in growth)
        start_up = max(0.0, small.parent - parent * sizes[0] / 1e9)
        rates = [_LARGE / (start_up + _LARGE * max(parent, workers / n)) for n in CORES]
        lines.append(
            f"| {name} | {start_up:.2f} | {parent:.3f} | {workers:.2f} "
            f"| {' | '.join(f'{rate:.1f}' for rate in rates)} |"
        )
    return lines


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(numbers) for numbers in zip(*costs, strict=True)))


def _measure(arguments: tuple[str, ...], corpus: str, folder: Path) -> Cost:
    command = [sys.executable, "-m", "benchmarks.cores", str(folder), corpus, *arguments]
    printed = subprocess.run(command, cwd=TOP, stdout=subprocess.PIPE, check=True).stdout
    shutil.rmtree(folder / "output", ignore_errors=True)
    for file in folder.glob("output.*"):
        file.unlink()
    return Cost(*json.loads(printed.splitlines()[-1]))


def main(folder: str, corpus: str, verb: str, *arguments: str) -> None:
    """Run a verb in this process, and print the CPU seconds of this process and of its workers."""
    from gptprep.cli import main as gptprep

    os.chdir(folder)
    sys.argv = ["gptprep", verb, corpus, *arguments, "--quiet"]
    try:
        gptprep()
    except SystemExit as ended:
        if ended.code:
            raise
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps([usage.ru_utime + usage.ru_stime for usage in used]))


if __name__ == "__main__":
    main(*sys.argv[1:])
