"""Token + position embeddings: the output of a GPT's first layer.

Shape letters: N windows, B windows of a block, L context length, V vocabulary size, D embedding width.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gptprep.choices import Init, Position
from gptprep.errors import GptprepError, UsageError
from gptprep.parallel.limits import startable_threads

_STANDARD_DEVIATIONS: dict[Init, tuple[float, float]] = {"normal": (1.0, 1.0), "gpt2": (0.02, 0.01)}
"""For the token and the position table. 0.02 and 0.01 are those of OpenAI's GPT-2 (`src/model.py`)."""


class TokenPositionEmbedding(nn.Module):
    """Token embedding + position embedding.

    The tables are those of `nn.Embedding(V, D)` and then `nn.Embedding(L, D)` after
    `torch.manual_seed(seed)`; without a seed torch's own state is used. They are made on the CPU, so that
    every device gets the same numbers.

    Args:
        n_vocab: V.
        dim: D.
        context_length: L, the longest window.
        position: a learned table, the sinusoids of "Attention Is All You Need" (section 3.5), or none.
        init: "normal" is N(0, 1), as `nn.Embedding`; "gpt2" is N(0, 0.02^2) and N(0, 0.01^2).
        seed: for the tables; torch's global state does not change.

    Raises:
        UsageError: a size is below 1, or a choice is unknown.
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
        self.position: Position = position
        token_deviation, position_deviation = _STANDARD_DEVIATIONS[init]
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        self.tok_emb = _random(n_vocab, dim, token_deviation, generator)
        if position == "learned":
            self.pos_emb = _random(context_length, dim, position_deviation, generator)
        if position == "sinusoidal":
            self.pos_emb = _embedding(sinusoids(context_length, dim), trained=False)

    @classmethod
    def from_tables(cls, token_VD: torch.Tensor, position: torch.Tensor | int | None = None) -> Self:
        """A layer with these tables, which are not copied: training the layer changes them.

        Args:
            token_VD: the token table, float32.
            position: the position table, (L, D) float32; or the context length, for sinusoids; or None.

        Raises:
            UsageError: they are not tables, or their widths differ.
        """
        model = cls.__new__(cls)
        nn.Module.__init__(model)
        model.tok_emb = _embedding(token_VD)
        dim = token_VD.shape[1]
        if isinstance(position, torch.Tensor):
            if position.shape[1:] != (dim,):
                what = f"a position table of shape {tuple(position.shape)} does not have the width {dim:,}"
                raise UsageError(what, fix="give the position table that belongs to the token table")
            model.position, model.pos_emb = "learned", _embedding(position)
        elif position is not None:
            model.position, model.pos_emb = "sinusoidal", _embedding(sinusoids(position, dim), trained=False)
        else:
            model.position = "none"
        return model

    def forward(self, ids_NL: torch.Tensor) -> torch.Tensor:
        """Embed ids of shape `(N, L)` or `(L,)`; returns `(N, L, D)` or `(L, D)`.

        Raises:
            UsageError: L is larger than the context length.
        """
        embeddings: torch.Tensor = self.tok_emb(ids_NL)
        if self.position == "none":
            return embeddings
        length, longest = ids_NL.shape[-1], self.pos_emb.num_embeddings
        if length > longest:
            what = f"a window of {length:,} ids is longer than the context length, {longest:,}"
            raise UsageError(what, fix=f"give at most {longest} ids")
        embeddings += self.pos_emb.weight[:length]  # in place: it was made by this call
        return embeddings


def _check(n_vocab: int, dim: int, context_length: int, position: str, init: str) -> None:
    sizes = {"vocabulary": n_vocab, "embedding width": dim, "context length": context_length}
    for name, value in sizes.items():
        if value < 1:
            raise UsageError(f"the {name} is {value}", fix="give a number of 1 or more")
    for name, choice, choices in (("position", position, Position), ("init", init, Init)):
        if choice not in get_args(choices):
            raise UsageError(f"there is no {name} {choice!r}", fix=f"choose {', '.join(get_args(choices))}")


def _random(rows: int, dim: int, deviation: float, generator: torch.Generator | None) -> nn.Embedding:
    """A table as `nn.Embedding` fills it: `normal_` on the CPU."""
    table = torch.empty(rows, dim, device="cpu", dtype=torch.float32).normal_(generator=generator)
    return _embedding(table.mul_(deviation))


def _embedding(table: torch.Tensor, *, trained: bool = True) -> nn.Embedding:
    embedding: nn.Embedding = nn.Embedding.from_pretrained(table, freeze=not trained)  # type: ignore[no-untyped-call]
    return embedding


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
    """The device for `auto` (cuda, else mps, else cpu), `cpu`, `cuda`, `cuda:1` or `mps`.

    Raises:
        UsageError: it is not such a name.
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
        fix = "choose auto, cpu, cuda, cuda:0, ... or mps"
        raise UsageError(f"{name!r} is not a device", fix=fix) from error
    if name not in there and not (name == "cuda" and there[0].startswith("cuda")):
        what, why = f"this machine has no device {name}", f"torch {torch.__version__} sees {', '.join(there)}"
        raise GptprepError(what, why, "choose one of those, or auto")
    return device


