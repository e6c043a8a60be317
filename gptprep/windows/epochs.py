"""Which windows a training run reads in which batch: computed, so that any batch of any epoch can be told.

With a seed the order of an epoch follows from the seed and the epoch's number alone. The windows of an epoch
are divided among `world_size` processes; together they get each window once. With `drop_last` all get the
same number of batches, and the windows that do not fill them are left out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gptprep.errors import UsageError
from gptprep.windows.shuffle import hash_numbers, permute


@dataclass(frozen=True)
class Order:
    """What determines the windows of each process in each epoch."""

    shuffle: bool
    seed: int | None
    """None if the order is drawn from torch's own state."""
    drop_last: bool
    world_size: int


class EpochBatches:
    """The batches of one process in an epoch; `len()` is how many.

    Attributes:
        n_windows: how many windows all processes have together.
        batch_size: windows of a batch.
        order: what else determines them.
    """

    def __init__(self, n_windows: int, batch_size: int, order: Order, rank: int = 0) -> None:
        self.n_windows, self.batch_size, self.order, self._rank = n_windows, batch_size, order, rank
        self._count = len(range(rank, n_windows, order.world_size))
        if order.drop_last:
            self._count = n_windows // order.world_size // batch_size * batch_size

    def __len__(self) -> int:
        return -(-self._count // self.batch_size)

    def places(self, first: int, stop: int) -> NDArray[np.int64]:
        """The places in the order of the epoch that batches `first` to `stop` take."""
        start = first * self.batch_size
        own = np.arange(start, max(start, min(stop * self.batch_size, self._count)))
        return own * self.order.world_size + self._rank

    def numbers(self, places: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """The window numbers at some places of an epoch, if the order does not come from torch."""
        if not self.order.shuffle or self.order.seed is None:
            return places
        return permute(places, self.n_windows, int(hash_numbers([epoch], self.order.seed)[0]))

    def of_step(self, step: int) -> tuple[int, int, NDArray[np.int64]]:
        """The epoch, the batch in it, and the window numbers of a step; steps count batches of all epochs.

        >>> batches = EpochBatches(10, 4, Order(shuffle=False, seed=None, drop_last=True, world_size=1))
        >>> epoch, batch, numbers = batches.of_step(3)
        >>> epoch, batch, numbers.tolist()
        (1, 1, [4, 5, 6, 7])
        """
        epoch, batch = divmod(step, len(self))
        return epoch, batch, self.numbers(self.places(batch, batch + 1), epoch)


Name = Callable[[str], str]
"""What a message calls an argument of `create_dataloader`."""


def check_ranks(batch_size: int, seed: int | None, rank: int, world_size: int, name: Name = str) -> None:
    """Check the numbers that determine the batches.

    Raises:
        UsageError: one of them is out of range.
    """
    if batch_size < 1:
        raise UsageError(f"{name('batch_size')} is {batch_size}", fix="give 1 or more")
    if not 0 <= rank < world_size:
        what = f"{name('rank')} is {rank} of {name('world_size')} {world_size}"
        raise UsageError(what, fix=f"give 0 to {name('world_size')} - 1")
    if seed is not None and not 0 <= seed < 1 << 64:
        raise UsageError(f"{name('seed')} is {seed}", fix="give 0 to 2**64 - 1")


def check_batches(n_windows: int, batch_size: int, order: Order, windows: str, name: Name = str) -> None:
    """Check that each process has a batch.

    Args:
        windows: what has the windows, for the error.

    Raises:
        UsageError: there are fewer windows than a batch needs.
    """
    needed = batch_size * order.world_size if order.drop_last else order.world_size
    if n_windows < needed:
        batch = f"one batch{' for each process' if order.world_size > 1 else ''} takes {needed:,}"
        what, why = f"{windows} has too few windows", f"it has {n_windows:,}, and {batch}"
        smaller = f"give a smaller {name('batch_size')}, or {name('drop_last=False')}"
        raise UsageError(what, why, smaller if order.drop_last else "give more text")
