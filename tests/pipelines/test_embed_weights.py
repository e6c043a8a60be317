"""`embed --weights`: the tables of a checkpoint, checked against the shards, and the embeddings they give.

Shape letters: N windows, L context length, V vocabulary size, P position rows, D embedding width.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from gptprep.choices import Position
from gptprep.errors import CorruptDataError, GptprepError, UsageError
from gptprep.pipelines.embed import EmbedOptions, plan, run
from gptprep.training.embedding import sinusoids
from tests.helpers.checkpoints import D, P, Tensors, V, gpt2_tables, save
from tests.helpers.embeddings import embed, input_ids, stored_embeddings
from tests.helpers.folders import make_shards

L = 7
TABLES = gpt2_tables()
TOKEN_VD, POSITION_PD = TABLES.values()


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shards(tmp_path_factory.mktemp("weights"), context_length=L, stride=3, shard_size=400)


def looked_up(shards: Path, token: torch.Tensor, position: torch.Tensor | None) -> NDArray[Any]:
    """The embeddings of the windows of train by indexing alone."""
    embeddings_NLD = token[input_ids(shards)]
    return (embeddings_NLD if position is None else embeddings_NLD + position[:L]).numpy()


@pytest.mark.slow
def test_embeddings_are_the_first_hidden_state_of_a_gpt2_of_transformers(
    shards: Path, tmp_path: Path
) -> None:
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(1)
    config = GPT2Config(vocab_size=V, n_positions=P, n_embd=D, n_layer=1, n_head=2)
    model = GPT2Model(config).train(False)
    model.save_pretrained(tmp_path / "gpt2")
    embed(shards, tmp_path / "out", weights=str(tmp_path / "gpt2" / "model.safetensors"))
    for split in ("train", "val"):
        with torch.inference_mode():
            states = model(input_ids(shards, split), output_hidden_states=True).hidden_states
        assert np.abs(stored_embeddings(tmp_path / "out", split) - states[0].numpy()).max() <= 1e-6


@pytest.mark.parametrize("position", ["learned", "sinusoidal", "none"])
def test_embeddings_are_those_of_the_tables(shards: Path, tmp_path: Path, position: Position) -> None:
    output = tmp_path / "out"
    embed(shards, output, weights=save(TABLES, tmp_path), position=position)
    added = {"learned": POSITION_PD, "sinusoidal": sinusoids(L, D), "none": None}[position]
    assert np.array_equal(stored_embeddings(output), looked_up(shards, TOKEN_VD, added))
    manifest = json.loads((output / "manifest.json").read_text())
    assert (manifest["dim"], manifest["seed"], manifest["init"]) == (D, None, None)
    names = ["wte.weight", "wpe.weight"] if position == "learned" else ["wte.weight"]
    assert [table["name"] for table in manifest["pretrained"]] == names
    saved = load_file(output / "weights.safetensors")
    assert torch.equal(saved["tok_emb.weight"], TOKEN_VD)
    if added is not None:
        assert torch.equal(saved["pos_emb.weight"], added)
    again: Position = "none" if position == "none" else "learned"
    embed(shards, tmp_path / "again", weights=str(output / "weights.safetensors"), position=again)
    assert np.array_equal(stored_embeddings(output), stored_embeddings(tmp_path / "again"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("file", ["a.safetensors", "a.pt"])
def test_tables_of_other_floats_are_converted_with_a_note(
    shards: Path, tmp_path: Path, dtype: torch.dtype, file: str
) -> None:
    token_VD = TOKEN_VD.to(dtype)
    weights = save({"wte.weight": token_VD, "wpe.weight": POSITION_PD}, tmp_path, file)
    name = str(dtype).removeprefix("torch.")
    notes = (f"wte.weight is {name}; it was converted to float32",)
    assert embed(shards, tmp_path / "out", weights=weights).notes == notes
    expected = looked_up(shards, token_VD.float(), POSITION_PD)
    assert np.array_equal(stored_embeddings(tmp_path / "out"), expected)


def test_transposed_table_is_embedded(shards: Path, tmp_path: Path) -> None:
    token_VD = torch.randn(D, V).T
    weights = save({"wte.weight": token_VD, "wpe.weight": POSITION_PD}, tmp_path, "a.pt")
    embed(shards, tmp_path / "out", weights=weights)
    assert np.array_equal(stored_embeddings(tmp_path / "out"), looked_up(shards, token_VD, POSITION_PD))


def test_rows_beyond_the_vocabulary_are_kept_and_unused(shards: Path, tmp_path: Path) -> None:
    tables = gpt2_tables(V + 47, L)
    notes = embed(shards, tmp_path / "out", weights=save(tables, tmp_path)).notes
    assert notes == ("wte.weight has 47 rows more than the vocabulary has ids; they are unused",)
    saved = load_file(tmp_path / "out" / "weights.safetensors")
    assert torch.equal(saved["tok_emb.weight"], tables["wte.weight"])


def test_tables_are_chosen_by_name(shards: Path, tmp_path: Path) -> None:
    others = {f"{prefix}.wte.weight": torch.zeros(V, D) for prefix in "ab"}
    weights = save({"emb.in": TOKEN_VD, "emb.where": POSITION_PD, **others}, tmp_path)
    embed(shards, tmp_path / "out", weights=weights, token_table="emb.in", position_table="emb.where")
    assert np.array_equal(stored_embeddings(tmp_path / "out"), looked_up(shards, TOKEN_VD, POSITION_PD))


@pytest.mark.parametrize(("dtype", "count"), [("float16", 1), ("float32", 0)])
def test_numbers_too_large_for_float16_are_noted(
    shards: Path, tmp_path: Path, dtype: str, count: int
) -> None:
    tables = {"wte.weight": torch.full((V, D), 1e5), "wpe.weight": torch.zeros(P, D)}
    notes = embed(shards, tmp_path / "out", weights=save(tables, tmp_path), dtype=dtype).notes
    assert len([note for note in notes if "a float16 is infinite" in note]) == count


BAD: dict[str, tuple[Tensors, dict[str, Any], str]] = {
    "no token table": ({"wpe.weight": POSITION_PD}, {}, "has no token table"),
    "too few tokens": (gpt2_tables(50_000), {}, "wte.weight has 50,000 rows and the vocabulary 50,257 ids"),
    "too few positions": (
        gpt2_tables(V, 6),
        {},
        "wpe.weight has 6 rows and the context length is 7",
    ),
    "another width": (TABLES, {"dim": 13}, "--dim is 13, .* have width 12"),
    "no such tensor": (TABLES, {"token_table": "x"}, "has no tensor 'x'"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("file", ["a.safetensors", "a.pt"])
def test_tables_that_do_not_fit_the_shards_are_refused(
    shards: Path, tmp_path: Path, case: str, file: str
) -> None:
    tables, choice, message = BAD[case]
    weights = save(tables, tmp_path, file)
    with pytest.raises(GptprepError, match=message) as caught:
        plan(EmbedOptions(str(shards), str(tmp_path / "out"), weights=weights, **choice))
    assert caught.value.exit_code == 1
    assert caught.value.fix
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("data", [b"", b"the tide comes in", None], ids=["empty", "text", "no name"])
def test_weights_that_are_not_a_checkpoint_are_refused(
    shards: Path, tmp_path: Path, data: bytes | None
) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(data or b"")
    options = EmbedOptions(str(shards), str(tmp_path / "out"), weights="" if data is None else str(weights))
    with pytest.raises(GptprepError if data is None else CorruptDataError):
        plan(options)


@pytest.mark.parametrize(
    "choice",
    [
        {"token_table": "x"},
        {"position_table": "x"},
        {"weights": "w", "init": "normal"},
        {"weights": "w", "position_table": "x", "position": "none"},
    ],
)
def test_options_that_exclude_each_other_are_refused(
    shards: Path, tmp_path: Path, choice: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        plan(EmbedOptions(str(shards), str(tmp_path / "out"), **choice))


def test_weights_that_change_after_the_plan_are_refused(shards: Path, tmp_path: Path) -> None:
    weights = save(TABLES, tmp_path)
    planned = plan(EmbedOptions(str(shards), str(tmp_path / "out"), weights=weights, device="cpu"))
    save({"wte.weight": torch.zeros(V, 5), "wpe.weight": torch.zeros(P, 5)}, tmp_path)
    with pytest.raises(CorruptDataError, match="changed while it was used"):
        run(planned)
    Path(weights).unlink()
    with pytest.raises(GptprepError):
        run(planned)
    assert not (tmp_path / "out").exists()
