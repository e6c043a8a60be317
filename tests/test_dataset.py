"""`WindowDataset`: windows as tensors, of any layout, wherever they travel."""

from __future__ import annotations

import itertools
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from gptprep import WindowDataset, open_shards
from gptprep.errors import DamagedData, GptprepError, WrongUsage
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.window import run_window
from tests.conftest import read_manifest, write_manifest

L = 8
KINDS = [
    {"layout": layout, "boundary": boundary, "shuffle": shuffle, "dtype": dtype}
    for (layout, boundary, shuffle), dtype in zip(
        itertools.product(["pairs", "tokens"], ["stream", "document"], [False, True]),
        ["auto", "uint32", "int32", "int64", "int64", "auto", "uint32", "auto"],
        strict=True,
    )
]


def make_shards(folder: Path, **kind: Any) -> Path:
    """Several shards in train, documents of many lengths."""
    lines = [" ".join(f"word{number}" for number in range(n)) for n in (30, 1, 3, 50, 8, 2, 40, 17)]
    (folder / "a.txt").write_text("\n".join(lines))
    options = WindowOptions(
        (str(folder / "a.txt"),), str(folder / "shards"), L, 5, "0.2", shard_size=1000, **kind
    )
    run_window(plan_window(options))
    return folder / "shards"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shards(tmp_path_factory.mktemp("dataset"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
@pytest.mark.parametrize("split", ["train", "val"])
def test_windows_are_those_of_the_files(tmp_path: Path, kind: dict[str, Any], split: str) -> None:
    path = make_shards(tmp_path, **kind)
    reader, dataset = open_shards(str(path)).windows(split), WindowDataset(path, split)
    assert len(dataset) == len(reader) > 0
    for number in range(len(dataset)):
        inputs, targets = dataset[number]
        stored = reader.take(number)
        length = int(stored.lengths[0])
        assert (inputs.dtype, targets.dtype) == (torch.int64, torch.int64)
        assert inputs.tolist() == stored.inputs[0].tolist()
        assert targets.tolist() == stored.targets[0].tolist()[:length] + [-100] * (L - length)
        assert inputs.tolist()[1:length] == targets.tolist()[: length - 1]
    padded = any((targets == -100).any() for _, targets in dataset)  # type: ignore[attr-defined]
    assert padded == (kind["boundary"] == "document")


def test_indexing_is_pythons(shards: Path) -> None:
    dataset = WindowDataset(shards)
    every = [dataset[number] for number in range(len(dataset))]
    n = len(every)

    def check(index: Any, numbers: list[int]) -> None:
        inputs, targets = dataset[index]
        assert inputs.shape == targets.shape == (len(numbers), L)
        for row, number in enumerate(numbers):
            assert torch.equal(inputs[row], every[number][0])
            assert torch.equal(targets[row], every[number][1])

    for index in (
        slice(None),
        slice(3, 9),
        slice(-4, None),
        slice(None, None, -3),
        slice(5, 5),
        slice(n, 2 * n),
    ):
        check(index, list(range(n))[index])
    for numbers in ([], [3], [0, -1, 5, 5, n - 1, -n]):
        for kind in (list, tuple, np.array, torch.tensor):
            check(kind(numbers), [number % n for number in numbers])
    for number in (-1, -n, np.int64(2), torch.tensor(3), np.uint8(1)):
        assert torch.equal(dataset[number][0], every[int(number)][0])
    with pytest.raises(IndexError):
        dataset[np.uint64((1 << 64) - 1)]
    for outside in (n, -n - 1, 10**12):
        for several in (outside, [0, outside]):
            with pytest.raises(IndexError, match=f"window {outside} of {n}"):
                dataset[several]
    for wrong in (1.0, "a", None, [True, False], [[0, 1]], [1.5]):
        with pytest.raises(TypeError):
            dataset[wrong]  # type: ignore[index]
    assert len(list(dataset)) == n  # type: ignore[call-overload]


def test_small_integers_are_indices_of_large_splits(tmp_path: Path) -> None:
    np.arange(2000, dtype="<u2").tofile(tmp_path / "ids.bin")
    options = WindowOptions((str(tmp_path / "ids.bin"),), str(tmp_path / "many"), 4, 1, "0")
    run_window(plan_window(options))
    dataset = WindowDataset(tmp_path / "many")
    assert len(dataset) > 1 << 10
    for kind in (np.int8, np.uint8, np.int16, np.uint64):
        assert dataset[kind(3)][0].tolist() == [3, 4, 5, 6]
        assert dataset[torch.tensor([3], dtype=torch.int8)][0].tolist() == [[3, 4, 5, 6]]
    assert dataset[np.int8(-1)][1].tolist() == [1996, 1997, 1998, 1999]


def test_hundreds_of_shards_hold_no_descriptors(tmp_path: Path) -> None:
    ids = str(tmp_path / "ids.bin")
    np.arange(6000, dtype="<u2").tofile(ids)
    for layout in ("pairs", "tokens"):
        output = str(tmp_path / layout)
        options = WindowOptions((ids,), output, 4, 4, "0", shard_size=170, layout=layout)
        run_window(plan_window(options))
        assert len(list((tmp_path / layout / "train").iterdir())) > 280
        before = len(os.listdir("/dev/fd"))
        dataset = WindowDataset(tmp_path / layout)
        assert dataset[:][0].flatten().tolist() == list(range(len(dataset) * 4))
        assert dataset[::100][0][:, 0].tolist() == list(range(0, len(dataset) * 4, 400))
        assert len(os.listdir("/dev/fd")) <= before + 2


def test_batches_do_not_share_memory(shards: Path) -> None:
    dataset = WindowDataset(shards)
    inputs, targets = dataset[0:2]
    before = targets.clone()
    inputs.zero_()
    assert torch.equal(targets, before)
    assert dataset[0][0].any()


def test_it_travels_as_its_path(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shards.parent)
    dataset = WindowDataset("shards", "val")
    data = pickle.dumps(dataset)
    assert len(data) < 1000
    monkeypatch.chdir("/")
    again = pickle.loads(data)
    assert (again.split, len(again)) == ("val", len(dataset))
    assert torch.equal(again[0][0], dataset[0][0])


def test_a_folder_that_was_written_anew_is_another_dataset(tmp_path: Path) -> None:
    dataset = WindowDataset(make_shards(tmp_path, layout="tokens"))
    before, data = dataset[:][0], pickle.dumps(dataset)
    (tmp_path / "a.txt").write_text("other words " * 100)
    options = WindowOptions((str(tmp_path / "a.txt"),), str(tmp_path / "shards"), L, 5, "0.2", force=True)
    run_window(plan_window(options))
    assert torch.equal(dataset[:][0], before)
    with pytest.raises(DamagedData, match="has been written anew"):
        pickle.loads(data)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("context", [None, "fork", "spawn"])
def test_a_plain_loader_of_torch_reads_it(shards: Path, context: str | None) -> None:
    dataset = WindowDataset(shards)
    options = {"num_workers": 2, "multiprocessing_context": context} if context else {}
    loader = DataLoader(dataset, batch_size=5, **options)  # type: ignore[arg-type]
    batches = list(loader)
    assert torch.equal(torch.cat([inputs for inputs, _ in batches]), dataset[:][0])
    assert torch.equal(torch.cat([targets for _, targets in batches]), dataset[:][1])


def test_what_is_no_dataset(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="no split 'test'"):
        WindowDataset(shards, "test")
    with pytest.raises(GptprepError, match="is not a shard folder"):
        WindowDataset(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GptprepError, match="has no manifest"):
        WindowDataset(tmp_path / "empty")


@pytest.mark.parametrize("layout", ["pairs", "tokens"])
def test_files_are_checked_when_it_is_opened(tmp_path: Path, layout: str) -> None:
    path = make_shards(tmp_path, layout=layout, boundary="document")
    files = sorted((path / "train").iterdir())
    assert len(files) >= 3
    for file in files:
        data = file.read_bytes()
        for changed in (None, data[:-1], data + b"x", data.replace(b"<", b">", 1), b""):
            file.unlink()
            if changed is not None:
                file.write_bytes(changed)
            with pytest.raises(DamagedData, match=file.name):
                WindowDataset(path)
            file.write_bytes(data)
    WindowDataset(path)
    write_manifest(path, {**read_manifest(path), "dtype": "int32"})
    with pytest.raises(DamagedData):
        WindowDataset(path)
