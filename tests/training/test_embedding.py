"""`TokenPositionEmbedding`: the textbook identities, the seed, and devices.

Shape letters: N windows, L context length, V vocabulary size, D embedding width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gptprep import TokenPositionEmbedding
from gptprep.choices import Position
from gptprep.errors import GptprepError, UsageError
from gptprep.training.embedding import choose_device, embed_blocks, limit_threads, sinusoids
from tests.helpers.limits import refusing

V, L, D = 50, 7, 6
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

# Tables


def test_tables_are_those_of_nn_embedding_after_the_seed() -> None:
    torch.manual_seed(123)
    token, position = torch.nn.Embedding(V, D), torch.nn.Embedding(L, D)
    after = torch.get_rng_state()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    model = TokenPositionEmbedding(V, D, L, seed=123)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(model.tok_emb.weight, token.weight)
    assert torch.equal(model.pos_emb.weight, position.weight)
    torch.manual_seed(123)
    assert torch.equal(TokenPositionEmbedding(V, D, L).tok_emb.weight, token.weight)
    assert torch.equal(torch.get_rng_state(), after)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_gpt2_tables_have_the_standard_deviations_of_gpt2() -> None:
    model = TokenPositionEmbedding(2000, 50, 1000, init="gpt2", seed=1)
    assert model.tok_emb.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.pos_emb.weight.std().item() == pytest.approx(0.01, rel=0.02)


@pytest.mark.parametrize("dim", [1, 2, 5, 8])
def test_sinusoids_are_those_of_the_paper(dim: int) -> None:
    table = sinusoids(40, dim)
    for position in range(40):
        for column in range(dim):
            angle = position / 10_000 ** (2 * (column // 2) / dim)
            expected = math.cos(angle) if column % 2 else math.sin(angle)
            assert table[position, column].item() == pytest.approx(expected, abs=1e-6)


def test_sinusoids_are_not_trained() -> None:
    model = TokenPositionEmbedding(V, D, L, "sinusoidal", seed=0)
    assert [name for name, p in model.named_parameters() if p.requires_grad] == ["tok_emb.weight"]


@pytest.mark.parametrize(
    "choice", [{"n_vocab": 0}, {"dim": 0}, {"context_length": -1}, {"position": "rotary"}, {"init": "xavier"}]
)
def test_sizes_below_one_and_unknown_choices_are_refused(choice: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        TokenPositionEmbedding(**{"n_vocab": V, "dim": D, "context_length": L, **choice})


# The layer


@given(st.lists(st.lists(st.integers(0, V - 1), min_size=L, max_size=L), min_size=1, max_size=4))
@pytest.mark.parametrize("position", ["learned", "sinusoidal", "none"])
def test_lookup_equals_one_hot_times_matrix_and_a_linear_layer(
    position: Position, ids: list[list[int]]
) -> None:
    model = TokenPositionEmbedding(V, D, L, position, seed=0)
    ids_NL = torch.tensor(ids)
    one_hot_NLV = torch.nn.functional.one_hot(ids_NL, V).float()
    linear = torch.nn.Linear(V, D, bias=False)
    linear.weight = torch.nn.Parameter(model.tok_emb.weight.T)
    positions_LD = torch.zeros(L, D) if position == "none" else model.pos_emb.weight
    embeddings_NLD = model(ids_NL)
    assert torch.equal(embeddings_NLD, one_hot_NLV @ model.tok_emb.weight + positions_LD)
    assert torch.allclose(embeddings_NLD, linear(one_hot_NLV) + positions_LD)


def test_positions_are_the_same_in_every_window() -> None:
    model = TokenPositionEmbedding(V, D, L, seed=0)
    ids_NL = torch.arange(3 * L).reshape(3, L)
    positions_NLD = model(ids_NL) - model.tok_emb(ids_NL)
    for window_LD in positions_NLD:
        assert torch.allclose(window_LD, model.pos_emb.weight, atol=1e-6)
    assert torch.equal(model(ids_NL[:, :3]), model(ids_NL)[:, :3])
    assert torch.equal(model(ids_NL[0]), model(ids_NL)[0])


# Devices and blocks


def test_device_is_chosen_by_name() -> None:
    assert choose_device("cpu").type == "cpu"
    choose_device("auto")
    with pytest.raises(UsageError, match="is not a device"):
        choose_device("gpu")
    with pytest.raises(GptprepError, match="no device cuda:99") as caught:
        choose_device("cuda:99")
    assert "cpu" in caught.value.why


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])
@given(sizes=st.lists(st.integers(1, 5), max_size=6), half=st.booleans())
def test_blocks_are_embedded_one_by_one(device: str, sizes: list[int], half: bool) -> None:
    if device == "cuda":  # where no block may be larger than the first
        sizes.sort(reverse=True)
    model = TokenPositionEmbedding(V, D, L, seed=1)
    dtype = np.dtype(np.float16 if half else np.float32)
    blocks = [np.full((size, L), number, np.int64) for number, size in enumerate(sizes)]
    expected = [model(torch.from_numpy(ids)).detach().numpy().astype(dtype) for ids in blocks]
    model.to(device)
    embedded = [block.copy() for block in embed_blocks(model, iter(blocks), dtype)]
    for block, wanted in zip(embedded, expected, strict=True):
        assert block.dtype == dtype
        assert np.array_equal(block, wanted)


def test_cpu_reads_a_block_when_it_is_requested() -> None:
    read: list[int] = []

    def blocks() -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
        for number in range(3):
            read.append(number)
            yield np.full((1, L), number, np.int64)

    model = TokenPositionEmbedding(V, D, L, seed=1)
    for number, _ in enumerate(embed_blocks(model, blocks(), np.dtype(np.float32))):
        assert read == list(range(number + 1))


def test_torch_uses_one_thread_where_the_system_refuses_more() -> None:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with refusing(5):
            limit_threads()
        assert torch.get_num_threads() == 1
        torch.set_num_threads(3)
        with refusing(6):
            limit_threads()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(n_threads)
