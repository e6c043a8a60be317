"""Whole processes, measured from outside: their seconds, and the memory of all their processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.corpus import TOP
from benchmarks.peers import Peer

_INTERVAL = 0.05
"""Seconds between two looks at the memory."""
_MAX_LOAD = 0.03
"""Fraction of the time for looking: a look at gigabytes is slow, and the measured process needs the cores."""


class Run(NamedTuple):
    """One whole process."""

    seconds: float
    peak: int | None
    """Bytes of memory of all its processes together; None where there is no /proc."""
    n_ids: int
    """Ids in the files that it wrote."""
    cpu: float = 0.0
    """Seconds of all cores, user and system, of the process and of those that it waited for."""


def measure_in_turn(peers: dict[str, Peer], folder: Path, n_runs: int) -> dict[str, list[Run]]:
    """Run each peer once, then each again: a slow minute of the machine affects all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in peers}
    for _ in range(n_runs):
        for name, peer in peers.items():
            runs[name].append(measure(name, peer, folder))
    return runs


def measure(name: str, peer: Peer, folder: Path) -> Run:
    """Run one peer on a folder of materials, including its start-up, and remove its output."""
    output = folder / "output"
    finished = run_peer(name, folder, output)
    n_ids = count_ids(output, peer.ids, peer.itemsize)
    shutil.rmtree(output)
    return Run(finished.seconds, finished.peak, n_ids, finished.cpu)


def run_peer(name: str, folder: Path, output: Path) -> Finished:
    """Run one peer on a folder of materials, and leave its output."""
    output.mkdir()
    command = [sys.executable, "-m", "benchmarks.one", name, str(folder), str(output)]
    finished = run_process(command, folder)
    if finished.code:
        sys.exit(f"{name} failed:\n{finished.printed}")
    return finished


class Finished(NamedTuple):
    """A process that has ended."""

    code: int
    seconds: float
    cpu: float
    peak: int | None
    printed: str
    """Both streams."""


def run_process(command: list[str], folder: Path) -> Finished:
    """Run a command; what it prints goes through a file in the folder."""
    with (folder / "messages").open("wb") as messages:
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=messages, stderr=messages, cwd=TOP) as process:
            memory = _Memory(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            peak = memory.stop()
    cpu = usage.ru_utime + usage.ru_stime
    return Finished(process.returncode, seconds, cpu, peak, (folder / "messages").read_text(errors="replace"))


def count_ids(output: Path, pattern: str, itemsize: int) -> int:
    """How many ids the files that match have or count: see `_count`."""
    return sum(_count(path, itemsize) for path in output.glob(pattern))


def _count(path: Path, itemsize: int) -> int:
    """The numbers in an `.npy`, the ids in a JSON report of `gptprep count`, or raw numbers."""
    if path.suffix == ".npy":
        return int(np.load(path, "r").size)
    if path.suffix == ".json":
        return int(json.loads(path.read_bytes())["total"]["ids"][0])
    return path.stat().st_size // itemsize


class _Memory(threading.Thread):
    """Looks at the memory of a process and its descendants until `stop`."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._peak, self._stopped = pid, 0, threading.Event()
        self.start()

    def run(self) -> None:
        pause = 0.0
        while os.path.isdir("/proc/self") and not self._stopped.wait(pause):
            started = time.thread_time()
            self._peak = max(self._peak, sum(map(_pss, _tree(self._pid))))
            pause = max(_INTERVAL, (time.thread_time() - started) / _MAX_LOAD)

    def stop(self) -> int | None:
        """Stop, and return the largest sum; None if there was none."""
        self._stopped.set()
        self.join()
        return self._peak or None


def _tree(root: int) -> Iterable[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            status = Path("/proc", name, "stat").read_text()
        except OSError:  # it has ended
            continue
        parent = int(status.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(name))
    found = [root]
    for pid in found:  # grows in the loop
        found += children.get(pid, [])
    return found


def _pss(pid: int) -> int:
    """Bytes of a process's memory; a page of n processes counts as 1/n, and mapped files count."""
    try:
        lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
