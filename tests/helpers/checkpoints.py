"""Checkpoints of other programs: files of tensors in every format that `gptprep` reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

V, P, D = 50257, 10, 12
"""GPT-2's vocabulary size, the rows of a position table, and the embedding width."""

Tensors = Mapping[str, torch.Tensor]


def _save_legacy(tensors: Tensors, path: str) -> None:
    torch.save(dict(tensors), path, _use_new_zipfile_serialization=False)


def _save_nanogpt(tensors: Tensors, path: str) -> None:
    optimizer = {"state": {0: {"step": torch.tensor(1.0)}}}
    torch.save({"model": dict(tensors), "optimizer": optimizer, "model_args": {"n_layer": 2}}, path)


_WRITERS: dict[str, Callable[[Tensors, str], None]] = {
    "a.safetensors": lambda tensors, path: save_file(dict(tensors), path),
    "a.pt": lambda tensors, path: torch.save(dict(tensors), path),
    "pytorch_model.bin": _save_legacy,
    "ckpt.pt": _save_nanogpt,
    "model_and_optimizer.pth": lambda tensors, path: torch.save({"model_state_dict": dict(tensors)}, path),
}
FILES = list(_WRITERS)
"""Names of checkpoints; each is of another format or has its tensors in another place."""


def save(tensors: Tensors, folder: Path, file: str = "a.safetensors") -> str:
    """Write tensors as the checkpoint of this name; returns its path."""
    path = str(folder / file)
    _WRITERS[file](tensors, path)
    return path


def gpt2_tables(n_vocab: int = V, n_positions: int = P) -> dict[str, torch.Tensor]:
    """Random tables by GPT-2's names, the same in each call."""
    generator = torch.Generator().manual_seed(0)
    return {
        "wte.weight": torch.randn(n_vocab, D, generator=generator),
        "wpe.weight": torch.randn(n_positions, D, generator=generator),
    }
