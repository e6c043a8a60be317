"""Overlapping windows from a file of ids: how fast they are written, beside the fastest way that we know.

Windows of stride L/8 take sixteen times as much space as the ids: this measures the disk and memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from benchmarks.peers import CONTEXT_LENGTH, Peer, gptprep

STRIDE = CONTEXT_LENGTH // 8
_BLOCK_ROWS = 1000


def prepare_ids(folder: Path) -> None:
    """Encode the corpus to `ids.bin`, before anything is timed."""
    command = [sys.executable, "-m", "gptprep", "encode", "corpus.txt", "-o", "ids.bin", "--quiet"]
    subprocess.run(command, cwd=folder, check=True)
    os.sync()


def _window(folder: Path, output: Path) -> None:
    sizes = "-L", str(CONTEXT_LENGTH), "-S", str(STRIDE)
    gptprep("window", folder / "ids.bin", "-o", output / "shards", *sizes)


def _gather(folder: Path, output: Path, flush: bool) -> None:
    """Gather blocks of rows from mapped ids, in one thread for each of the two files, without hashing."""
    ids = np.memmap(folder / "ids.bin", np.uint16, "r")
    n_windows = len(range(0, len(ids) - CONTEXT_LENGTH, STRIDE))

    def write(name: str, shift: int) -> None:
        windows = sliding_window_view(ids[shift:], CONTEXT_LENGTH)[::STRIDE][:n_windows]
        _write_rows(output / name, windows, flush)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ("inputs.npy", "targets.npy"), (0, 1)))


def _write_rows(path: Path, windows: NDArray[np.uint16], flush: bool) -> None:
    described = {"descr": windows.dtype.str, "fortran_order": False, "shape": windows.shape}
    with path.open("wb", buffering=0) as file:
        np.lib.format.write_array_header_1_0(file, described)
        for first in range(0, len(windows), _BLOCK_ROWS):
            left = np.ascontiguousarray(windows[first : first + _BLOCK_ROWS]).data.cast("B")
            while left:
                left = left[file.write(left) :]
        if flush:
            os.fsync(file.fileno())


STRIDES = {
    "gptprep window, from ids": Peer(_window, "shards/*/*.npy"),
    "gather and write, fsync": Peer(partial(_gather, flush=True), "*.npy"),
    "gather and write, no fsync": Peer(partial(_gather, flush=False), "*.npy"),
}
