"""Token + position embeddings of windows of 1,024 ids, width 768: gptprep, a plain loop, and the disk itself.

Whole processes are measured, so the start of torch counts. `dd` writes as many zeros.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import CONTEXT_LENGTH, Peer, gptprep

DIM = 768
N_VOCAB = 50257
_BATCH = 8
_WINDOW_BYTES = CONTEXT_LENGTH * DIM * 4


def prepare_embedding(folder: Path, n_windows: int) -> None:
    """Write shards of some windows; the ids are distributed as words are."""
    ids = np.random.default_rng(0).zipf(1.2, n_windows * CONTEXT_LENGTH + 1) % N_VOCAB
    ids.astype("<u2").tofile(folder / "ids.bin")
    command = [sys.executable, "-m", "gptprep", "window", "ids.bin", "-T", "gpt2", "-o", "shards", "--quiet"]
    subprocess.run([*command, "-L", str(CONTEXT_LENGTH)], cwd=folder, check=True)
    os.sync()


def _inputs(folder: Path) -> NDArray[np.uint16]:
    inputs: NDArray[np.uint16] = np.load(folder / "shards" / "train" / "inputs-00000.npy", "r")
    return inputs


def _gptprep(folder: Path, output: Path) -> None:
    gptprep("embed", folder / "shards", "-o", output / "embeddings", "--dim", str(DIM), "--device", "cpu")


def _plain(folder: Path, output: Path, flush: bool) -> None:
    """Batches through two `nn.Embedding` layers, each saved with `np.save`."""
    import torch

    torch.manual_seed(0)
    token, position = torch.nn.Embedding(N_VOCAB, DIM), torch.nn.Embedding(CONTEXT_LENGTH, DIM)
    inputs = _inputs(folder)
    with torch.no_grad():
        for first in range(0, len(inputs), _BATCH):
            ids = torch.from_numpy(inputs[first : first + _BATCH].astype(np.int64))
            embeddings = token(ids) + position(torch.arange(CONTEXT_LENGTH))
            with (output / f"{first:06d}.npy").open("wb") as file:
                np.save(file, embeddings.numpy())
                if flush:
                    file.flush()
                    os.fsync(file.fileno())


def _dd(folder: Path, output: Path, flag: str) -> None:
    n_windows = len(_inputs(folder))
    count = n_windows * _WINDOW_BYTES >> 20
    command = ["dd", "if=/dev/zero", f"of={output / 'zeros.bin'}", "bs=1M", f"count={count}", flag]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


_TORCH = "torch", "torch"
EMBEDDERS = {
    "gptprep embed": Peer(_gptprep, "embeddings/*/*.npy", _TORCH),
    "plain PyTorch loop, fsync": Peer(partial(_plain, flush=True), "*.npy", _TORCH),
    "plain PyTorch loop, no fsync": Peer(partial(_plain, flush=False), "*.npy", _TORCH),
    "dd conv=fsync": Peer(partial(_dd, flag="conv=fsync"), "zeros.bin", itemsize=4),
    "dd oflag=direct": Peer(partial(_dd, flag="oflag=direct"), "zeros.bin", itemsize=4),
}
