"""`create_dataloader`: the book's batches, each window once, and the exact next batch after a stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import tiktoken
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from gptprep import WindowDataset, create_dataloader
from gptprep.errors import UsageError
from gptprep.training.dataloader import Epoch, WindowSampler
from gptprep.windows.epochs import Order
from tests.helpers.book import windows
from tests.helpers.folders import window
from tests.helpers.paths import SAMPLES

L, STRIDE = 16, 12
Batches: TypeAlias = list[tuple[list[list[int]], list[list[int]]]]
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("loader") / "shards"
    sizes: dict[str, Any] = {"context_length": L, "stride": STRIDE, "shard_size": 1500}
    window([SAMPLES / "poem.txt"], output, **sizes, val_fraction="0", seed=1)
    return output


@pytest.fixture(scope="module")
def book_dataset(reference: tiktoken.Encoding) -> TensorDataset:
    """The windows of the shards as the book makes them: all tensors in memory."""
    ids = reference.encode((SAMPLES / "poem.txt").read_bytes().decode(), allowed_special="all")
    return TensorDataset(*map(torch.tensor, windows(ids, L, STRIDE)))


def batches(loader: Any) -> Batches:
    return [(inputs.tolist(), targets.tolist()) for inputs, targets in loader]


def position(loader: Any) -> tuple[int, int]:
    """The epoch and the number of the next batch, according to the state."""
    state = loader.state_dict()
    return state["epoch"], state["batches"]


# Batches and their order


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_are_those_of_the_book(
    shards: Path, book_dataset: TensorDataset, shuffle: bool, drop_last: bool, num_workers: int
) -> None:
    torch.manual_seed(123)
    of_book: DataLoader[Any] = DataLoader(
        book_dataset, 8, shuffle, drop_last=drop_last, num_workers=num_workers
    )
    expected = [batches(of_book) for _ in range(3)]
    torch.manual_seed(123)
    loader = create_dataloader(shards, 8, shuffle, drop_last, num_workers)
    assert [batches(loader) for _ in range(3)] == expected
    assert len(loader) == len(of_book) == len(expected[0])
    assert (expected[0] != expected[1]) == shuffle


def test_batch_is_two_contiguous_int64_tensors(shards: Path) -> None:
    batch = next(iter(create_dataloader(shards)))
    assert len(batch) == 2
    for side in batch:
        assert isinstance(side, Tensor)
        assert (side.shape, side.dtype) == ((4, L), torch.int64)
        assert side.is_contiguous()


def test_shuffled_epoch_has_every_window_once(shards: Path) -> None:
    loader = create_dataloader(shards, 8, drop_last=False, seed=4)
    inputs = sorted(row for inputs, _ in batches(loader) for row in inputs)
    assert inputs == sorted(WindowDataset(shards)[:][0].tolist())


def test_seed_alone_decides_the_epochs(shards: Path) -> None:
    one, two = create_dataloader(shards, seed=7), create_dataloader(shards, seed=7)
    epochs = [batches(one) for _ in range(3)]
    torch.manual_seed(5)
    assert [batches(two) for _ in range(3)] == epochs
    assert epochs[0] != epochs[1] != epochs[2]
    assert batches(create_dataloader(shards, seed=8)) not in epochs


def test_order_of_a_seed_never_changes() -> None:
    """States that were saved rely on it."""
    sampler = WindowSampler(10, 4, Order(shuffle=True, seed=3, drop_last=False, world_size=1))
    assert list(sampler) == [[5, 8, 4, 3], [9, 2, 0, 7], [1, 6]]
    sampler.epoch = Epoch(1)
    assert list(sampler) == [[6, 4, 7, 2], [1, 0, 3, 5], [8, 9]]


@given(
    n=st.integers(1, 60),
    batch_size=st.integers(1, 7),
    order=st.builds(
        Order,
        shuffle=st.booleans(),
        seed=st.just(9),
        drop_last=st.booleans(),
        world_size=st.integers(1, 5),
    ),
    epoch=st.integers(0, 3),
    at_a_time=st.integers(1, 20),
)
def test_processes_divide_an_epoch_without_overlap_or_gaps(
    n: int, batch_size: int, order: Order, epoch: int, at_a_time: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gptprep.training.dataloader._NUMBERS_AT_A_TIME", at_a_time)
        of_ranks = [batches_of_rank(n, batch_size, order, epoch, rank) for rank in range(order.world_size)]
    numbers = [number for of_rank in of_ranks for batch in of_rank for number in batch]
    assert len(set(numbers)) == len(numbers)
    if order.drop_last:
        assert len({len(of_rank) for of_rank in of_ranks}) == 1
        assert len(numbers) > n - batch_size * order.world_size
    else:
        assert sorted(numbers) == list(range(n))
    if order.world_size == 1 and not order.shuffle:
        assert numbers == list(range(len(numbers)))


def batches_of_rank(n: int, batch_size: int, order: Order, epoch: int, rank: int) -> list[list[int]]:
    """The window numbers of the batches that one process gets; all but the last batch are full."""
    sampler = WindowSampler(n, batch_size, order, rank)
    sampler.epoch = Epoch(epoch)
    found = list(sampler)
    assert len(found) == len(sampler)
    assert all(len(batch) == batch_size for batch in found[: None if order.drop_last else -1])
    return found


# States


@pytest.mark.parametrize("seed", [None, 11])
@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 1, "persistent_workers": True}])
@pytest.mark.parametrize(("epoch", "stop"), [(0, 0), (0, 1), (0, 5), (1, 3), (1, None)])
def test_resumed_loader_continues_with_the_exact_next_batch(
    shards: Path, seed: int | None, options: dict[str, Any], epoch: int, stop: int | None
) -> None:
    def make() -> Any:
        return create_dataloader(shards, 8, seed=seed, drop_last=False, **options)

    torch.manual_seed(1)
    loader = make()
    stop = len(loader) if stop is None else stop
    for _ in range(epoch):
        batches(loader)
    iterator = iter(loader)
    for _ in range(stop):
        next(iterator)
    state = json.loads(json.dumps(loader.state_dict()))
    assert (state["epoch"], state["batches"]) == (epoch, stop)
    rest = batches(iterator)
    assert len(rest) == len(loader) - stop
    if seed is None and not stop:
        return  # the batches follow from torch's own state, and nothing was drawn from it
    torch.manual_seed(2)
    resumed = make()
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    assert batches(resumed) == rest
    if seed is not None:
        assert batches(resumed) == batches(loader)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_state_before_the_first_batch_has_the_order_of_the_iteration(shards: Path, num_workers: int) -> None:
    torch.manual_seed(5)
    expected = batches(create_dataloader(shards, num_workers=num_workers))
    torch.manual_seed(5)
    loader = create_dataloader(shards, num_workers=num_workers)
    iteration = iter(loader)
    state = loader.state_dict()
    assert batches(iteration) == expected
    torch.manual_seed(6)
    resumed = create_dataloader(shards, num_workers=num_workers)
    resumed.load_state_dict(state)
    assert batches(resumed) == expected


def test_next_epoch_follows_one_that_ended_or_was_stopped(shards: Path) -> None:
    loader = create_dataloader(shards, seed=0)
    epochs = [batches(loader) for _ in range(3)]
    assert position(loader) == (3, 0)
    loader = create_dataloader(shards, seed=0)
    for _ in loader:
        break
    assert position(loader) == (0, 1)
    assert batches(loader) == epochs[1]
    assert position(loader) == (2, 0)
    assert batches(loader) == epochs[2]


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("options", [{}, {"num_workers": 1}, {"num_workers": 1, "persistent_workers": True}])
def test_epoch_inside_an_epoch_does_not_change_it(
    shards: Path, monkeypatch: pytest.MonkeyPatch, seed: int | None, options: dict[str, Any]
) -> None:
    """The book's training loop does that: it evaluates some batches now and then."""
    monkeypatch.setattr("gptprep.training.dataloader._NUMBERS_AT_A_TIME", 16)
    torch.manual_seed(3)
    expected = batches(create_dataloader(shards, 8, seed=seed, **options))
    torch.manual_seed(3)
    loader = create_dataloader(shards, 8, seed=seed, **options)
    found, states = [], []
    for step, (inputs, targets) in enumerate(loader):
        found.append((inputs.tolist(), targets.tolist()))
        if step == 2:
            next(iter(loader))
        if step == 4:
            assert len(list(loader)) == len(expected)
        states.append(loader.state_dict())
    assert found == expected
    assert [(state["epoch"], state["batches"]) for state in states] == [(0, n + 1) for n in range(len(found))]
    assert position(loader)[0] == 3
    resumed = create_dataloader(shards, 8, seed=seed, **options)
    resumed.load_state_dict(states[5])
    assert batches(resumed) == expected[6:]
    assert position(resumed)[0] == 3


