"""Token + position embeddings: what a GPT's first layer gives for windows of ids.

Legend: N windows, L context length, V ids in the vocabulary, D embedding width.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn

from gptprep.errors import DamagedData, GptprepError, WrongUsage
from gptprep.files import sync_file

Position = Literal["learned", "sinusoidal", "none"]
Init = Literal["normal", "gpt2"]
_STANDARD_DEVIATIONS: dict[Init, tuple[float, float]] = {"normal": (1.0, 1.0), "gpt2": (0.02, 0.01)}
"""Of the token and the position table. 0.02 and 0.01 are those of OpenAI's GPT-2 (`src/model.py`)."""


class TokenPositionEmbedding(nn.Module):
    """Token embedding + position embedding.

    The tables are those that `nn.Embedding(V, D)` and then `nn.Embedding(L, D)` give under
    `torch.manual_seed(seed)`; a seed of None takes torch's own state. They are made on the CPU, so that
    every device gets the same numbers.

    Args:
        n_vocab: V.
        dim: D.
        context_length: L, the longest window.
        position: a learned table, the sinusoids of "Attention Is All You Need" (section 3.5), or nothing.
        init: "normal" is N(0, 1), as `nn.Embedding`; "gpt2" is N(0, 0.02^2) and N(0, 0.01^2).
        seed: of the tables; torch's global state is left as it was.

    Raises:
        WrongUsage: a size is below 1, or a choice is not known.
    """

    def __init__(
        self,
        n_vocab: int,
        dim: int,
        context_length: int,
        position: Position = "learned",
        init: Init = "normal",
        seed: int | None = None,
    ) -> None:
        super().__init__()
        _check(n_vocab, dim, context_length, position, init)
        self.position = position
        token_deviation, position_deviation = _STANDARD_DEVIATIONS[init]
        with torch.no_grad(), torch.random.fork_rng(devices=[], enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            self.tok_emb = _table(n_vocab, dim, token_deviation)
            if position == "learned":
                self.pos_emb = _table(context_length, dim, position_deviation)
        if position == "sinusoidal":
            self.pos_emb = nn.Embedding(context_length, dim, device="cpu", dtype=torch.float32)
            self.pos_emb.weight.requires_grad_(False).copy_(sinusoids(context_length, dim))

    def forward(self, ids_NL: torch.Tensor) -> torch.Tensor:
        """`(N, L)` ids, or `(L,)`, to `(N, L, D)` or `(L, D)` embeddings; L up to the context length."""
        embeddings: torch.Tensor = self.tok_emb(ids_NL)
        if self.position != "none":
            embeddings = embeddings + self.pos_emb.weight[: ids_NL.shape[-1]]
        return embeddings


def _check(n_vocab: int, dim: int, context_length: int, position: str, init: str) -> None:
    for name, value in (
        ("vocabulary", n_vocab),
        ("embedding width", dim),
        ("context length", context_length),
    ):
        if value < 1:
            raise WrongUsage(f"the {name} is {value}", fix="give a number of 1 or more")
    for name, choice, choices in (("position", position, Position), ("init", init, Init)):
        if choice not in get_args(choices):
            raise WrongUsage(f"there is no {name} {choice!r}", fix=f"choose {', '.join(get_args(choices))}")


def _table(rows: int, dim: int, deviation: float) -> nn.Embedding:
    table = nn.Embedding(rows, dim, device="cpu", dtype=torch.float32)
    table.weight.mul_(deviation)
    return table


def sinusoids(context_length: int, dim: int) -> torch.Tensor:
    """The position table of "Attention Is All You Need" (Vaswani et al., 2017), section 3.5: (L, D) float32.

    Column 2i is sin(p / 10000^(2i/D)), column 2i+1 the cosine of the same angle; an odd D ends with a sine.
    """
    positions_L1 = torch.arange(context_length, dtype=torch.float64)[:, None]
    even_columns = torch.arange(0, dim, 2, dtype=torch.float64)
    angles = positions_L1 * torch.exp(even_columns * (-math.log(10_000.0) / dim))
    table_LD = torch.empty(context_length, dim, dtype=torch.float64)
    table_LD[:, 0::2] = angles.sin()
    table_LD[:, 1::2] = angles[:, : dim // 2].cos()
    return table_LD.float()


def choose_device(name: str) -> torch.device:
    """`auto` (cuda, else mps, else cpu), `cpu`, `cuda`, `cuda:1` or `mps`.

    Raises:
        WrongUsage: it is no such name.
        GptprepError: this machine does not have the device; says which it has.
    """
    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    there[:0] = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if name == "auto":
        return torch.device(there[0])
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise WrongUsage(
            f"{name!r} is not a device", fix="choose auto, cpu, cuda, cuda:0, ... or mps"
        ) from error
    if name not in there and not (name == "cuda" and there[0].startswith("cuda")):
        raise GptprepError(
            f"this machine has no device {name}",
            f"torch {torch.__version__} sees {', '.join(there)}",
            "choose one of those, or auto",
        )
    return device


def embed_blocks(
    model: TokenPositionEmbedding,
    ids_NL: NDArray[Any],
    rows: int,
    device: torch.device,
    dtype: np.dtype[Any],
    path: str,
    on_block: Callable[[NDArray[Any]], None],
) -> None:
    """Embed windows `rows` at a time; each block goes to `on_block` as (rows, L, D) in `dtype`.

    Raises:
        DamagedData: an id is not in the vocabulary; `path` says of which file.
    """
    n_vocab = model.tok_emb.num_embeddings
    kind = torch.float16 if dtype == np.float16 else torch.float32
    with torch.inference_mode():
        for first in range(0, len(ids_NL), rows):
            block = ids_NL[first : first + rows].astype(np.int64)
            if block.size and not 0 <= block.min() <= block.max() < n_vocab:
                raise DamagedData(
                    f"{path} holds an id that is not in the vocabulary",
                    f"ids up to {int(block.max())}, and the vocabulary has {n_vocab}",
                    "write the shards again",
                )
            embeddings = model(torch.from_numpy(block).to(device))
            on_block(embeddings.to(kind).cpu().numpy())


def save_weights(model: TokenPositionEmbedding, path: str) -> str:
    """Write the tables as safetensors: `tok_emb.weight` (V, D), `pos_emb.weight` (L, D). Its sha256."""
    tables = {name: table.detach().cpu().contiguous() for name, table in model.state_dict().items()}
    data = save(tables, {"position": model.position})
    with open(path, "wb") as file:
        file.write(data)
        sync_file(file)
    return hashlib.sha256(data).hexdigest()
