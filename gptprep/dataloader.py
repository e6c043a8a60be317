"""The book's `create_dataloader` over shards: shuffled, shared between processes, going on after a stop.

The book: Raschka, "Build a Large Language Model (From Scratch)", section 2.6, `create_dataloader_v1`.

Legend: B windows of a batch, L context length.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from gptprep import shuffling
from gptprep.dataset import Pair, WindowDataset
from gptprep.errors import WrongUsage
from gptprep.files import MANIFEST, sha256_file

_AT_A_TIME = 8192
"""Windows whose numbers are computed together: one by one, that would take longer than reading them."""


class WindowSampler(Sampler[list[int]]):
    """The numbers of the windows of each batch of an epoch: in order, or shuffled anew for each epoch.

    With a seed the order of an epoch follows from the seed and the epoch's number alone
    (`shuffling.permute`), and no table of it is held. Without, it is the one that `RandomSampler` draws from
    torch's own state: the book's.

    Each of `world_size` processes gets its share of an epoch; together they get every window once. With
    `drop_last` all get as many batches, and what does not fill them is left out.

    Attributes:
        epoch: the next or present one, from 0.
        first: the batch that it begins with.
        drawn: the seed drawn from torch's state for this epoch.
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
        self.epoch = self.first = 0
        self.drawn: int | None = None

    def __len__(self) -> int:
        return -(-self._share // self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = self._drawn_order() if self._shuffle and self._seed is None else None
        step = self._batch_size * max(1, _AT_A_TIME // self._batch_size)
        for begin in range(self.first * self._batch_size, self._share, step):
            places = np.arange(begin, min(begin + step, self._share))
            numbers = self._numbers(places * self._world_size + self._rank, order).tolist()
            for first in range(0, len(numbers), self._batch_size):
                yield numbers[first : first + self._batch_size]

    def _numbers(self, places: NDArray[np.int64], order: Tensor | None) -> NDArray[np.int64]:
        """The windows at some places of the present epoch."""
        if order is not None:
            numbers: NDArray[np.int64] = order[places].numpy()
            return numbers
        if self._shuffle and self._seed is not None:
            epoch_seed = int(shuffling.hash_numbers([self.epoch], self._seed)[0])
            return shuffling.permute(places, self._n, epoch_seed)
        return places

    def _drawn_order(self) -> Tensor:
        if self.drawn is None:
            self.drawn = int(torch.empty((), dtype=torch.int64).random_().item())
        return torch.randperm(self._n, generator=torch.Generator().manual_seed(self.drawn))


class WindowLoader(DataLoader[Pair]):
    """A `DataLoader` whose batches are read in one gather each, and that can go on after a stop.

    `state_dict` and `load_state_dict` have the shape of torchdata's StatefulDataLoader: batches count when
    they are handed out, whatever workers have read ahead. Each `iter()` is an epoch; one that was broken
    off is not taken up again unless its state is loaded.
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
        self._given, self._begun = 0, False

    def __iter__(self) -> Iterator[Pair]:  # type: ignore[override]
        if self._begun:
            self._next_epoch()
        self._begun, self._given = True, self._batches.first
        return self._counted(super().__iter__())

    def _counted(self, batches: Iterator[Pair]) -> Iterator[Pair]:
        for batch in batches:
            self._given += 1
            yield batch
        self._next_epoch()

    def _next_epoch(self) -> None:
        self._batches.epoch, self._batches.first, self._batches.drawn = self._batches.epoch + 1, 0, None
        self._given, self._begun = 0, False

    def state_dict(self) -> dict[str, Any]:
        """Where the next batch stands, as plain numbers and texts."""
        return {
            "epoch": self._batches.epoch,
            "batches": self._given,
            "drawn": self._batches.drawn,
            "order": dict(self._order),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next iteration go on with the exact batch that was next when the state was taken.

        Raises:
            WrongUsage: it is the state of a loader of other windows, or of another order.
        """
        try:
            epoch, batches = operator.index(state_dict["epoch"]), operator.index(state_dict["batches"])
            drawn, order = state_dict["drawn"], dict(state_dict["order"])
        except (KeyError, TypeError, ValueError) as error:
            raise WrongUsage("this is not the state of a loader of windows", str(error)) from error
        if order != self._order:
            other = [
                f"{key} is {self._order[key]}, was {order.get(key)}"
                for key in self._order
                if self._order[key] != order.get(key)
            ]
            raise WrongUsage(
                "the state is of another loader",
                "; ".join(other),
                "make the loader as the one that was stopped",
            )
        if epoch < 0 or not 0 <= batches <= len(self._batches):
            raise WrongUsage(f"the state is of batch {batches} of {len(self._batches)}, epoch {epoch}")
        self._batches.epoch, self._batches.first, self._batches.drawn = epoch, batches, drawn
        self._given, self._begun = batches, False


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
        options: more of `DataLoader`'s, such as `pin_memory`.

    Raises:
        WrongUsage: there are fewer windows than a batch needs, or an argument makes no sense.
        GptprepError, DamagedData: as `WindowDataset`.
    """
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
    dataset = WindowDataset(path, split)
    sampler = WindowSampler(
        len(dataset),
        batch_size,
        shuffle=shuffle,
        seed=seed,
        drop_last=drop_last,
        rank=rank,
        world_size=world_size,
    )
    if not len(sampler):
        raise WrongUsage(
            f"{split} of {os.fspath(path)} gives no batch",
            f"it has {len(dataset):,} windows for {world_size} times {batch_size}",
            "give a smaller batch_size, or drop_last=False",
        )
    order = {
        "manifest": sha256_file(os.path.join(dataset.path, MANIFEST)),
        "split": split,
        "batch_size": batch_size,
        "shuffle": shuffle,
        "seed": seed,
        "drop_last": drop_last,
        "world_size": world_size,
    }
    return WindowLoader(dataset, sampler, order, num_workers=num_workers, **options)
