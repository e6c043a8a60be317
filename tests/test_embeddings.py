"""Embeddings: the textbook identities, the seed, and what `embed` writes.

Legend: N windows, L context length, V vocabulary, D width.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from gptprep import TokenPositionEmbedding, open_shards
from gptprep.embeddings import Init, Position, choose_device, embed_blocks, sinusoids
from gptprep.errors import DamagedData, GptprepError, WrongUsage
from gptprep.pipelines.embed import EmbedOptions, plan_embed, run_embed
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.window import run_window
from gptprep.shards import ArrayWriter

V, L, D = 50, 7, 6


def test_the_tables_are_those_of_nn_embedding_under_the_seed() -> None:
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


def test_gpt2s_initialisation_is_narrower() -> None:
    model = TokenPositionEmbedding(2000, 50, 1000, init="gpt2", seed=1)
    assert model.tok_emb.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.pos_emb.weight.std().item() == pytest.approx(0.01, rel=0.02)


@given(st.lists(st.lists(st.integers(0, V - 1), min_size=L, max_size=L), min_size=1, max_size=4))
@pytest.mark.parametrize("position", ["learned", "sinusoidal", "none"])
def test_a_lookup_is_one_hot_times_matrix_is_a_linear_layer(position: Position, ids: list[list[int]]) -> None:
    model = TokenPositionEmbedding(V, D, L, position, seed=0)
    ids_NL = torch.tensor(ids)
    one_hot_NLV = torch.nn.functional.one_hot(ids_NL, V).float()
    linear = torch.nn.Linear(V, D, bias=False)
    linear.weight = torch.nn.Parameter(model.tok_emb.weight.T)
    positions_LD = torch.zeros(L, D) if position == "none" else model.pos_emb.weight
    got = model(ids_NL)
    assert torch.equal(got, one_hot_NLV @ model.tok_emb.weight + positions_LD)
    assert torch.allclose(got, linear(one_hot_NLV) + positions_LD)


def test_position_rows_repeat_in_every_window() -> None:
    model = TokenPositionEmbedding(V, D, L, seed=0)
    ids_NL = torch.arange(3 * L).reshape(3, L)
    positions_NLD = model(ids_NL) - model.tok_emb(ids_NL)
    for window_LD in positions_NLD:
        assert torch.allclose(window_LD, model.pos_emb.weight, atol=1e-6)
    assert torch.equal(model(ids_NL[:, :3]), model(ids_NL)[:, :3])
    assert torch.equal(model(ids_NL[0]), model(ids_NL)[0])


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
def test_choices_that_make_no_sense(choice: dict[str, Any]) -> None:
    with pytest.raises(WrongUsage):
        TokenPositionEmbedding(**{"n_vocab": V, "dim": D, "context_length": L, **choice})


def test_devices() -> None:
    assert choose_device("cpu").type == "cpu"
    choose_device("auto")
    with pytest.raises(WrongUsage, match="is not a device"):
        choose_device("gpu")
    with pytest.raises(GptprepError, match="no device cuda:99") as caught:
        choose_device("cuda:99")
    assert "cpu" in caught.value.why


# The pipeline


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_shards(tmp_path_factory.mktemp("embed"), L)


def make_shards(folder: Path, context_length: int) -> str:
    (folder / "a.txt").write_text("the quick brown fox jumps over the lazy dog and on " * 40)
    options = WindowOptions(
        (str(folder / "a.txt"),), str(folder / "shards"), context_length, 3, "0.2", shard_size=400
    )
    run_window(plan_window(options))
    return str(folder / "shards")


def embed(shards: str, output: Path, **choice: Any) -> Path:
    run_embed(plan_embed(EmbedOptions(shards, str(output), **{"dim": D, "device": "cpu", **choice})))
    return output


def load(output: Path, split: str = "train") -> Any:
    return np.concatenate([np.load(path) for path in sorted((output / split).iterdir())])


@pytest.mark.parametrize("position", ["learned", "sinusoidal", "none"])
@pytest.mark.parametrize("init", ["normal", "gpt2"])
def test_files_hold_what_the_model_gives(shards: str, tmp_path: Path, position: Position, init: Init) -> None:
    output = embed(shards, tmp_path / "out", position=position, init=init, seed=7, batch_size=2)
    model = TokenPositionEmbedding(50257, D, L, position, init, seed=7)
    for split in ("train", "val"):
        ids_NL = np.concatenate([inputs for inputs, _ in open_shards(shards).arrays(split)])
        expected = model(torch.from_numpy(ids_NL.astype(np.int64))).detach().numpy()
        assert np.array_equal(load(output, split), expected)
    assert {name: table.shape for name, table in load_file(output / "weights.safetensors").items()} == {
        name: table.shape for name, table in model.state_dict().items()
    }


def test_the_saved_tables_give_the_same_embeddings(shards: str, tmp_path: Path) -> None:
    output = embed(shards, tmp_path / "out", seed=3)
    model = TokenPositionEmbedding(50257, D, L)
    model.load_state_dict(load_file(output / "weights.safetensors"))
    ids_NL = np.concatenate([inputs for inputs, _ in open_shards(shards).arrays("val")])
    assert np.array_equal(
        model(torch.from_numpy(ids_NL.astype(np.int64))).detach().numpy(), load(output, "val")
    )


def test_batches_and_files_do_not_matter(
    shards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = embed(shards, tmp_path / "a")
    monkeypatch.setattr("gptprep.pipelines.embedding._FILE_BYTES", 5 * L * D * 4)
    cut = embed(shards, tmp_path / "b", batch_size=3)
    assert np.array_equal(load(whole), load(cut))
    assert len(list((cut / "train").iterdir())) > len(list((whole / "train").iterdir()))
    assert all(len(np.load(path)) <= 5 for path in (cut / "train").iterdir())


def test_limit_split_and_float16(shards: str, tmp_path: Path) -> None:
    whole = load(embed(shards, tmp_path / "a"), "val")
    output = embed(shards, tmp_path / "b", split="val", limit=5, dtype="float16")
    assert sorted(path.name for path in output.iterdir()) == ["manifest.json", "val", "weights.safetensors"]
    assert np.array_equal(load(output, "val"), whole[:5].astype(np.float16))


def test_the_manifest_tells_what_is_there(shards: str, tmp_path: Path) -> None:
    output = embed(shards, tmp_path / "out")
    manifest = json.loads((output / "manifest.json").read_text())
    files = [array for split in manifest["splits"].values() for array in split["embeddings"]]
    assert files
    for array in [*files, manifest["weights"]]:
        assert hashlib.sha256((output / array["file"]).read_bytes()).hexdigest() == array["sha256"]
    assert all(np.load(output / array["file"]).shape == tuple(array["shape"]) for array in files)


def test_the_same_run_gives_the_same_bytes(shards: str, tmp_path: Path) -> None:
    one, two = embed(shards, tmp_path / "a"), embed(shards, tmp_path / "b")
    for path in one.rglob("*.*"):
        assert path.read_bytes() == (two / path.relative_to(one)).read_bytes()


def test_ids_beyond_the_vocabulary_are_damaged_data(shards: str, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "shards"
    shutil.copytree(shards, copy)
    path = copy / "val" / "inputs-00000.npy"
    array = np.load(path)
    array[0, 0] = 60_000
    np.save(path, array)
    with pytest.raises(DamagedData, match="holds an id that is not in the vocabulary"):
        embed(str(copy), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shards"]


@pytest.mark.parametrize(
    "choice", [{"dim": 0}, {"limit": 0}, {"batch_size": 0}, {"split": "test"}, {"seed": 1 << 64}]
)
def test_options_that_make_no_sense(shards: str, tmp_path: Path, choice: dict[str, Any]) -> None:
    with pytest.raises(WrongUsage):
        embed(shards, tmp_path / "out", **choice)


def test_a_disk_that_is_too_small_is_noticed_before_the_work(
    shards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = EmbedOptions(shards, str(tmp_path / "out"), dim=D)
    windows = plan_embed(options).windows
    tables, window = (50257 + L) * D * 4, L * D * 4
    free = tables + 11 * window
    monkeypatch.setattr("gptprep.files.shutil.disk_usage", lambda _: (1 << 40, 0, free))
    with pytest.raises(GptprepError, match="not enough disk space") as caught:
        plan_embed(options)
    n_windows = sum(windows.values())
    assert caught.value.why == f"{tables + n_windows * window:,} bytes are needed and {free:,} are free"
    assert caught.value.fix == (
        f"give --dtype float16 ({tables + n_windows * window // 2:,} bytes), "
        f"--split train ({tables + windows['train'] * window:,} bytes), "
        f"--split val ({tables + windows['val'] * window:,} bytes), --limit 5 (fits) or another disk"
    )
    plan_embed(replace(options, limit=5))
    with pytest.raises(GptprepError):
        plan_embed(replace(options, limit=6))
    with pytest.raises(GptprepError) as caught:
        plan_embed(replace(options, dim=1 << 45, dtype="float16", split="val"))
    assert caught.value.fix == "give a smaller --dim or another disk"


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_threads_do_not_matter(
    shards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, dtype: str
) -> None:
    whole = embed(shards, tmp_path / "a", dtype=dtype)
    monkeypatch.setattr("gptprep.pipelines.embedding._FILE_BYTES", 3 * L * D * 4)
    monkeypatch.setattr("gptprep.pipelines.embedding.usable_cores", lambda: workers)
    n_threads = torch.get_num_threads()
    cut = embed(shards, tmp_path / "b", batch_size=2, dtype=dtype)
    assert torch.get_num_threads() == n_threads
    assert np.array_equal(load(whole), load(cut))
    assert np.array_equal(load(whole, "val"), load(cut, "val"))


def test_each_block_asks_whether_to_stop(
    shards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def run(write: Any, tasks: Any, _: int) -> Any:
        def check() -> None:
            nonlocal asked
            asked += 1

        return [write(task, check) for task in tasks]

    monkeypatch.setattr("gptprep.pipelines.embedding.threads.run", run)
    output = embed(shards, tmp_path / "out", batch_size=1)
    assert asked == len(load(output)) + len(load(output, "val"))


def test_a_full_disk_leaves_nothing(shards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_: ArrayWriter, __: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ArrayWriter, "write", write)
    with pytest.raises(GptprepError, match="No space left on device"):
        embed(shards, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_memory_bounds_the_threads(shards: str, tmp_path: Path) -> None:
    from gptprep.pipelines.embedding import _n_threads

    model = TokenPositionEmbedding(5, D, L)
    few = plan_embed(EmbedOptions(shards, str(tmp_path / "out"), dim=D, batch_size=10**7))
    many = plan_embed(EmbedOptions(shards, str(tmp_path / "out"), dim=D))
    assert _n_threads(few, model) == 1
    assert _n_threads(many, model) >= 2


@given(sizes=st.lists(st.integers(1, 5), max_size=6), half=st.booleans())
def test_blocks_overlap_without_mixing(sizes: list[int], half: bool) -> None:
    model = TokenPositionEmbedding(V, D, L, seed=1)
    dtype = np.dtype(np.float16 if half else np.float32)
    blocks = [np.full((size, L), number, np.int64) for number, size in enumerate(sizes)]
    got = [block.copy() for block in embed_blocks(model, iter(blocks), dtype)]
    for block, ids in zip(got, blocks, strict=True):
        assert np.array_equal(block, model(torch.from_numpy(ids)).detach().numpy().astype(dtype))


CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@CUDA
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_gpu_gives_the_same(
    shards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    monkeypatch.setattr("gptprep.pipelines.embedding._FILE_BYTES", 9 * L * D * 4)
    one = embed(shards, tmp_path / "cpu", dtype=dtype)
    two = embed(shards, tmp_path / "cuda", dtype=dtype, device="cuda", batch_size=2)
    assert np.abs(load(one).astype(np.float32) - load(two).astype(np.float32)).max() <= 1e-6
