"""The book's `create_dataloader` over shards: shuffled, distributed over processes, and resumable.

The book: Raschka, "Build a Large Language Model (From Scratch)", section 2.6, `create_dataloader_v1`.

Shape letters: B windows of a batch, L context length.
"""

import operator
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from gptprep.errors import UsageError
from gptprep.training.dataset import Pair, WindowDataset
from gptprep.windows.epochs import EpochBatches, Order, check_batches, check_ranks

_NUMBERS_AT_A_TIME = 8192
"""Window numbers computed together: one by one, that would take longer than reading the windows."""
_FIX = "give what state_dict() returned"
_FIXED = ("batch_sampler", "collate_fn", "generator", "in_order", "sampler")
"""Options of `DataLoader` that would change the batches."""


@dataclass(eq=False)
class Epoch:
    """One pass over the windows, and its progress."""

    number: int = 0
    given: int = 0
    """Batches returned so far."""
    drawn: int | None = None
    """The seed drawn from torch's state, if the loader has none."""


class WindowSampler(Sampler[list[int]]):
    """The window numbers of each batch of an epoch: in order, or in a new random order for each epoch.

    With a seed the order of an epoch follows from the seed and the epoch's number alone (`permute`), without
    a table. Without a seed it is the order that `RandomSampler` draws from torch's own state, as in the book.

    The windows of an epoch are divided among `world_size` processes; together they get each window once. With
    `drop_last` all get the same number of batches, and the windows that do not fill them are left out.

    Attributes:
        epoch: what the next `iter()` gives, from the first batch that was not returned yet.
    """

    def __init__(self, n_windows: int, batch_size: int, order: Order, rank: int = 0) -> None:
        self._batches_of = EpochBatches(n_windows, batch_size, order, rank)
        self.epoch = Epoch()

    def __len__(self) -> int:
        return len(self._batches_of)

    def __iter__(self) -> Iterator[list[int]]:
        # The epoch is bound now: another one may start before this one ends.
        return self._batches(self.epoch, self.epoch.given)

    @property
    def draws(self) -> bool:
        """Whether the order is drawn from torch's own state."""
        return self._batches_of.order.shuffle and self._batches_of.order.seed is None

    def _batches(self, epoch: Epoch, first: int) -> Iterator[list[int]]:
        batches, order = self._batches_of, self._drawn_order(epoch) if self.draws else None
        step = max(1, _NUMBERS_AT_A_TIME // batches.batch_size)
        for batch in range(first, len(batches), step):
            places = batches.places(batch, batch + step)
            found = batches.numbers(places, epoch.number) if order is None else order[places].numpy()
            numbers = found.tolist()
            for start in range(0, len(numbers), batches.batch_size):
                yield numbers[start : start + batches.batch_size]

    def draw(self, epoch: Epoch) -> int:
        """The seed of an epoch; the first call draws it, as late as `RandomSampler` does."""
        if epoch.drawn is None:
            epoch.drawn = int(torch.empty((), dtype=torch.int64).random_().item())
        return epoch.drawn

    def _drawn_order(self, epoch: Epoch) -> Tensor:
        n_windows = self._batches_of.n_windows
        return torch.randperm(n_windows, generator=torch.Generator().manual_seed(self.draw(epoch)))


class WindowLoader(DataLoader[Pair]):
    """A `DataLoader` that reads each batch in one gather, and that can be resumed.

    `state_dict` and `load_state_dict` work like those of torchdata's StatefulDataLoader: batches count when
    they are returned, not when workers read ahead. Each `iter()` is a new epoch, also inside another one; an
    epoch that was stopped continues only if its state is loaded.
    """

    def __init__(
        self, dataset: WindowDataset, sampler: WindowSampler, order: dict[str, Any], **options: Any
    ) -> None:
        """A loader.

        Args:
            order: everything that determines the batches; a state with another order is refused.
            options: of `DataLoader`.
        """
        super().__init__(dataset, batch_size=None, sampler=sampler, collate_fn=tuple, **options)
        self._batches, self._order = sampler, order
        self._started = 0  # epochs
        self._resumed: Epoch | None = None
        self._running: list[Epoch] = []
        self._latest = Epoch()

    def __iter__(self) -> Iterator[Pair]:  # type: ignore[override]
        epoch, self._resumed = self._resumed or Epoch(self._started), None
        self._batches.epoch = epoch
        if self._running:
            self._iterator = None  # persistent workers are busy with another epoch: this one gets its own
        batches = super().__iter__()
        self._started = max(self._started, epoch.number + 1)
        self._running.append(epoch)
        return _Iteration(self, epoch, batches)

    def end(self, epoch: Epoch, *, finished: bool) -> None:
        """Note that an iteration has ended (`finished`) or was abandoned."""
        if any(running is epoch for running in self._running):
            self._running = [running for running in self._running if running is not epoch]
            self._latest = Epoch(self._started) if finished else epoch

    def state_dict(self) -> dict[str, Any]:
        """The position of the next batch of the newest iteration, as plain numbers and strings."""
        epoch = self._running[-1] if self._running else self._latest
        if self._running and self._batches.draws:
            self._batches.draw(epoch)  # not drawn before the first batch, and the state must say it
        position = {"epoch": epoch.number, "batches": epoch.given, "drawn": epoch.drawn}
        return {
            **position,
            "begun": self._started,
            "order": dict(self._order),
        }  # saved states use the key "begun"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next iteration continue with the exact batch that was next when the state was taken.

        Raises:
            UsageError: it is the state of a loader with other windows or another order.
        """
        try:
            epoch, started = _epoch_in(state_dict), operator.index(state_dict["begun"])
            order = dict(state_dict["order"])
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError("this is not the state of a window loader", str(error), _FIX) from error
        pairs = ((key, self._order.get(key), order.get(key)) for key in {**self._order, **order})
        if other := [f"{key} is {now}, was {then}" for key, now, then in pairs if now != then]:
            fix = "create the loader like the one that was stopped"
            raise UsageError("the state is of another loader", "; ".join(other), fix)
        if epoch.given > len(self._batches) or not epoch.number <= started < 1 << 62:
            raise UsageError(f"the state is of batch {epoch.given} of {len(self._batches)}", fix=_FIX)
        if self._batches.draws and epoch.given and epoch.drawn is None:
            raise UsageError("the state does not say which seed was drawn", fix=_FIX)
        self._started, self._resumed, self._latest, self._running = started, epoch, epoch, []


def _epoch_in(state: dict[str, Any]) -> Epoch:
    number, given = operator.index(state["epoch"]), operator.index(state["batches"])
    drawn = None if state["drawn"] is None else operator.index(state["drawn"])
    if number < 0 or given < 0 or not 0 <= (drawn or 0) < 1 << 63:
        raise ValueError("its numbers are not those of an epoch")
    return Epoch(number, given, drawn)


class _Iteration(Iterator[Pair]):
    """Counts the batches it returns, and tells the loader when it ends or is abandoned."""

    def __init__(self, loader: WindowLoader, epoch: Epoch, batches: Iterator[Pair]) -> None:
        self._loader, self._epoch, self._batches = loader, epoch, batches

    def __next__(self) -> Pair:
        try:
            batch = next(self._batches)
        except StopIteration:
            self._loader.end(self._epoch, finished=True)
            raise
        self._epoch.given += 1
        return batch

    def __del__(self) -> None:
        self._loader.end(self._epoch, finished=False)


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
    """The book's function over shards: batches of `(inputs, targets)`, int64, (B, L) each.

    Without a seed the batches are those of the book's loader over the same windows, from torch's own state
    (`torch.manual_seed`). With a seed they follow from it alone, for any number of windows and workers.

    Args:
        path: a folder that `gptprep window` wrote.
        batch_size: B, windows of a batch.
        shuffle: whether all windows of the split come in a new random order in each epoch.
        drop_last: leave out a last batch that is not full, so that all processes get the same number.
        num_workers: processes that read ahead; a gather is fast, so few or none are needed.
        seed: for the shuffle, 0 to 2**64 - 1.
        split: "train" or "val".
        rank: the number of this process among those that divide an epoch, from 0.
        world_size: how many there are.
        verify: read and check the whole folder first, as `gptprep verify` does.
        options: others of `DataLoader`, such as `pin_memory`, that do not change the batches.

    Raises:
        UsageError: there are fewer windows than a batch needs, or an argument is out of range.
        GptprepError, CorruptDataError: as `WindowDataset`.
    """
    batch_size, rank, world_size = map(operator.index, (batch_size, rank, world_size))
    seed = None if seed is None else operator.index(seed)
    shuffle, drop_last = bool(shuffle), bool(drop_last)
    _check(batch_size, shuffle, seed, rank, world_size, options)
    dataset = WindowDataset(path, split, verify=verify)
    order = Order(shuffle, seed, drop_last, world_size)
    check_batches(len(dataset), batch_size, order, f"{split} of {os.fspath(path)}")
    sampler = WindowSampler(len(dataset), batch_size, order, rank)
    key = {"manifest": dataset.fingerprint, "split": split, "batch_size": batch_size, **asdict(order)}
    return WindowLoader(dataset, sampler, key, num_workers=num_workers, **options)


def _check(
    batch_size: int, shuffle: bool, seed: int | None, rank: int, world_size: int, options: dict[str, Any]
) -> None:
    check_ranks(batch_size, seed, rank, world_size)
    if shuffle and world_size > 1 and seed is None:
        what = "processes that divide an epoch need the same order"
        raise UsageError(what, fix="give all of them the same seed")
    for name in _FIXED:
        if name in options:
            raise UsageError(f"{name} would change the batches", fix="create a DataLoader over WindowDataset")
