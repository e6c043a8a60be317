"""How fast windows are read: batches of 32 random windows of 1,024 ids, as int64 tensors.

Each reader runs in its own process, which times it after a warm-up: start-up does not count.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.corpus import TOP
from benchmarks.peers import CONTEXT_LENGTH

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 32
SECONDS = float(os.environ.get("READING_SECONDS", "2"))
"""Time of each run, after a quarter of it for warming up."""

Batches = Iterator["tuple[Tensor, Tensor]"]


class Reader(NamedTuple):
    """One way to read.

    Args:
        batches: called with a folder of materials; yields batches without end.
        needs: modules that it needs; pip has the same names.
    """

    batches: Callable[[Path], Batches]
    needs: tuple[str, ...] = ("torch",)

    @property
    def is_installed(self) -> bool:
        """Whether it can run here."""
        return all(find_spec(name) for name in self.needs)


def prepare_reading(folder: Path) -> None:
    """Write `ids.bin` as shards of both layouts and as many small shards, and a dataset of tokbin."""
    for name, *options in (
        ("pairs", "--layout", "pairs"),
        ("tokens", "--layout", "tokens"),
        ("many", "--shard-size", "200KB"),
    ):
        command = [sys.executable, "-m", "gptprep", "window", "ids.bin", "-q", "-L", str(CONTEXT_LENGTH)]
        subprocess.run([*command, "-o", name, *options], cwd=folder, check=True)
    if find_spec("tokbin") and (folder / "gpt2").exists():
        from tokbin import Dataset, jsonl

        Dataset(folder / "tokbin").write(
            "corpus", jsonl(folder / "documents"), folder / "gpt2" / "tokenizer.json"
        )


def _create_dataloader(folder: Path, layout: str, seed: int | None = None) -> Batches:
    from gptprep import create_dataloader

    loader = create_dataloader(folder / layout, BATCH, seed=seed)
    while True:
        yield from loader


def _window_dataset(folder: Path) -> Batches:
    from torch.utils.data import DataLoader

    from gptprep import WindowDataset

    loader = DataLoader(WindowDataset(folder / "pairs"), BATCH, shuffle=True, drop_last=True)
    while True:
        yield from loader


def _nanogpt(folder: Path) -> Batches:
    """Its `get_batch`: maps the file for each batch, and takes the windows one by one."""
    import torch

    while True:
        data = np.memmap(folder / "ids.bin", np.uint16, "r")
        starts = torch.randint(len(data) - CONTEXT_LENGTH, (BATCH,))
        sides = (
            [torch.from_numpy(data[s + shift : s + shift + CONTEXT_LENGTH].astype(np.int64)) for s in starts]
            for shift in (0, 1)
        )
        inputs, targets = map(torch.stack, sides)
        yield inputs, targets


def _tokbin(folder: Path) -> Batches:
    """Its `WindowDataset` through a `DataLoader`: windows of one more id give inputs and targets."""
    from tokbin import read_source
    from tokbin.adapters.torch import WindowDataset
    from torch.utils.data import DataLoader

    dataset = WindowDataset(
        read_source(folder / "tokbin" / "corpus"), CONTEXT_LENGTH + 1, stride=CONTEXT_LENGTH
    )
    loader = DataLoader(dataset, BATCH, shuffle=True, drop_last=True)  # type: ignore[arg-type, var-annotated]
    while True:
        for windows in loader:
            yield windows[:, :-1], windows[:, 1:]


def _the_book(folder: Path) -> Batches:
    """GPTDatasetV1's lists of tensors in memory, through a `DataLoader`."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    ids = torch.from_numpy(np.fromfile(folder / "ids.bin", np.uint16).astype(np.int64))
    starts = range(0, len(ids) - CONTEXT_LENGTH, CONTEXT_LENGTH)
    inputs = [ids[start : start + CONTEXT_LENGTH].clone() for start in starts]
    targets = [ids[start + 1 : start + CONTEXT_LENGTH + 1].clone() for start in starts]

    class GPTDataset(Dataset["tuple[Tensor, Tensor]"]):
        def __len__(self) -> int:
            return len(inputs)

        def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
            return inputs[index], targets[index]

    loader = DataLoader(GPTDataset(), BATCH, shuffle=True, drop_last=True)
    while True:
        yield from loader


READERS = {
    "gptprep create_dataloader": Reader(partial(_create_dataloader, layout="pairs")),
    "gptprep create_dataloader, seed": Reader(partial(_create_dataloader, layout="pairs", seed=0)),
    "gptprep create_dataloader, --layout tokens": Reader(partial(_create_dataloader, layout="tokens")),
    "gptprep create_dataloader, small shards": Reader(partial(_create_dataloader, layout="many")),
    "gptprep WindowDataset, plain DataLoader": Reader(_window_dataset),
    "nanoGPT get_batch": Reader(_nanogpt),
    "tokbin WindowDataset, DataLoader": Reader(_tokbin, ("torch", "tokbin")),
    "the book's GPTDatasetV1, in memory": Reader(_the_book),
}


def rate(batches: Batches, seconds: float) -> float:
    """Measure windows per second."""
    until = time.perf_counter() + seconds / 4
    while time.perf_counter() < until:
        next(batches)
    count, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        inputs, targets = next(batches)
        count += 1
    if inputs.shape != (BATCH, CONTEXT_LENGTH) or inputs.shape != targets.shape:
        raise ValueError(f"batches of shape {tuple(inputs.shape)}")
    return count * BATCH / passed


def measure_readers(readers: dict[str, Reader], folder: Path, n_runs: int) -> dict[str, list[float]]:
    """Run each reader in turn, then each again; gives windows per second."""
    rates: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(n_runs):
        for name, measured in rates.items():
            command = [sys.executable, "-m", "benchmarks.reading", name, str(folder)]
            measured.append(
                float(subprocess.run(command, cwd=TOP, check=True, stdout=subprocess.PIPE).stdout)
            )
    return rates


def table(rates: dict[str, list[float]]) -> list[str]:
    """A row for each reader: median, slowest and fastest, and how many times as fast the first reader is."""
    first = next(iter(rates))
    first_rate = statistics.median(rates[first])
    lines = [
        f"| batches of 32 windows of 1,024, int64 | windows/s | slowest to fastest | {first} is |",
        "|---|---:|---:|---:|",
    ]
    for name, measured in rates.items():
        median, extremes = statistics.median(measured), f"{min(measured):,.0f} to {max(measured):,.0f}"
        lines.append(f"| {name} | {median:,.0f} | {extremes} | {first_rate / median:.1f} × |")
    return lines


if __name__ == "__main__":
    print(rate(READERS[sys.argv[1]].batches(Path(sys.argv[2])), SECONDS))
