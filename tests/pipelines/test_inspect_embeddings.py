"""What `inspect` says of a folder of embeddings, against the files that `embed` wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.pipelines.inspect.embeddings import (
    EmbeddingsOptions,
    EmbeddingsReport,
    inspect_embeddings,
    sampled_windows,
)
from gptprep.pipelines.window import WindowOptions, WindowSpec, plan, run
from tests.helpers.embeddings import embed, stored_embeddings
from tests.helpers.paths import SAMPLES


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "s"
    options = WindowOptions(
        inputs=(str(SAMPLES),), output=str(folder), windows=WindowSpec(8, val_fraction="0.01")
    )
    run(plan(options))
    return folder


def inspected(folder: Path, **options: str) -> EmbeddingsReport:
    """The report of a folder."""
    return inspect_embeddings(EmbeddingsOptions(str(folder), **options))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_numbers_are_those_of_the_files(shards: Path, tmp_path: Path, dtype: str) -> None:
    embed(shards, tmp_path / "e", dim=5, seed=1, dtype=dtype)
    report = inspected(tmp_path / "e", near=" king")
    tables = load_file(tmp_path / "e" / "weights.safetensors")
    assert (report.context_length, report.dim, report.dtype, report.position) == (8, 5, dtype, "learned")
    assert (report.tokenizer, report.n_vocab) == ("gpt2", 50257)
    for split in report.splits:
        stored = stored_embeddings(tmp_path / "e", split.split)
        assert (split.windows, split.bytes) == (len(stored), stored.nbytes)
        sample = stored[sampled_windows(len(stored), split.sampled)].astype(np.float64)
        lengths = np.sqrt((sample**2).sum(axis=2))
        assert split.norms.rows == lengths.size
        assert split.norms.mean == pytest.approx(lengths.mean(), rel=1e-4)
        assert split.norms.largest == pytest.approx(lengths.max(), rel=1e-4)
    token, position = tables["tok_emb.weight"].astype(np.float64), tables["pos_emb.weight"]
    units = token / np.sqrt((token**2).sum(axis=1, keepdims=True))
    cosines = units @ units[5822]
    assert report.near is not None
    assert [found.id for found in report.near.neighbours] == np.argsort(-cosines)[1:11].tolist()
    assert report.near.token == "·king"
    assert report.position_table is not None
    assert report.position_table.rows == len(position) == 8


def test_without_positions_there_is_no_position_table(shards: Path, tmp_path: Path) -> None:
    embed(shards, tmp_path / "e", dim=4, position="none", split="val", limit=3)
    report = inspected(tmp_path / "e")
    assert (report.position_table, report.positions, report.near) == (None, None, None)
    assert [(split.split, split.windows, split.sampled) for split in report.splits] == [("val", 3, 3)]


def test_windows_are_sampled_evenly() -> None:
    assert sampled_windows(5, 5) == [0, 1, 2, 3, 4]
    assert sampled_windows(101, 3) == [0, 50, 100]
    assert sampled_windows(9, 1) == [0]
    assert sampled_windows(0, 0) == []


def test_another_tokenizer_is_refused(shards: Path, tmp_path: Path) -> None:
    embed(shards, tmp_path / "e", dim=4, limit=1)
    (tmp_path / "w.json").write_text('{"king": 0}')
    with pytest.raises(GptprepError, match="was not made with"):
        inspected(tmp_path / "e", near="king", tokenizer=str(tmp_path / "w.json"))


@pytest.mark.parametrize("file", ["weights.safetensors", "val/embeddings-00000.npy"])
def test_missing_or_truncated_file_is_damage(shards: Path, tmp_path: Path, file: str) -> None:
    embed(shards, tmp_path / "e", dim=4, limit=2)
    shutil.copytree(tmp_path / "e", tmp_path / "short")
    (tmp_path / "e" / file).unlink()
    with pytest.raises(CorruptDataError, match="is missing"):
        inspected(tmp_path / "e")
    whole = (tmp_path / "short" / file).read_bytes()
    (tmp_path / "short" / file).write_bytes(whole[:-1])
    with pytest.raises(CorruptDataError):
        inspected(tmp_path / "short")


def test_damaged_manifest_is_damage(shards: Path, tmp_path: Path) -> None:
    embed(shards, tmp_path / "e", dim=4, limit=1)
    manifest = tmp_path / "e" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"dim": 4', '"dim": 5'))
    with pytest.raises(CorruptDataError):
        inspected(tmp_path / "e")
