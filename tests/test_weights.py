"""Tables of other people's checkpoints: found, checked against the shards, and the embeddings that they give.

Legend: N windows, L context length, V vocabulary, P position rows, D width.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gptprep import open_shards
from gptprep.errors import GptprepError, WrongUsage
from gptprep.pipelines.embed import EmbedOptions, plan_embed, run_embed
from gptprep.weights import find_tables
from tests.test_embeddings import embed, load, make_shards

V, L, P, D = 50257, 7, 10, 12


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_shards(tmp_path_factory.mktemp("weights"), L)


@pytest.fixture(scope="module")
def tables() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(V, D, generator=generator), torch.randn(P, D, generator=generator)


def expected(shards: str, token: torch.Tensor, position: torch.Tensor | None, split: str = "train") -> Any:
    """The slow way."""
    ids_NL = torch.from_numpy(
        np.concatenate([inputs for inputs, _ in open_shards(shards).arrays(split)]).astype(np.int64)
    )
    embeddings = token[ids_NL]
    return (embeddings if position is None else embeddings + position[:L]).numpy()


def test_a_gpt2_of_transformers_has_the_same_first_hidden_state(shards: str, tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(1)
    config = GPT2Config(vocab_size=V, n_positions=P, n_embd=D, n_layer=1, n_head=2)
    model = GPT2Model(config).train(False)
    model.save_pretrained(tmp_path / "gpt2")
    output = embed(shards, tmp_path / "out", dim=None, weights=str(tmp_path / "gpt2" / "model.safetensors"))
    for split in ("train", "val"):
        ids_NL = torch.from_numpy(
            np.concatenate([inputs for inputs, _ in open_shards(shards).arrays(split)]).astype(np.int64)
        )
        with torch.inference_mode():
            states = model(ids_NL, output_hidden_states=True).hidden_states
        assert np.abs(load(output, split) - states[0].numpy()).max() <= 1e-6


NAMES = [
    ("wte.weight", "wpe.weight"),
    ("transformer.wte.weight", "transformer.wpe.weight"),
    ("_orig_mod.transformer.wte.weight", "_orig_mod.transformer.wpe.weight"),
    ("tok_emb.weight", "pos_emb.weight"),
    ("module.token_embedding_table.weight", "module.position_embedding_table.weight"),
    ("wte", "wpe"),
]
WRITERS: dict[str, Callable[[dict[str, torch.Tensor], str], None]] = {
    "a.safetensors": save_file,
    "a.pt": torch.save,
    "pytorch_model.bin": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "ckpt.pt": lambda state, path: torch.save(
        {
            "model": state,
            "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}},
            "model_args": {"n_layer": 2},
        },
        path,
    ),
    "model_and_optimizer.pth": lambda state, path: torch.save({"model_state_dict": state}, path),
}


@pytest.mark.parametrize("names", NAMES, ids=lambda names: names[0])
@pytest.mark.parametrize("file", WRITERS)
def test_tables_are_found_under_the_names_in_use(
    tables: tuple[torch.Tensor, torch.Tensor], tmp_path: Path, names: tuple[str, str], file: str
) -> None:
    other = {"lm_head.weight": torch.zeros(V, D), "h.0.attn.wpe_like.weight": torch.zeros(D, D)}
    WRITERS[file]({**other, **dict(zip(names, tables, strict=True))}, str(tmp_path / file))
    found = find_tables(str(tmp_path / file))
    assert found.position is not None
    assert found.token.name.endswith(names[0])
    assert found.position.name.endswith(names[1])
    assert torch.equal(found.token.read(), tables[0])
    assert torch.equal(found.position.read(), tables[1])


@pytest.mark.parametrize("position", ["learned", "sinusoidal", "none"])
def test_embeddings_of_given_tables(
    shards: str, tables: tuple[torch.Tensor, torch.Tensor], tmp_path: Path, position: Any
) -> None:
    from gptprep.embeddings import sinusoids

    token, positions = tables
    save_file({"wte.weight": token, "wpe.weight": positions}, tmp_path / "w.safetensors")
    output = embed(
        shards, tmp_path / "out", dim=None, weights=str(tmp_path / "w.safetensors"), position=position
    )
    added = {"learned": positions, "sinusoidal": sinusoids(L, D), "none": None}[position]
    assert np.array_equal(load(output), expected(shards, token, added))
    manifest = json.loads((output / "manifest.json").read_text())
    assert (manifest["dim"], manifest["seed"], manifest["init"]) == (D, None, None)
    assert [table["name"] for table in manifest["pretrained"]] == (
        ["wte.weight", "wpe.weight"] if position == "learned" else ["wte.weight"]
    )
    saved = load_file(output / "weights.safetensors")
    assert torch.equal(saved["tok_emb.weight"], token)
    if added is not None:
        assert torch.equal(saved["pos_emb.weight"], added)
    again = embed(
        shards,
        tmp_path / "again",
        dim=None,
        weights=str(output / "weights.safetensors"),
        position="none" if position == "none" else "learned",
    )
    assert np.array_equal(load(output), load(again))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_tables_of_other_floats_are_converted_and_it_is_said(
    shards: str, tables: tuple[torch.Tensor, torch.Tensor], tmp_path: Path, dtype: torch.dtype
) -> None:
    state = {"wte.weight": tables[0].to(dtype), "wpe.weight": tables[1]}
    for path, writer in ((tmp_path / "w.safetensors", save_file), (tmp_path / "w.pt", torch.save)):
        writer(state, str(path))
        options = EmbedOptions(shards, str(tmp_path / path.suffix), weights=str(path), device="cpu")
        report = run_embed(plan_embed(options))
        assert report.notes == (
            f"wte.weight is {str(dtype).removeprefix('torch.')}; it was converted to float32",
        )
        wanted = expected(shards, state["wte.weight"].float(), tables[1])
        assert np.array_equal(load(tmp_path / path.suffix), wanted)


def test_rows_beyond_the_vocabulary_are_kept_and_not_used(shards: str, tmp_path: Path) -> None:
    token, positions = torch.randn(V + 47, D), torch.randn(L, D)
    save_file({"wte.weight": token, "wpe.weight": positions}, tmp_path / "w.safetensors")
    options = EmbedOptions(
        shards, str(tmp_path / "out"), weights=str(tmp_path / "w.safetensors"), device="cpu"
    )
    assert run_embed(plan_embed(options)).notes == (
        "wte.weight has 47 rows more than the vocabulary has ids; none is used",
    )
    assert torch.equal(load_file(tmp_path / "out" / "weights.safetensors")["tok_emb.weight"], token)


def test_tables_by_name(shards: str, tables: tuple[torch.Tensor, torch.Tensor], tmp_path: Path) -> None:
    state = {
        "emb.in": tables[0],
        "emb.where": tables[1],
        "a.wte.weight": torch.zeros(V, D),
        "b.wte.weight": torch.zeros(V, D),
    }
    save_file(state, tmp_path / "w.safetensors")
    names = {"token_table": "emb.in", "position_table": "emb.where"}
    output = embed(shards, tmp_path / "out", dim=None, weights=str(tmp_path / "w.safetensors"), **names)
    assert np.array_equal(load(output), expected(shards, *tables))


TOKEN, POSITION = torch.zeros(V, D), torch.zeros(P, D)
BAD: list[tuple[dict[str, torch.Tensor], dict[str, Any], str]] = [
    ({"wpe.weight": POSITION}, {}, "has no token table: no tensor is called tok_emb, wte"),
    ({}, {}, "it has no table at all"),
    (
        {"wte.weight": TOKEN, "h.0.w": POSITION},
        {},
        "has no position table.*its tables are (h.0.w, wte.weight|wte.weight, h.0.w)",
    ),
    ({"wte.weight": TOKEN, "b.wte": TOKEN.clone(), "wpe.weight": POSITION}, {}, "has 2 token tables"),
    ({"wte.weight": TOKEN, "wpe.weight": torch.zeros(P)}, {}, r"wpe.weight in .* is not a table.*\(10,\)"),
    ({"wte.weight": TOKEN, "wpe.weight": torch.zeros(0, D)}, {}, "is not a table"),
    (
        {"wte.weight": TOKEN.to(torch.int8), "wpe.weight": POSITION},
        {},
        "does not hold plain floats: its dtype is (I8|int8)",
    ),
    ({"wte.weight": TOKEN, "wpe.weight": torch.zeros(P, 5)}, {}, "width 12 and wpe.weight 5"),
    (
        {"wte.weight": torch.zeros(50_000, D), "wpe.weight": POSITION},
        {},
        "wte.weight has 50,000 rows and the vocabulary 50,257 ids",
    ),
    (
        {"wte.weight": TOKEN, "wpe.weight": torch.zeros(6, D)},
        {},
        "wpe.weight has 6 rows and the context length is 7",
    ),
    ({"wte.weight": TOKEN, "wpe.weight": POSITION}, {"dim": 13}, "--dim is 13, .* have width 12"),
    ({"wte.weight": TOKEN, "wpe.weight": POSITION}, {"token_table": "x"}, "has no tensor 'x'"),
]


@pytest.mark.parametrize(("state", "choice", "message"), BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("file", ["w.safetensors", "w.pt"])
def test_tables_that_do_not_do(
    shards: str,
    tmp_path: Path,
    state: dict[str, torch.Tensor],
    choice: dict[str, Any],
    message: str,
    file: str,
) -> None:
    WRITERS["a.safetensors" if file.endswith("safetensors") else "a.pt"](state, str(tmp_path / file))
    options = EmbedOptions(shards, str(tmp_path / "out"), weights=str(tmp_path / file), **choice)
    with pytest.raises(GptprepError, match=message) as caught:
        plan_embed(options)
    assert caught.value.exit_code == 1
    assert caught.value.fix
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "choice",
    [
        {"token_table": "x"},
        {"position_table": "x"},
        {"weights": "w", "init": "normal"},
        {"weights": "w", "position_table": "x", "position": "none"},
    ],
)
def test_options_that_do_not_go_together(shards: str, tmp_path: Path, choice: dict[str, Any]) -> None:
    with pytest.raises(WrongUsage):
        plan_embed(EmbedOptions(shards, str(tmp_path / "out"), **choice))
