"""`create_dataloader`: the book's batches, every window once, and the exact next batch after a stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiktoken
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from gptprep import WindowDataset, create_dataloader
from gptprep.dataloader import Epoch, WindowSampler
from gptprep.errors import WrongUsage
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.window import run_window
from tests.conftest import SAMPLES

L, S = 16, 12


class Book(Dataset[tuple[Tensor, Tensor]]):
    """The book's dataset, as its section 2.6 describes it: all windows of a text as tensors in memory."""

    def __init__(self, ids: list[int]) -> None:
        starts = range(0, len(ids) - L, S)
        self.pairs = [
            (torch.tensor(ids[start : start + L]), torch.tensor(ids[start + 1 : start + L + 1]))
            for start in starts
        ]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.pairs[index]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("loader")
    options = WindowOptions(
        (str(SAMPLES / "poem.txt"),), str(folder / "shards"), L, S, "0", shard_size=1500, seed=1
    )
    run_window(plan_window(options))
    return str(folder / "shards")


@pytest.fixture(scope="module")
def book(truth: tiktoken.Encoding) -> Book:
    return Book(truth.encode((SAMPLES / "poem.txt").read_bytes().decode(), allowed_special="all"))


def batches(loader: Any) -> list[tuple[list[list[int]], list[list[int]]]]:
    return [(inputs.tolist(), targets.tolist()) for inputs, targets in loader]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_batches_are_the_books(
    shards: str, book: Book, shuffle: bool, drop_last: bool, num_workers: int
) -> None:
    torch.manual_seed(123)
    theirs = DataLoader(book, 8, shuffle, drop_last=drop_last, num_workers=num_workers)
    expected = [batches(theirs) for _ in range(3)]
    torch.manual_seed(123)
    loader = create_dataloader(shards, 8, shuffle, drop_last, num_workers)
    assert [batches(loader) for _ in range(3)] == expected
    assert len(loader) == len(theirs) == len(expected[0])
    assert (expected[0] != expected[1]) == shuffle


def test_a_batch_is_two_tensors(shards: str) -> None:
    inputs, targets = next(iter(create_dataloader(shards)))
    assert (inputs.shape, targets.shape, inputs.dtype, targets.dtype) == (
        (4, L),
        (4, L),
        torch.int64,
        torch.int64,
    )
    assert inputs.is_contiguous()
    assert targets.is_contiguous()


def test_a_seed_gives_the_same_epochs_whatever_torch_has_drawn(shards: str) -> None:
    one, two = create_dataloader(shards, seed=7), create_dataloader(shards, seed=7)
    epochs = [batches(one) for _ in range(3)]
    torch.manual_seed(5)
    assert [batches(two) for _ in range(3)] == epochs
    assert epochs[0] != epochs[1] != epochs[2]
    assert batches(create_dataloader(shards, seed=8)) not in epochs


FROZEN = [[[5, 8, 4, 3], [9, 2, 0, 7], [1, 6]], [[6, 4, 7, 2], [1, 0, 3, 5], [8, 9]]]


def test_the_seeded_order_is_frozen() -> None:
    sampler = WindowSampler(10, 4, shuffle=True, seed=3, drop_last=False, rank=0, world_size=1)
    assert list(sampler) == FROZEN[0]
    sampler.epoch = Epoch(1)
    assert list(sampler) == FROZEN[1]


