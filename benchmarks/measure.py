"""Whole processes, measured from outside: their seconds, and the memory of all that they start."""

from __future__ import annotations

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

_EVERY = 0.05
"""Seconds between two looks at the memory."""
_SHARE = 0.03
"""Of the time at most, for looking: a look at gigabytes is slow, and what is measured needs the cores."""


class Run(NamedTuple):
    """One whole process."""

    seconds: float
    peak: int | None
    """Bytes of memory, of all its processes together; `None` where there is no /proc."""
    n_ids: int
    """In the files that it wrote."""


def measure_in_turn(peers: dict[str, Peer], folder: Path, n_runs: int) -> dict[str, list[Run]]:
    """Each peer once, then each again: so a slow minute of the machine hits all."""
    runs: dict[str, list[Run]] = {name: [] for name in peers}
    for _ in range(n_runs):
        for name, peer in peers.items():
            runs[name].append(measure(name, peer, folder))
    return runs


def measure(name: str, peer: Peer, folder: Path) -> Run:
    """Run one peer on a folder of materials, start-up included, and take its output away again."""
    output = folder / "output"
    output.mkdir()
    with (folder / "messages").open("wb") as messages:
        command = [sys.executable, "-m", "benchmarks.one", name, str(folder), str(output)]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=messages, stderr=messages, cwd=TOP) as process:
            memory = _Memory(process.pid)
            code = process.wait()
            seconds = time.perf_counter() - started
            peak = memory.stop()
    if code:
        sys.exit(f"{name} failed:\n{(folder / 'messages').read_text()}")
    n_ids = count_ids(output, peer.ids, peer.itemsize)
    shutil.rmtree(output)
    return Run(seconds, peak, n_ids)


def count_ids(output: Path, pattern: str, itemsize: int) -> int:
    """The numbers in the files that match: `.npy`, or raw ones of so many bytes."""
    paths = output.glob(pattern)
    return sum(np.load(p, "r").size if p.suffix == ".npy" else p.stat().st_size // itemsize for p in paths)


class _Memory(threading.Thread):
    """Looks at a process and its descendants until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._peak, self._stopped = pid, 0, threading.Event()
        self.start()

    def run(self) -> None:
        pause = 0.0
        while os.path.isdir("/proc/self") and not self._stopped.wait(pause):
            started = time.thread_time()
            self._peak = max(self._peak, sum(map(_pss, _tree(self._pid))))
            pause = max(_EVERY, (time.thread_time() - started) / _SHARE)

    def stop(self) -> int | None:
        """The largest sum that was seen."""
        self._stopped.set()
        self.join()
        return self._peak or None


def _tree(root: int) -> Iterable[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            status = Path("/proc", name, "stat").read_text()
        except OSError:  # it has ended meanwhile
            continue
        parent = int(status.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(name))
    found = [root]
    for pid in found:  # grows on the way
        found += children.get(pid, [])
    return found


def _pss(pid: int) -> int:
    """Bytes of a process's memory, a page that n processes share counted as 1/n; mapped files count."""
    try:
        lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
