"""How time and memory grow with the corpus: gptprep and its floor on several sizes."""

from __future__ import annotations

import os
import statistics
from pathlib import Path

import numpy as np

from benchmarks.corpus import make_corpus
from benchmarks.measure import Run, measure
from benchmarks.peers import FLOOR, PEERS, asked
from benchmarks.tables import cpu_of, megabytes, peak_of

_NAMES = "gptprep window", "gptprep window --layout tokens", "gptprep encode", FLOOR
_SMALL = 0.01
"""Megabytes of the smallest corpus: enough for a window; its time is start-up."""
Runs = dict[str, list[Run]]


def scaling(folder: Path, sizes: list[float], n_runs: int, kind: str, words: list[str] | None) -> list[str]:
    """Measure each peer on each size in turn; returns a table and fitted exponents."""
    names = [name for name in asked(dict.fromkeys(_NAMES), words) if PEERS[name].is_installed]
    all_sizes = [_SMALL, *sorted(sizes)]
    for size in all_sizes:
        (folder / f"{size}").mkdir()
        make_corpus(folder / f"{size}" / "corpus.txt", int(size * 1e6), kind)
    os.sync()
    runs: dict[float, Runs] = {size: {name: [] for name in names} for size in all_sizes}
    for _ in range(n_runs):
        for size in all_sizes:
            for name in names:
                runs[size][name].append(measure(name, PEERS[name], folder / f"{size}"))
    return table({(folder / f"{size}" / "corpus.txt").stat().st_size: runs[size] for size in all_sizes})


def table(runs: dict[int, Runs]) -> list[str]:
    """Markdown: rows for each size in bytes (the smallest is start-up), then the exponents."""
    lines = [
        "| corpus | whole process | seconds | fastest to slowest | of the floor's speed | CPU s/GB "
        "| of the floor's CPU | memory |",
        "|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for n_bytes, of_size in runs.items():
        size = f"{n_bytes / 1e6:,.0f}" if n_bytes >= 1e6 else f"{n_bytes / 1e6:.2f}"
        floor = of_size.get(FLOOR)
        for name, measured in of_size.items():
            seconds = sorted(run.seconds for run in measured)
            speed = f"{_median(floor) / _median(measured):.2f}" if floor else "–"
            cpu = f"{cpu_of(measured) / cpu_of(floor):.2f}" if floor else "–"
            per_gb = f"{cpu_of(measured) / n_bytes * 1e9:.1f}" if n_bytes >= 1e6 else "–"
            memory = megabytes(peak_of(measured))
            lines.append(
                f"| {size} MB | {name} | {_median(measured):.2f} | {seconds[0]:.2f} to {seconds[-1]:.2f} "
                f"| {speed} | {per_gb} | {cpu} | {memory} |"
            )
    names = next(iter(runs.values()))
    medians = {name: {size: _median(of_size[name]) for size, of_size in runs.items()} for name in names}
    return [*lines, "", *(f"- {name}: {exponent(of_peer)}" for name, of_peer in medians.items())]


def _median(runs: list[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def exponent(medians: dict[int, float]) -> str:
    """The exponent b if seconds beyond start-up grow as bytes**b, fitted to the logarithms."""
    start_up = medians[min(medians)]
    sizes = [n_bytes for n_bytes, seconds in medians.items() if seconds > start_up]
    if len(sizes) < 2:
        return "too few sizes to fit an exponent."
    beyond = [medians[n_bytes] - start_up for n_bytes in sizes]
    slope = np.polyfit(np.log(sizes), np.log(beyond), 1)[0]
    return f"seconds beyond start-up ({start_up:.2f} s) grow as bytes**{slope:.2f}."
