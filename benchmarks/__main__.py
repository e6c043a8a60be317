"""`python -m benchmarks`: every peer in turn, several times, and a table of the medians."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.corpus import make_corpus
from benchmarks.peers import PEERS


class Run(NamedTuple):
    """One whole process."""

    seconds: float
    peak: int
    """Bytes of memory of its largest process."""


def measure(peer: str, corpus: Path, folder: Path) -> Run:
    """Run one peer on a corpus, start-up included."""
    code = """
import resource, subprocess, sys
code = subprocess.run([sys.executable, "-m", "benchmarks.peers", *sys.argv[1:]]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
    output = folder / "output"
    started = time.perf_counter()
    command = [sys.executable, "-c", code, peer, str(corpus), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{peer} failed:\n{done.stderr}")
    for path in folder.glob("output*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return Run(seconds, int(done.stdout.split()[-1]) * 1024)


def table(runs: dict[str, list[Run]], n_bytes: int) -> list[str]:
    """Markdown: MB/s as median (slowest to fastest), the ratio of medians to the first peer, memory."""
    lines = [
        "| whole process | MB/s | slowest to fastest | to gptprep window | memory |",
        "|---|---:|---:|---:|---:|",
    ]
    first = statistics.median(run.seconds for run in next(iter(runs.values())))
    for peer, measured in runs.items():
        median = statistics.median(run.seconds for run in measured)
        rates = [n_bytes / 1e6 / run.seconds for run in measured]
        peak = max(run.peak for run in measured)
        lines.append(
            f"| {peer} | {n_bytes / 1e6 / median:.1f} | {min(rates):.1f} to {max(rates):.1f} "
            f"| {first / median:.2f} | {peak / 1e6:,.0f} MB |"
        )
    return lines


def main() -> None:
    """Parse, measure in turn, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("corpus", nargs="?", type=Path, help="a text file; without it one is made")
    parser.add_argument(
        "--kind", choices=["prose", "code", "scripts"], default="prose", help="of the made corpus"
    )
    parser.add_argument("--megabytes", type=float, default=100.0, help="of the made corpus")
    parser.add_argument("--runs", type=int, default=5, help="of each peer")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus = options.corpus or Path(folder) / "corpus.txt"
        if not options.corpus:
            make_corpus(corpus, int(options.megabytes * 1e6), options.kind)
        n_bytes = corpus.stat().st_size
        runs: dict[str, list[Run]] = {peer: [] for peer in PEERS}
        for _ in range(options.runs):
            for peer, measured in runs.items():  # in turn, so that a slow minute of the machine hits all
                measured.append(measure(peer, corpus, Path(folder)))
    print(f"{n_bytes / 1e6:.0f} MB, {options.runs} runs, {os.cpu_count()} cores, {platform.platform()}")
    print(*table(runs, n_bytes), sep="\n")


if __name__ == "__main__":
    main()
