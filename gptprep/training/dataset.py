"""Windows as torch tensors: a map-style dataset over one split of a shard folder.

Shape letters: B windows of a batch, L context length.
"""

import os
from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from gptprep.errors import CorruptDataError
from gptprep.shards import verify as verification
from gptprep.shards.folder import open_shards
from gptprep.storage.files import sha256_file
from gptprep.storage.sealed import MANIFEST
from gptprep.windows.index import window_numbers

IGNORED = -100
"""The target of padding, which `torch.nn.functional.cross_entropy` leaves out of the loss."""

Pair: TypeAlias = tuple[Tensor, Tensor]
"""Inputs and targets, int64: (L,) of one window, (B, L) of several."""


class WindowDataset(Dataset[Pair]):
    """The windows of one split of a shard folder of any layout, memory-mapped.

    `dataset[i]` is one window, and -1 the last; `dataset[a:b]` and `dataset[[i, j, ...]]` are several, read
    in one gather. If windows end with their document, the targets of the padding are `IGNORED`. A dataset is
    pickled as its path, so that forked and spawned workers can use it.

    Attributes:
        fingerprint: the sha256 of the manifest, which has the sha256 of every file.

    Args:
        path: a folder that `gptprep window` wrote.
        split: "train" or "val".
        verify: read and check the whole folder first, as `gptprep verify` does. Without it the manifest and
            the size and header of every file are checked, but not the ids.

    Raises:
        GptprepError: it is not a shard folder, or has no such split.
        CorruptDataError: a file is missing, or is not what the manifest says.
    """

    def __init__(self, path: str | os.PathLike[str], split: str = "train", *, verify: bool = False) -> None:
        self.path, self.split = os.path.abspath(path), split
        if verify:
            plan = verification.plan(verification.VerifyOptions(self.path))
            verification.require_intact(verification.run(plan))
        folder = open_shards(self.path)
        self.fingerprint = sha256_file(os.path.join(self.path, MANIFEST))
        self.manifest, self._has_lengths = folder.manifest, folder.manifest.window_format.has_lengths
        self._windows = folder.windows(split)
        self._windows.check()

    def __getstate__(self) -> tuple[str, str, str]:
        return self.path, self.split, self.fingerprint

    def __setstate__(self, state: tuple[str, str, str]) -> None:
        path, split, fingerprint = state
        WindowDataset.__init__(self, path, split)
        if self.fingerprint != fingerprint:
            fix = "restart the program that reads it"
            raise CorruptDataError(f"{path} was replaced after it was opened", fix=fix)

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: SupportsIndex | slice | Sequence[int] | NDArray[Any] | Tensor) -> Pair:
        if isinstance(index, slice):
            return self._take(np.arange(*index.indices(len(self))))
        numbers = window_numbers(index, len(self), from_end=True)
        inputs, targets = self._take(np.atleast_1d(numbers))
        return (inputs, targets) if numbers.ndim else (inputs[0], targets[0])

    def __getitems__(self, indices: Sequence[int]) -> list[Pair]:
        """Several windows one by one, read in one gather: what a plain `DataLoader` calls."""
        inputs, targets = self[indices]
        return list(zip(inputs, targets, strict=True))

    def _take(self, numbers: NDArray[np.int64]) -> Pair:
        windows = self._windows.take(numbers)
        inputs, targets = (torch.from_numpy(side.astype(np.int64, copy=False)) for side in windows[:2])
        if self._has_lengths:
            lengths = torch.from_numpy(windows.lengths.astype(np.int64))
            targets[torch.arange(targets.shape[1]) >= lengths[:, None]] = IGNORED
        return inputs, targets
