"""How time and memory grow with the corpus: `gptprep window` on several sizes."""

from __future__ import annotations

import os
import statistics
from pathlib import Path

import numpy as np

from benchmarks.corpus import make_corpus
from benchmarks.measure import Run, measure
from benchmarks.peers import PEERS
from benchmarks.tables import megabytes, peak_of

_PEER = "gptprep window"
_SMALL = 0.01
"""Megabytes of the smallest corpus: enough for a window; its time is start-up."""


def scaling(folder: Path, sizes: list[float], n_runs: int, kind: str) -> list[str]:
    """Measure each size in turn; returns a table and the fitted exponent."""
    runs: dict[float, list[Run]] = {size: [] for size in [_SMALL, *sorted(sizes)]}
    for size in runs:
        (folder / f"{size}").mkdir()
        make_corpus(folder / f"{size}" / "corpus.txt", int(size * 1e6), kind)
    os.sync()
    for _ in range(n_runs):
        for size, measured in runs.items():
            measured.append(measure(_PEER, PEERS[_PEER], folder / f"{size}"))
    return table({(folder / f"{size}" / "corpus.txt").stat().st_size: runs[size] for size in runs})


def table(runs: dict[int, list[Run]]) -> list[str]:
    """Markdown: a row for each size in bytes (the smallest is start-up), then the exponent."""
    lines = [
        "| corpus | seconds | fastest to slowest | MB/s beyond start-up | memory |",
        "|---:|---:|---:|---:|---:|",
    ]
    medians = {
        n_bytes: statistics.median(run.seconds for run in measured) for n_bytes, measured in runs.items()
    }
    start_up = medians[min(medians)]
    for n_bytes, measured in runs.items():
        seconds = sorted(run.seconds for run in measured)
        beyond = medians[n_bytes] - start_up
        size = f"{n_bytes / 1e6:,.0f}" if n_bytes >= 1e6 else f"{n_bytes / 1e6:.2f}"
        rate = f"{n_bytes / 1e6 / beyond:.1f}" if beyond > 0 else "–"
        lines.append(
            f"| {size} MB | {medians[n_bytes]:.2f} | {seconds[0]:.2f} to {seconds[-1]:.2f} "
            f"| {rate} | {megabytes(peak_of(measured))} |"
        )
    return [*lines, "", exponent(medians)]


def exponent(medians: dict[int, float]) -> str:
    """The exponent b if seconds beyond start-up grow as bytes**b, fitted to the logarithms."""
    start_up = medians[min(medians)]
    sizes = [n_bytes for n_bytes, seconds in medians.items() if seconds > start_up]
    if len(sizes) < 2:
        return "Too few sizes to fit an exponent."
    beyond = [medians[n_bytes] - start_up for n_bytes in sizes]
    slope = np.polyfit(np.log(sizes), np.log(beyond), 1)[0]
    return f"Seconds beyond start-up ({start_up:.2f} s) grow as bytes**{slope:.2f}."
