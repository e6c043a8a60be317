"""The book's `create_dataloader` over shards: shuffled, shared between processes, going on after a stop.

The book: Raschka, "Build a Large Language Model (From Scratch)", section 2.6, `create_dataloader_v1`.

Legend: B windows of a batch, L context length.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from gptprep import shuffling
from gptprep.dataset import Pair, WindowDataset
from gptprep.errors import WrongUsage

_AT_A_TIME = 8192
"""Windows whose numbers are computed together: one by one, that would take longer than reading them."""
_OURS = ("batch_sampler", "collate_fn", "generator", "in_order", "sampler")
"""Options of `DataLoader` that would change which batches come."""


@dataclass(eq=False)
class Epoch:
    """One pass over the windows, and how far it is."""

    number: int = 0
    given: int = 0
    """Batches handed out."""
    drawn: int | None = None
    """The seed drawn from torch's state, where there is no other."""


class WindowSampler(Sampler[list[int]]):
    """The numbers of the windows of each batch of an epoch: in order, or shuffled anew for each epoch.

    With a seed the order of an epoch follows from the seed and the epoch's number alone
    (`shuffling.permute`), and no table of it is held. Without, it is the one that `RandomSampler` draws from
    torch's own state: the book's.

    Each of `world_size` processes gets its share of an epoch; together they get every window once. With
    `drop_last` all get as many batches, and what does not fill them is left out.

    Attributes:
        epoch: what the next `iter()` gives, from the first batch that has not been given.
    """

    def __init__(
        self,
        n_windows: int,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int | None,
        drop_last: bool,
        rank: int,
        world_size: int,
    ) -> None:
        self._n, self._batch_size, self._shuffle, self._seed = n_windows, batch_size, shuffle, seed
        self._rank, self._world_size = rank, world_size
        share = n_windows // world_size if drop_last else len(range(rank, n_windows, world_size))
        self._share = share - share % batch_size if drop_last else share
        self.epoch = Epoch()

    def __len__(self) -> int:
        return -(-self._share // self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        return self._batches(self.epoch, self.epoch.given)  # of now: another may begin before this one ends

    @property
    def draws(self) -> bool:
        """Whether the order is drawn from torch's own state."""
        return self._shuffle and self._seed is None

    def _batches(self, epoch: Epoch, first: int) -> Iterator[list[int]]:
        order = self._drawn_order(epoch) if self.draws else None
        step = self._batch_size * max(1, _AT_A_TIME // self._batch_size)
        for begin in range(first * self._batch_size, self._share, step):
            places = np.arange(begin, min(begin + step, self._share))
            numbers = self._numbers(places * self._world_size + self._rank, epoch, order).tolist()
            for start in range(0, len(numbers), self._batch_size):
                yield numbers[start : start + self._batch_size]

    def _drawn_order(self, epoch: Epoch) -> Tensor:
        if epoch.drawn is None:
            epoch.drawn = int(torch.empty((), dtype=torch.int64).random_().item())
        return torch.randperm(self._n, generator=torch.Generator().manual_seed(epoch.drawn))

    def _numbers(self, places: NDArray[np.int64], epoch: Epoch, order: Tensor | None) -> NDArray[np.int64]:
        """The windows at some places of an epoch."""
        if order is not None:
            numbers: NDArray[np.int64] = order[places].numpy()
            return numbers
        if self._shuffle and self._seed is not None:
            epoch_seed = int(shuffling.hash_numbers([epoch.number], self._seed)[0])
            return shuffling.permute(places, self._n, epoch_seed)
        return places


class WindowLoader(DataLoader[Pair]):
    """A `DataLoader` whose batches are read in one gather each, and that can go on after a stop.

    `state_dict` and `load_state_dict` have the shape of torchdata's StatefulDataLoader: batches count when
    they are handed out, whatever workers have read ahead. Each `iter()` is an epoch of its own, also within
    another; one that was broken off is not taken up again unless its state is loaded.
    """

    def __init__(
        self, dataset: WindowDataset, sampler: WindowSampler, order: dict[str, Any], **options: Any
    ) -> None:
        """A loader.

        Args:
            order: what the order of the batches follows from; a state of another order is not taken.
            options: of `DataLoader`.
        """
        super().__init__(dataset, batch_size=None, sampler=sampler, collate_fn=tuple, **options)
        self._batches, self._order = sampler, order
        self._begun = 0  # epochs
        self._resumed: Epoch | None = None
        self._running: list[Epoch] = []
        self._latest = Epoch()

    def __iter__(self) -> Iterator[Pair]:  # type: ignore[override]
        epoch, self._resumed = self._resumed or Epoch(self._begun), None
        self._batches.epoch = epoch
        if self._running:
            self._iterator = None  # persistent workers are at another epoch: this one gets its own
        batches = super().__iter__()
        self._begun = max(self._begun, epoch.number + 1)
        self._running.append(epoch)
        return _Iteration(self, epoch, batches)

    def end(self, epoch: Epoch, *, whole: bool) -> None:
        """An iteration has come to its end, or nobody has it any more."""
        if any(running is epoch for running in self._running):
            self._running = [running for running in self._running if running is not epoch]
            self._latest = Epoch(self._begun) if whole else epoch

    def state_dict(self) -> dict[str, Any]:
        """Where the next batch of the newest iteration stands, as plain numbers and texts."""
        epoch = self._running[-1] if self._running else self._latest
        return {
            "epoch": epoch.number,
            "batches": epoch.given,
            "drawn": epoch.drawn,
            "begun": self._begun,
            "order": dict(self._order),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next iteration go on with the exact batch that was next when the state was taken.

        Raises:
            WrongUsage: it is the state of a loader of other windows, or of another order.
        """
        try:
            epoch, begun = _epoch_in(state_dict), operator.index(state_dict["begun"])
            order = dict(state_dict["order"])
        except (KeyError, TypeError, ValueError) as error:
            raise WrongUsage(
                "this is not the state of a loader of windows", str(error), "give what state_dict() returned"
            ) from error
        if order != self._order:
            raise WrongUsage(
                "the state is of another loader",
                "; ".join(
                    f"{key} is {self._order.get(key)}, was {order.get(key)}"
                    for key in {**self._order, **order}
                    if self._order.get(key) != order.get(key)
                ),
                "make the loader as the one that was stopped",
            )
        if epoch.given > len(self._batches) or not epoch.number <= begun < 1 << 62:
            raise WrongUsage(
                f"the state is of batch {epoch.given} of {len(self._batches)}",
                fix="give what state_dict() returned",
            )
        if self._batches.draws and epoch.given and epoch.drawn is None:
            raise WrongUsage(
                "the state does not say which seed was drawn", fix="give what state_dict() returned"
            )
        self._begun, self._resumed, self._latest, self._running = begun, epoch, epoch, []


def _epoch_in(state: dict[str, Any]) -> Epoch:
    number, given = operator.index(state["epoch"]), operator.index(state["batches"])
    drawn = None if state["drawn"] is None else operator.index(state["drawn"])
    if number < 0 or given < 0 or not 0 <= (drawn or 0) < 1 << 63:
        raise ValueError("its numbers are not those of an epoch")
    return Epoch(number, given, drawn)


class _Iteration(Iterator[Pair]):
    """Counts what is handed out, and lets the loader know when it ends or is let go."""

    def __init__(self, loader: WindowLoader, epoch: Epoch, batches: Iterator[Pair]) -> None:
        self._loader, self._epoch, self._batches = loader, epoch, batches

    def __next__(self) -> Pair:
        try:
            batch = next(self._batches)
        except StopIteration:
            self._loader.end(self._epoch, whole=True)
            raise
        self._epoch.given += 1
        return batch

    def __del__(self) -> None:
        self._loader.end(self._epoch, whole=False)


def create_dataloader(
    path: str | os.PathLike[str],
    batch_size: int = 4,
    shuffle: bool = True,
    drop_last: bool = True,
    num_workers: int = 0,
    seed: int | None = None,
    split: str = "train",
    *,
    rank: int = 0,
    world_size: int = 1,
    verify: bool = False,
    **options: Any,
) -> WindowLoader:
    """The book's function over shards: batches of `(inputs, targets)`, int64, (B, L).

    Without a seed the batches are those of the book's loader over the same windows, from torch's own state
    (`torch.manual_seed`). With one they follow from the seed alone, for any number of windows and workers.

    Args:
        path: a folder that `gptprep window` wrote.
        batch_size: B, windows of a batch.
        shuffle: all windows of the split, anew for each epoch.
        drop_last: leave out a last batch that is not full; so that all of `world_size` get as many.
        num_workers: processes that read ahead; a gather is fast, so that few or none are needed.
        seed: of the shuffle, 0 to 2**64 - 1.
        split: "train" or "val".
        rank: which of the processes that share an epoch this one is, from 0.
        world_size: how many there are.
        verify: read and check all of the folder first, as `gptprep verify` does.
        options: more of `DataLoader`'s, such as `pin_memory`, that do not change which batches come.

    Raises:
        WrongUsage: there are fewer windows than a batch needs, or an argument makes no sense.
        GptprepError, DamagedData: as `WindowDataset`.
    """
    batch_size, rank, world_size = map(operator.index, (batch_size, rank, world_size))
    seed = None if seed is None else operator.index(seed)
    shuffle, drop_last = bool(shuffle), bool(drop_last)
    _check(batch_size, shuffle, seed, rank, world_size, options)
    dataset = WindowDataset(path, split, verify=verify)
    needed = batch_size * world_size if drop_last else world_size
    if len(dataset) < needed:
        raise WrongUsage(
            f"{split} of {os.fspath(path)} has too few windows",
            f"it has {len(dataset):,}, and one batch{' for each process' if world_size > 1 else ''} "
            f"takes {needed:,}",
            "give a smaller batch_size, or drop_last=False" if drop_last else "give more text",
        )
    sampler = WindowSampler(
        len(dataset),
        batch_size,
        shuffle=shuffle,
        seed=seed,
        drop_last=drop_last,
        rank=rank,
        world_size=world_size,
    )
    order = {
        "manifest": dataset.fingerprint,
        "split": split,
        "batch_size": batch_size,
        "shuffle": shuffle,
        "seed": seed,
        "drop_last": drop_last,
        "world_size": world_size,
    }
    return WindowLoader(dataset, sampler, order, num_workers=num_workers, **options)


def _check(
    batch_size: int, shuffle: bool, seed: int | None, rank: int, world_size: int, options: dict[str, Any]
) -> None:
    if batch_size < 1:
        raise WrongUsage(f"batch_size is {batch_size}", fix="give 1 or more")
    if not 0 <= rank < world_size:
        raise WrongUsage(f"rank is {rank} of world_size {world_size}", fix="give 0 to world_size - 1")
    if seed is not None and not 0 <= seed < 1 << 64:
        raise WrongUsage(f"seed is {seed}", fix="give 0 to 2**64 - 1")
    if shuffle and world_size > 1 and seed is None:
        raise WrongUsage(
            "processes that share an epoch need the same order", fix="give all of them the same seed"
        )
    for name in _OURS:
        if name in options:
            raise WrongUsage(
                f"{name} would change which batches come", fix="make a DataLoader over WindowDataset"
            )