def limit_threads() -> None:
    """Let torch use one thread if the system refuses more: OpenMP would end the process."""
    wanted = (
        2 * torch.get_num_threads()
    )  # it starts them for each thread that computes: for this, and a writer
    if startable_threads(wanted) < wanted:
        torch.set_num_threads(1)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let torch use one thread, for a caller that has several."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def embed_blocks(
    model: TokenPositionEmbedding, blocks: Iterable[NDArray[np.int64]], dtype: np.dtype[Any]
) -> Iterator[NDArray[Any]]:
    """Embed blocks of ids, (B, L); yields (B, L, D), computed in float32 and then converted to `dtype`.

    On a GPU a block is computed and copied while the caller works on the one before it, so an array is valid
    until the next one is requested. No block may be larger than the first.
    """
    wanted = torch.float16 if dtype == np.float16 else torch.float32
    device = model.tok_emb.weight.device
    if device.type != "cuda":
        for block in blocks:
            with torch.inference_mode():
                embeddings: NDArray[Any] = model(torch.from_numpy(block).to(device)).to(wanted).cpu().numpy()
            yield embeddings
        return
    launch, pending = _CudaLauncher(model, wanted), None
    for block in blocks:
        launched = launch(torch.from_numpy(block))
        if pending:
            yield pending()
        pending = launched
    if pending:
        yield pending()


class _CudaLauncher:
    """Starts a block; returns a function that waits for it.

    It computes on its own CUDA stream and copies to two pinned buffers in turn, without waiting.
    """

    def __init__(self, model: TokenPositionEmbedding, dtype: torch.dtype) -> None:
        self._model, self._dtype, self._device = model, dtype, model.tok_emb.weight.device
        self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._stream.wait_stream(torch.cuda.current_stream(self._device))  # the tables were copied on it
        self._buffers: list[torch.Tensor] = []
        self._turn = 0

    def __call__(self, ids_BL: torch.Tensor) -> Callable[[], NDArray[Any]]:
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            embeddings = self._model(ids_BL.pin_memory().to(self._device, non_blocking=True)).to(self._dtype)
            while len(self._buffers) < 2:
                self._buffers.append(torch.empty(embeddings.shape, dtype=self._dtype, pin_memory=True))
            buffer = self._buffers[self._turn][: len(embeddings)]
            buffer.copy_(embeddings, non_blocking=True)
            copied = self._stream.record_event()
        self._turn = 1 - self._turn

        def wait() -> NDArray[Any]:
            copied.synchronize()
            return buffer.numpy()

        return wait