@given(
    n=st.integers(1, 60),
    batch_size=st.integers(1, 7),
    world_size=st.integers(1, 5),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    epoch=st.integers(0, 3),
    at_a_time=st.integers(1, 20),
)
def test_processes_share_an_epoch_without_overlap_or_gaps(
    n: int, batch_size: int, world_size: int, shuffle: bool, drop_last: bool, epoch: int, at_a_time: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gptprep.dataloader._AT_A_TIME", at_a_time)
        check_shares(n, batch_size, world_size, shuffle, drop_last, epoch)


def check_shares(
    n: int, batch_size: int, world_size: int, shuffle: bool, drop_last: bool, epoch: int
) -> None:
    shares = []
    for rank in range(world_size):
        sampler = WindowSampler(
            n, batch_size, shuffle=shuffle, seed=9, drop_last=drop_last, rank=rank, world_size=world_size
        )
        sampler.epoch = Epoch(epoch)
        shares.append(list(sampler))
        assert len(shares[-1]) == len(sampler)
        assert all(len(batch) == batch_size for batch in shares[-1][: None if drop_last else -1])
    given_out = [number for share in shares for batch in share for number in batch]
    assert len(set(given_out)) == len(given_out)
    if drop_last:
        assert len({len(share) for share in shares}) == 1
        assert len(given_out) > n - batch_size * world_size
    else:
        assert sorted(given_out) == list(range(n))
    if world_size == 1 and not shuffle:
        assert given_out == list(range(len(given_out)))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("seed", [None, 11])
@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 1, "persistent_workers": True}])
def test_after_a_stop_comes_the_exact_next_batch(
    shards: str, seed: int | None, options: dict[str, Any]
) -> None:
    def make() -> Any:
        return create_dataloader(shards, 8, seed=seed, drop_last=False, **options)

    torch.manual_seed(1)
    loader = make()
    n = len(loader)
    for epoch, stop in ((0, 0), (0, 1), (0, 5), (1, 3), (1, n)):
        torch.manual_seed(1)
        loader = make()
        for _ in range(epoch):
            batches(loader)
        iterator = iter(loader)
        for _ in range(stop):
            next(iterator)
        state = json.loads(json.dumps(loader.state_dict()))
        assert (state["epoch"], state["batches"]) == (epoch, stop)
        rest = batches(iterator)
        assert len(rest) == n - stop
        if seed is None and not stop:
            continue  # torch's own state says what comes, and nothing has been drawn of it
        torch.manual_seed(2)
        resumed = make()
        resumed.load_state_dict(state)
        assert resumed.state_dict() == state
        assert batches(resumed) == rest
        if seed is not None:
            assert batches(resumed) == batches(loader)


def test_an_epoch_that_ended_or_was_broken_off_is_followed_by_the_next(shards: str) -> None:
    loader = create_dataloader(shards, seed=0)
    epochs = [batches(loader) for _ in range(3)]
    assert loader.state_dict()["epoch"] == 3
    loader = create_dataloader(shards, seed=0)
    for _ in loader:
        break
    assert loader.state_dict()["batches"] == 1
    assert batches(loader) == epochs[1]
    assert (loader.state_dict()["epoch"], loader.state_dict()["batches"]) == (2, 0)
    assert batches(loader) == epochs[2]


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("options", [{}, {"num_workers": 1}, {"num_workers": 1, "persistent_workers": True}])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_an_epoch_within_an_epoch_does_not_change_it(
    shards: str, monkeypatch: pytest.MonkeyPatch, seed: int | None, options: dict[str, Any]
) -> None:
    """As the book's training loop does, which computes the loss over some batches now and then."""
    monkeypatch.setattr("gptprep.dataloader._AT_A_TIME", 16)
    torch.manual_seed(3)
    expected = batches(create_dataloader(shards, 8, seed=seed, **options))
    torch.manual_seed(3)
    loader = create_dataloader(shards, 8, seed=seed, **options)
    got, states = [], []
    for step, (inputs, targets) in enumerate(loader):
        got.append((inputs.tolist(), targets.tolist()))
        if step == 2:
            next(iter(loader))
        if step == 4:
            assert len(list(loader)) == len(expected)
        states.append(loader.state_dict())
    assert got == expected
    assert [(state["epoch"], state["batches"]) for state in states] == [(0, n + 1) for n in range(len(got))]
    assert loader.state_dict()["epoch"] == 3
    resumed = create_dataloader(shards, 8, seed=seed, **options)
    resumed.load_state_dict(states[5])
    assert batches(resumed) == expected[6:]
    assert resumed.state_dict()["epoch"] == 3


def test_the_state_is_that_of_the_newest_iteration(shards: str) -> None:
    loader = create_dataloader(shards, 8, seed=5)
    old, new = iter(loader), iter(loader)
    next(old), next(new), next(new)
    assert (loader.state_dict()["epoch"], loader.state_dict()["batches"]) == (1, 2)
    del new
    assert (loader.state_dict()["epoch"], loader.state_dict()["batches"]) == (0, 1)
    del old
    assert (loader.state_dict()["epoch"], loader.state_dict()["batches"]) == (0, 1)


