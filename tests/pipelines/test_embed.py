"""`embed` with random tables: what it writes, and what it refuses.

Shape letters: N windows, L context length, V vocabulary size, D embedding width.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gptprep import TokenPositionEmbedding
from gptprep.choices import Init, Position
from gptprep.errors import CorruptDataError, GptprepError, UsageError
from gptprep.pipelines.embed import EmbedOptions, plan, run
from gptprep.shards.arrays import ArrayWriter
from gptprep.units import size
from tests.helpers.embeddings import embed, input_ids, stored_embeddings
from tests.helpers.folders import contents, make_shards, read_manifest, window

V, L, D = 50257, 7, 6


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shards(tmp_path_factory.mktemp("embed"), context_length=L, stride=3, shard_size=400)


# What is written


@pytest.mark.parametrize("position", ["learned", "sinusoidal", "none"])
@pytest.mark.parametrize("init", ["normal", "gpt2"])
def test_files_hold_what_the_model_gives(
    shards: Path, tmp_path: Path, position: Position, init: Init
) -> None:
    output = tmp_path / "out"
    embed(shards, output, dim=D, position=position, init=init, seed=7, batch_size=2)
    model = TokenPositionEmbedding(V, D, L, position, init, seed=7)
    for split in ("train", "val"):
        expected = model(input_ids(shards, split)).detach().numpy()
        assert np.array_equal(stored_embeddings(output, split), expected)
    saved = load_file(output / "weights.safetensors")
    shapes = {name: table.shape for name, table in model.state_dict().items()}
    assert {name: table.shape for name, table in saved.items()} == shapes


def test_saved_tables_give_the_same_embeddings(shards: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    embed(shards, output, dim=D, seed=3)
    model = TokenPositionEmbedding(V, D, L)
    model.load_state_dict(load_file(output / "weights.safetensors"))
    assert np.array_equal(model(input_ids(shards, "val")).detach().numpy(), stored_embeddings(output, "val"))


def test_limit_split_and_dtype_choose_what_is_written(shards: Path, tmp_path: Path) -> None:
    embed(shards, tmp_path / "a", dim=D)
    output = tmp_path / "b"
    embed(shards, output, dim=D, split="val", limit=5, dtype="float16")
    assert sorted(path.name for path in output.iterdir()) == ["manifest.json", "val", "weights.safetensors"]
    expected = stored_embeddings(tmp_path / "a", "val")[:5].astype(np.float16)
    assert np.array_equal(stored_embeddings(output, "val"), expected)


def test_manifest_has_the_hash_and_shape_of_each_file(shards: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    embed(shards, output, dim=D)
    manifest = json.loads((output / "manifest.json").read_text())
    files = [array for split in manifest["splits"].values() for array in split["embeddings"]]
    assert files
    for array in [*files, manifest["weights"]]:
        assert hashlib.sha256((output / array["file"]).read_bytes()).hexdigest() == array["sha256"]
    assert all(np.load(output / array["file"]).shape == tuple(array["shape"]) for array in files)


def test_same_options_give_the_same_bytes(shards: Path, tmp_path: Path) -> None:
    embed(shards, tmp_path / "a", dim=D)
    embed(shards, tmp_path / "b", dim=D)
    written = contents(tmp_path / "a")
    assert {"manifest.json", "weights.safetensors"} < set(written)
    assert contents(tmp_path / "b") == written


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_gpu_gives_the_embeddings_of_the_cpu(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    monkeypatch.setattr("gptprep.training.writer._FILE_BYTES", 9 * L * D * 4)
    embed(shards, tmp_path / "cpu", dim=D, dtype=dtype)
    embed(shards, tmp_path / "cuda", dim=D, dtype=dtype, device="cuda", batch_size=2)
    of_cpu, of_gpu = (stored_embeddings(tmp_path / name).astype(np.float32) for name in ("cpu", "cuda"))
    assert np.abs(of_cpu - of_gpu).max() <= 1e-6


# What is refused


def test_ids_outside_the_vocabulary_are_corrupt_data(shards: Path, tmp_path: Path) -> None:
    copy = tmp_path / "shards"
    shutil.copytree(shards, copy)
    path = copy / "val" / "inputs-00000.npy"
    array = np.load(path)
    array[0, 0] = 60_000
    np.save(path, array)
    with pytest.raises(CorruptDataError, match="holds an id that is not in the vocabulary"):
        embed(copy, tmp_path / "out", dim=D)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shards"]


@pytest.mark.parametrize(
    "choice", [{"dim": 0}, {"limit": 0}, {"batch_size": 0}, {"split": "test"}, {"seed": 1 << 64}]
)
def test_options_that_give_no_embeddings_are_refused(
    shards: Path, tmp_path: Path, choice: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        plan(EmbedOptions(str(shards), str(tmp_path / "out"), **{"dim": D, **choice}))


def test_disk_that_is_too_small_is_noticed_before_the_work(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = EmbedOptions(str(shards), str(tmp_path / "out"), dim=D)
    windows = plan(options).windows
    tables, window = (V + L) * D * 4, L * D * 4
    free = tables + 11 * window
    monkeypatch.setattr("gptprep.storage.files.shutil.disk_usage", lambda _: (1 << 40, 0, free))
    with pytest.raises(GptprepError, match="not enough disk space") as caught:
        plan(options)
    n_windows = sum(windows.values())
    assert caught.value.why == f"{size(tables + n_windows * window)} are needed and {size(free)} are free"
    assert caught.value.fix == (
        f"give --dtype float16 ({size(tables + n_windows * window // 2)}), "
        f"--split train ({size(tables + windows['train'] * window)}), "
        f"--split val ({size(tables + windows['val'] * window)}), --limit 5 (fits) or another disk"
    )
    plan(replace(options, limit=5))
    with pytest.raises(GptprepError):
        plan(replace(options, limit=6))
    with pytest.raises(GptprepError) as caught:
        plan(replace(options, dim=1 << 45, dtype="float16", split="val"))
    assert caught.value.fix == "give a smaller --dim or another disk"


def test_failed_write_leaves_nothing(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_: ArrayWriter, __: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ArrayWriter, "write", write)
    with pytest.raises(GptprepError, match="No space left on device"):
        embed(shards, tmp_path / "out", dim=D)
    assert list(tmp_path.iterdir()) == []


# Inputs that change


def _swap_shards(folder: Path) -> None:
    (folder / "s").rename(folder / "away")
    (folder / "other").rename(folder / "s")


def _rewrite_array(folder: Path) -> None:
    path = folder / "s" / "train" / "inputs-00000.npy"
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


def _replace_weights(folder: Path) -> None:
    (folder / "other.safetensors").replace(folder / "w.safetensors")


def _remove_manifest(folder: Path) -> None:
    (folder / "s" / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_swap_shards, r"s/manifest.json changed while it was read: all embeddings must be of one version"),
        (_rewrite_array, r"s/train/inputs-00000.npy changed while it was read"),
        (_replace_weights, r"w.safetensors changed while it was read"),
        (_remove_manifest, r"s/manifest.json vanished while it was read"),
    ],
)
def test_change_between_plan_and_run_is_noticed(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    for name, text in (("s", "one two three four "), ("other", "two one four three ")):
        (tmp_path / "a.txt").write_text(text * 20)
        window([tmp_path / "a.txt"], tmp_path / name, context_length=L)
        embed(tmp_path / name, tmp_path / "made", dim=D, seed=len(name), force=True)
        weights = "w" if name == "s" else "other"
        (tmp_path / "made" / "weights.safetensors").rename(tmp_path / f"{weights}.safetensors")
        shutil.rmtree(tmp_path / "made")
    options = EmbedOptions(
        str(tmp_path / "s"),
        str(tmp_path / "out"),
        weights=str(tmp_path / "w.safetensors"),
        device="cpu",
        if_changed=True,
    )
    planned = plan(options)
    change(tmp_path)
    with pytest.raises(GptprepError, match=message) as raised:
        run(planned)
    assert raised.value.fix == "run the same command again when nothing writes to the file"
    assert not (tmp_path / "out").exists()


def test_hash_of_the_shards_is_of_the_manifest_that_was_read(shards: Path, tmp_path: Path) -> None:
    embed(shards, tmp_path / "out", dim=D)
    expected = hashlib.sha256((shards / "manifest.json").read_bytes()).hexdigest()
    assert read_manifest(tmp_path / "out")["shards_sha256"] == expected
