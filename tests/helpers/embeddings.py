"""Folders of embeddings: made in one call, and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gptprep import open_shards
from gptprep.pipelines import embed as pipeline
from gptprep.pipelines.embed import EmbedOptions, EmbedReport


def embed(shards: Path, output: Path, **options: Any) -> EmbedReport:
    """Write the embeddings of a shard folder on the CPU; options as for `EmbedOptions`."""
    usual = {"device": "cpu"}
    return pipeline.run(pipeline.plan(EmbedOptions(str(shards), str(output), **{**usual, **options})))


def stored_embeddings(output: Path, split: str = "train") -> NDArray[Any]:
    """The embeddings in the files of a split, (N, L, D)."""
    return np.concatenate([np.load(path) for path in sorted((output / split).iterdir())])


def input_ids(shards: Path, split: str = "train") -> torch.Tensor:
    """The inputs of a split, (N, L) int64."""
    arrays = [inputs for inputs, _ in open_shards(str(shards)).arrays(split)]
    return torch.from_numpy(np.concatenate(arrays).astype(np.int64))
