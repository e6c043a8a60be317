"""Opening a shard folder: every file is checked against the manifest before its numbers are used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gptprep import npy
from gptprep.errors import DamagedData, WrongUsage
from gptprep.shards.manifest import ArrayFile, Manifest, read_manifest


class ShardFolder:
    """A shard folder that `gptprep window` wrote, memory-mapped on demand.

    Attributes:
        path: the folder.
        manifest: what it says of itself.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.manifest: Manifest = read_manifest(path)

    def arrays(self, split: str = "train") -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """`inputs_NL, targets_NL` of each shard of a split, read-only and memory-mapped.

        Raises:
            WrongUsage: there is no such split.
            DamagedData: a file is missing, or is not what the manifest says.
        """
        if split not in self.manifest.splits:
            raise WrongUsage(
                f"{self.path} has no split {split!r}", fix=f"it has {', '.join(self.manifest.splits)}"
            )
        for shard in self.manifest.splits[split].shards:
            yield self.array(shard.inputs), self.array(shard.targets)

    def array(self, array: ArrayFile) -> NDArray[Any]:
        """One file that the manifest names, (N, L), read-only and memory-mapped.

        Raises:
            DamagedData: it is missing, or is not what the manifest says.
        """
        path = os.path.join(self.path, array.file)
        if not os.path.isfile(path):
            raise DamagedData(f"{path} is missing", "the manifest names it", "write the shards again")
        opened = npy.open_array(path)
        if opened.shape != array.shape or opened.dtype != np.dtype(self.manifest.dtype):
            raise DamagedData(
                f"{path} is not what the manifest says",
                f"it has the shape {opened.shape} and the dtype {opened.dtype}, "
                f"not {array.shape} and {self.manifest.dtype}",
                "write the shards again",
            )
        return opened


def open_shards(path: str) -> ShardFolder:
    """Open a shard folder.

    Raises:
        GptprepError: it is not one.
        DamagedData: its manifest is damaged.
    """
    return ShardFolder(path)
