"""`WindowDataset`: windows as tensors, of any layout, in this process and in workers."""

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
from gptprep.errors import CorruptDataError, GptprepError, UsageError
from tests.helpers.folders import make_varied_shards, read_manifest, window, write_manifest

L = 8
KINDS = [
    {"layout": layout, "boundary": boundary, "shuffle": shuffle, "dtype": dtype}
    for (layout, boundary, shuffle), dtype in zip(
        itertools.product(["pairs", "tokens"], ["stream", "document"], [False, True]),
        ["auto", "uint32", "int32", "int64", "int64", "auto", "uint32", "auto"],
        strict=True,
    )
]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_varied_shards(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def shards_of_a_kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_varied_shards(tmp_path_factory.mktemp("kind"), **request.param)


@pytest.mark.parametrize("split", ["train", "val"])
def test_windows_are_those_of_the_files(shards_of_a_kind: Path, split: str) -> None:
    folder = open_shards(str(shards_of_a_kind))
    reader, dataset = folder.windows(split), WindowDataset(shards_of_a_kind, split)
    assert len(dataset) == len(reader) > 0
    lengths = []
    for number in range(len(dataset)):
        inputs, targets = dataset[number]
        stored = reader.take(number)
        length = int(stored.lengths[0])
        assert (inputs.dtype, targets.dtype) == (torch.int64, torch.int64)
        assert inputs.tolist() == stored.inputs[0].tolist()
        assert targets.tolist() == stored.targets[0].tolist()[:length] + [-100] * (L - length)
        assert inputs.tolist()[1:length] == targets.tolist()[: length - 1]
        lengths.append(length)
    assert (min(lengths) < L) == (folder.manifest.boundary == "document")


def check_windows(dataset: WindowDataset, index: Any, numbers: list[int]) -> None:
    """Check that an index gives the windows of these numbers."""
    inputs, targets = dataset[index]
    assert inputs.shape == targets.shape == (len(numbers), L)
    for row, number in enumerate(numbers):
        assert torch.equal(inputs[row], dataset[number][0])
        assert torch.equal(targets[row], dataset[number][1])


def test_slices_and_lists_select_windows_as_in_python(shards: Path) -> None:
    dataset = WindowDataset(shards)
    n = len(dataset)
    slices = (
        slice(None),
        slice(3, 9),
        slice(-4, None),
        slice(None, None, -3),
        slice(5, 5),
        slice(n, 2 * n),
    )
    for index in slices:
        check_windows(dataset, index, list(range(n))[index])
    for numbers in ([], [3], [0, -1, 5, 5, n - 1, -n]):
        for kind in (list, tuple, np.array, torch.tensor):
            check_windows(dataset, kind(numbers), [number % n for number in numbers])


def test_any_integer_is_an_index(shards: Path) -> None:
    dataset = WindowDataset(shards)
    n = len(dataset)
    for number in (-1, -n, np.int64(2), torch.tensor(3), np.uint8(1)):
        assert torch.equal(dataset[number][0], dataset[int(number) % n][0])
    with pytest.raises(IndexError):
        dataset[np.uint64((1 << 64) - 1)]
    for outside in (n, -n - 1, 10**12):
        for several in (outside, [0, outside]):
            with pytest.raises(IndexError, match=f"window {outside} of {n}"):
                dataset[several]
    for wrong in (1.0, "a", None, [True, False], [[0, 1]], [1.5]):
        with pytest.raises(TypeError):
            dataset[wrong]  # type: ignore[index]


def test_iteration_gives_every_window(shards: Path) -> None:
    dataset = WindowDataset(shards)
    assert len(list(dataset)) == len(dataset)  # type: ignore[call-overload]


def test_small_integer_types_are_indices_of_large_splits(tmp_path: Path) -> None:
    np.arange(2000, dtype="<u2").tofile(tmp_path / "ids.bin")
    window([tmp_path / "ids.bin"], tmp_path / "many", context_length=4, stride=1, val_fraction="0")
    dataset = WindowDataset(tmp_path / "many")
    assert len(dataset) > 1 << 10
    for kind in (np.int8, np.uint8, np.int16, np.uint64):
        assert dataset[kind(3)][0].tolist() == [3, 4, 5, 6]
    assert dataset[torch.tensor([3], dtype=torch.int8)][0].tolist() == [[3, 4, 5, 6]]
    assert dataset[np.int8(-1)][1].tolist() == [1996, 1997, 1998, 1999]


@pytest.mark.parametrize("layout", ["pairs", "tokens"])
def test_hundreds_of_shards_hold_no_descriptors(tmp_path: Path, layout: str) -> None:
    ids, output = tmp_path / "ids.bin", tmp_path / "out"
    np.arange(6000, dtype="<u2").tofile(ids)
    window([ids], output, context_length=4, stride=4, val_fraction="0", shard_size=170, layout=layout)
    assert len(list((output / "train").iterdir())) > 280
    before = len(os.listdir("/dev/fd"))
    dataset = WindowDataset(output)
    assert dataset[:][0].flatten().tolist() == list(range(len(dataset) * 4))
    assert dataset[::100][0][:, 0].tolist() == list(range(0, len(dataset) * 4, 400))
    assert len(os.listdir("/dev/fd")) <= before + 2


def test_changing_a_batch_changes_nothing_else(shards: Path) -> None:
    dataset = WindowDataset(shards)
    inputs, targets = dataset[0:2]
    before = targets.clone()
    inputs.zero_()
    assert torch.equal(targets, before)
    assert dataset[0][0].any()


def test_dataset_is_pickled_as_its_absolute_path(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shards.parent)
    dataset = WindowDataset(shards.name, "val")
    data = pickle.dumps(dataset)
    assert len(data) < 1000
    monkeypatch.chdir("/")
    again = pickle.loads(data)
    assert (again.split, len(again)) == ("val", len(dataset))
    assert torch.equal(again[0][0], dataset[0][0])


def test_replaced_folder_stays_readable_but_a_pickled_dataset_is_refused(tmp_path: Path) -> None:
    shards = make_varied_shards(tmp_path, layout="tokens")
    dataset = WindowDataset(shards)
    before, data = dataset[:][0], pickle.dumps(dataset)
    (tmp_path / "a.txt").write_text("other words " * 100)
    window([tmp_path / "a.txt"], shards, context_length=L, stride=5, val_fraction="0.2", force=True)
    assert torch.equal(dataset[:][0], before)
    with pytest.raises(CorruptDataError, match="was replaced after it was opened"):
        pickle.loads(data)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(("context", "num_workers"), [(None, 0), ("fork", 2), ("spawn", 1)])
def test_plain_data_loader_of_torch_reads_the_windows(
    shards: Path, context: str | None, num_workers: int
) -> None:
    dataset = WindowDataset(shards)
    loader = DataLoader(dataset, batch_size=5, num_workers=num_workers, multiprocessing_context=context)
    batches = list(loader)
    assert torch.equal(torch.cat([inputs for inputs, _ in batches]), dataset[:][0])
    assert torch.equal(torch.cat([targets for _, targets in batches]), dataset[:][1])


def test_unknown_splits_and_folders_without_shards_are_refused(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no split 'test'"):
        WindowDataset(shards, "test")
    with pytest.raises(GptprepError, match="is not a shard folder"):
        WindowDataset(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GptprepError, match="has no manifest"):
        WindowDataset(tmp_path / "empty")


@pytest.mark.parametrize("layout", ["pairs", "tokens"])
def test_sizes_and_headers_of_files_are_checked_when_a_dataset_opens(tmp_path: Path, layout: str) -> None:
    shards = make_varied_shards(tmp_path, layout=layout, boundary="document")
    files = sorted((shards / "train").iterdir())
    assert len(files) >= 3
    for file in files:
        data = file.read_bytes()
        for changed in (None, data[:-1], data + b"x", data.replace(b"<", b">", 1), b""):
            file.unlink()
            if changed is not None:
                file.write_bytes(changed)
            with pytest.raises(CorruptDataError, match=file.name):
                WindowDataset(shards)
            file.write_bytes(data)
    WindowDataset(shards)


@pytest.mark.parametrize("layout", ["pairs", "tokens"])
def test_data_type_of_the_manifest_is_checked_when_a_dataset_opens(tmp_path: Path, layout: str) -> None:
    shards = make_varied_shards(tmp_path, layout=layout, boundary="document")
    write_manifest(shards, {**read_manifest(shards), "dtype": "int32"})
    with pytest.raises(CorruptDataError):
        WindowDataset(shards)


def test_changed_ids_are_noticed_only_with_verify(tmp_path: Path) -> None:
    shards = make_varied_shards(tmp_path)
    WindowDataset(shards, verify=True)
    file = shards / "val" / "inputs-00000.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    WindowDataset(shards, "val")
    with pytest.raises(CorruptDataError, match="s is damaged: val/"):
        WindowDataset(shards, verify=True)