def test_a_state_can_be_saved_by_torch_and_as_json(shards: str, tmp_path: Path) -> None:
    loader = create_dataloader(shards, np.int64(8), np.True_, seed=np.uint8(3))  # type: ignore[arg-type]
    torch.save(loader.state_dict(), tmp_path / "state.pt")
    assert torch.load(tmp_path / "state.pt", weights_only=True) == loader.state_dict()
    assert json.loads(json.dumps(loader.state_dict())) == loader.state_dict()


def test_states_of_other_loaders_are_refused(shards: str) -> None:
    state = create_dataloader(shards, 8, seed=1).state_dict()
    for change, message in (
        ({"batch_size": 4}, "batch_size is 4, was 8"),
        ({"seed": 2}, "seed is 2, was 1"),
        ({"shuffle": False}, "shuffle is False, was True"),
        ({"world_size": 2}, "world_size is 2, was 1"),
    ):
        loader = create_dataloader(shards, **{"batch_size": 8, "seed": 1, **change})  # type: ignore[arg-type]
        with pytest.raises(WrongUsage, match=message):
            loader.load_state_dict(state)
    loader = create_dataloader(shards, 8, seed=1)
    wrong: list[dict[str, Any]] = [{"batches": "1"}, {"batches": 10**6}, {"epoch": -1}, {"epoch": 1 << 70}]
    wrong += [{"drawn": value} for value in ("x", 1.5, -1, 1 << 70)]
    wrong += [{"begun": value} for value in (-1, None, 1 << 70)]
    wrong += [{"order": None}, {"order": {**state["order"], "more": 1}}, {"order": {}}]
    for change in wrong:
        with pytest.raises(WrongUsage) as caught:
            loader.load_state_dict({**state, **change})
        assert str(caught.value)
    with pytest.raises(WrongUsage):
        loader.load_state_dict({})
    assert loader.state_dict() == state
    unseeded = create_dataloader(shards, 8)
    with pytest.raises(WrongUsage, match="which seed was drawn"):
        unseeded.load_state_dict({**unseeded.state_dict(), "batches": 1, "begun": 1})


def test_every_option_that_the_order_follows_from_is_in_the_state(shards: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    options = WindowOptions((str(SAMPLES / "poem.txt"),), str(other), L, S + 1, "0.2")
    run_window(plan_window(options))
    base: dict[str, Any] = {"path": other, "batch_size": 2, "seed": 1}
    state = create_dataloader(**base).state_dict()
    changes: list[dict[str, Any]] = [
        {"path": shards},
        {"split": "val"},
        {"drop_last": False},
        {"shuffle": False},
        {"seed": None},
    ]
    for change in changes:
        with pytest.raises(WrongUsage, match="another loader"):
            create_dataloader(**{**base, **change}).load_state_dict(state)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"rank": 2, "world_size": 2, "seed": 1}, "rank is 2 of world_size 2"),
        ({"rank": -1}, "rank is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1 << 64}, "seed is"),
        ({"world_size": 2}, "need the same order"),
        ({"batch_size": 1000}, r"has too few windows: it has \d+, and one batch takes 1,000"),
        ({"batch_size": 50, "world_size": 3, "seed": 1}, "one batch for each process takes 150"),
        ({"world_size": 1000, "seed": 1, "drop_last": False}, "takes 1,000"),
        ({"generator": torch.Generator()}, "generator would change which batches come"),
        ({"sampler": None}, "sampler would change"),
        ({"split": "test"}, "no split 'test'"),
    ],
)
def test_arguments_that_make_no_sense(shards: str, choice: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongUsage, match=message):
        create_dataloader(shards, **choice)


def test_all_windows_come_in_a_shuffled_epoch(shards: str) -> None:
    loader = create_dataloader(shards, 8, drop_last=False, seed=4)
    dataset = WindowDataset(shards)
    got = sorted(row for inputs, _ in batches(loader) for row in inputs)
    assert got == sorted(dataset[:][0].tolist())