def test_state_is_that_of_the_newest_iteration(shards: Path) -> None:
    loader = create_dataloader(shards, 8, seed=5)
    old, new = iter(loader), iter(loader)
    next(old), next(new), next(new)
    assert position(loader) == (1, 2)
    del new
    assert position(loader) == (0, 1)
    del old
    assert position(loader) == (0, 1)


def test_state_can_be_saved_by_torch_and_as_json(shards: Path, tmp_path: Path) -> None:
    loader = create_dataloader(shards, np.int64(8), np.True_, seed=np.uint8(3))  # type: ignore[arg-type]
    torch.save(loader.state_dict(), tmp_path / "state.pt")
    assert torch.load(tmp_path / "state.pt", weights_only=True) == loader.state_dict()
    assert json.loads(json.dumps(loader.state_dict())) == loader.state_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 4}, "batch_size is 4, was 8"),
        ({"seed": 2}, "seed is 2, was 1"),
        ({"shuffle": False}, "shuffle is False, was True"),
        ({"world_size": 2}, "world_size is 2, was 1"),
    ],
)
def test_state_of_a_loader_with_other_options_is_refused(
    shards: Path, change: dict[str, Any], message: str
) -> None:
    options: dict[str, Any] = {"batch_size": 8, "seed": 1}
    state = create_dataloader(shards, **options).state_dict()
    with pytest.raises(UsageError, match=message):
        create_dataloader(shards, **{**options, **change}).load_state_dict(state)


