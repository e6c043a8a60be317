"""Files of embeddings: the same numbers however they are divided among files, blocks and threads.

Shape letters: L context length, D embedding width.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gptprep import TokenPositionEmbedding, open_shards
from gptprep.choices import FloatDtype
from gptprep.progress import no_progress
from gptprep.shards.arrays import ArrayFile
from gptprep.training.writer import EmbeddingFiles
from tests.helpers.embeddings import input_ids, stored_embeddings
from tests.helpers.folders import make_shards

L, D = 7, 6


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shards(tmp_path_factory.mktemp("writer"), context_length=L, stride=3, shard_size=400)


@pytest.fixture(scope="module")
def model(shards: Path) -> TokenPositionEmbedding:
    return TokenPositionEmbedding(open_shards(str(shards)).manifest.tokenizer.n_vocab, D, L, seed=0)


def embedding_files(
    shards: Path, dtype: FloatDtype = "float32", batch_size: int | None = None
) -> EmbeddingFiles:
    """The files for all windows of a shard folder."""
    folder = open_shards(str(shards))
    windows = {name: split.windows for name, split in folder.manifest.splits.items()}
    return EmbeddingFiles(folder, windows, D, dtype, batch_size)


def write(files: EmbeddingFiles, model: TokenPositionEmbedding, output: Path) -> dict[str, list[ArrayFile]]:
    output.mkdir()
    return files.write(model, str(output), no_progress)


def check_embeddings(shards: Path, model: TokenPositionEmbedding, output: Path, dtype: str) -> None:
    """Check that the files of both splits hold what the model gives for all windows."""
    for split in ("train", "val"):
        expected = model(input_ids(shards, split)).detach().numpy().astype(dtype)
        stored = stored_embeddings(output, split)
        assert stored.dtype == expected.dtype
        assert np.array_equal(stored, expected)


def test_small_files_and_batches_hold_the_same_embeddings(
    shards: Path, model: TokenPositionEmbedding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_file = write(embedding_files(shards), model, tmp_path / "a")
    monkeypatch.setattr("gptprep.training.writer._FILE_BYTES", 5 * L * D * 4)
    several_files = write(embedding_files(shards, batch_size=3), model, tmp_path / "b")
    check_embeddings(shards, model, tmp_path / "a", "float32")
    check_embeddings(shards, model, tmp_path / "b", "float32")
    assert len(several_files["train"]) > len(one_file["train"]) == 1
    assert all(array.shape[0] <= 5 for array in several_files["train"])
    assert all(len(np.load(path)) <= 5 for path in (tmp_path / "b" / "train").iterdir())


@pytest.mark.parametrize("n_cores", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_any_number_of_threads_writes_the_same_embeddings(
    shards: Path,
    model: TokenPositionEmbedding,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_cores: int,
    dtype: FloatDtype,
) -> None:
    monkeypatch.setattr("gptprep.training.writer._FILE_BYTES", 3 * L * D * 4)
    monkeypatch.setattr("gptprep.training.writer.usable_cores", lambda: n_cores)
    n_threads = torch.get_num_threads()
    write(embedding_files(shards, dtype, batch_size=2), model, tmp_path / "out")
    assert torch.get_num_threads() == n_threads
    check_embeddings(shards, model, tmp_path / "out", dtype)


def test_each_block_checks_whether_to_stop(
    shards: Path, model: TokenPositionEmbedding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_checks = 0

    def check() -> None:
        nonlocal n_checks
        n_checks += 1

    def run(function: Callable[[Any, Callable[[], None]], Any], tasks: list[Any], _: int) -> list[Any]:
        return [function(task, check) for task in tasks]

    monkeypatch.setattr("gptprep.training.writer.threads.run", run)
    files = embedding_files(shards, batch_size=1)
    write(files, model, tmp_path / "out")
    assert n_checks == sum(files.windows.values()) > 10


def test_memory_limits_the_threads(shards: Path, model: TokenPositionEmbedding) -> None:
    assert embedding_files(shards, batch_size=10**7).n_threads(model) == 1
    assert embedding_files(shards).n_threads(model) >= 2