def test_states_with_impossible_values_are_refused(shards: Path) -> None:
    loader = create_dataloader(shards, 8, seed=1)
    state = loader.state_dict()
    wrong: list[dict[str, Any]] = [{"batches": "1"}, {"batches": 10**6}, {"epoch": -1}, {"epoch": 1 << 70}]
    wrong += [{"drawn": value} for value in ("x", 1.5, -1, 1 << 70)]
    wrong += [{"begun": value} for value in (-1, None, 1 << 70)]
    wrong += [{"order": None}, {"order": {**state["order"], "more": 1}}, {"order": {}}]
    for change in wrong:
        with pytest.raises(UsageError) as caught:
            loader.load_state_dict({**state, **change})
        assert str(caught.value)
    with pytest.raises(UsageError):
        loader.load_state_dict({})
    assert loader.state_dict() == state


def test_state_in_an_epoch_without_its_drawn_seed_is_refused(shards: Path) -> None:
    loader = create_dataloader(shards, 8)
    with pytest.raises(UsageError, match="which seed was drawn"):
        loader.load_state_dict({**loader.state_dict(), "batches": 1, "begun": 1})


def test_state_names_every_option_that_the_order_follows_from(shards: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    window([SAMPLES / "poem.txt"], other, context_length=L, stride=STRIDE + 1, val_fraction="0.2")
    options: dict[str, Any] = {"path": other, "batch_size": 2, "seed": 1}
    state = create_dataloader(**options).state_dict()
    changes: list[dict[str, Any]] = [
        {"path": shards},
        {"split": "val"},
        {"drop_last": False},
        {"shuffle": False},
        {"seed": None},
    ]
    for change in changes:
        with pytest.raises(UsageError, match="another loader"):
            create_dataloader(**{**options, **change}).load_state_dict(state)


# Arguments


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
        ({"generator": torch.Generator()}, "generator would change the batches"),
        ({"sampler": None}, "sampler would change"),
        ({"split": "test"}, "no split 'test'"),
    ],
)
def test_arguments_that_give_no_batches_are_refused(
    shards: Path, choice: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        create_dataloader(shards, **choice)
