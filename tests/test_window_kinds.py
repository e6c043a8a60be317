"""Every kind of shard folder against the slow and obvious way to make it."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptprep import open_shards, shuffling
from gptprep.pipelines import parts
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.window import run_window
from tests.conftest import SAMPLES, Run
from tests.test_cli_shards import tree

EOT, MASK = 50256, (1 << 64) - 1

Rows = list[tuple[list[int], list[int], int]]
"""Inputs, targets and real length of each window."""


# The slow truth


def mix(value: int) -> int:
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


def key(seed: int, number: int) -> int:
    return mix((seed + (number + 1) * 0x9E3779B97F4A7C15) & MASK)


def permuted(index: int, n: int, seed: int) -> int:
    bits = next(bits for bits in range(1, 33) if 4**bits >= n)
    while True:
        low, high = index % (1 << bits), index >> bits
        for number in range(8):
            low, high = high ^ (mix((low + key(seed, number)) & MASK) >> (64 - bits)), low
        index = (high << bits) | low
        if index < n:
            return index


def goes_to_val(document: int, fraction: Fraction, seed: int) -> bool:
    return Fraction(mix((mix(document) + key(seed, 8)) & MASK), 1 << 64) < fraction


def stream_windows(ids: list[int], length: int, stride: int) -> Rows:
    starts = range(0, len(ids) - length, stride)
    return [(ids[s : s + length], ids[s + 1 : s + length + 1], length) for s in starts]


def document_windows(ids: list[int], length: int, stride: int) -> Rows:
    rows: Rows = []
    start = 0
    while start < len(ids) - 1:
        inputs, targets = ids[:-1][start : start + length], ids[1:][start : start + length]
        padding = [EOT] * (length - len(inputs))
        rows.append((inputs + padding, targets + padding, len(inputs)))
        if start + length >= len(ids) - 1:
            break
        start += stride
    return rows


def truth(documents: list[list[int]], options: WindowOptions) -> dict[str, Rows]:
    """The windows of each split, one document at a time."""
    fraction, by_document = options.fraction(), options.boundary == "document"
    ended = [[*document, EOT] for document in documents]
    if options.split_by == "document" and fraction:
        in_val = [goes_to_val(number, fraction, options.seed) for number in range(len(ended))]
        splits = {
            "train": [ids for ids, val in zip(ended, in_val, strict=True) if not val],
            "val": [ids for ids, val in zip(ended, in_val, strict=True) if val],
        }
    else:
        total = sum(map(len, ended)) - (not by_document)
        border = total - math.floor(total * fraction)
        splits = {"train": [], "val": []} if fraction else {"train": []}
        begin = 0
        for ids in ended:
            splits["train"].append(ids[: max(0, border - begin)])
            if fraction:
                splits["val"].append(ids[max(0, border - begin) :])
            begin += len(ids)
    found = {}
    for name, of_split in splits.items():
        if by_document:
            rows = [
                row
                for ids in of_split
                for row in document_windows(ids, options.context_length, options.step())
            ]
        else:
            joined = [token for ids in of_split for token in ids]
            has_trailing_end = name == "val" or bool(fraction and options.split_by == "document")
            rows = stream_windows(
                joined[:-1] if has_trailing_end else joined, options.context_length, options.step()
            )
        if options.shuffle:
            rows = [rows[permuted(n, len(rows), options.seed)] for n in range(len(rows))]
        found[name] = rows
    return found


def written(folder: Path, split: str) -> Rows:
    reader = open_shards(str(folder)).windows(split)
    windows = reader.take(np.arange(len(reader)))
    return list(zip(windows.inputs.tolist(), windows.targets.tolist(), windows.lengths.tolist(), strict=True))


CHOICES: dict[str, Any] = {
    "context_length": st.integers(1, 6),
    "stride": st.integers(1, 9),
    "val_fraction": st.sampled_from(["0", "0.3", "0.5"]),
    "split_by": st.sampled_from(["tail", "document"]),
    "boundary": st.sampled_from(["stream", "document"]),
    "shuffle": st.booleans(),
    "seed": st.integers(0, MASK),
    "layout": st.sampled_from(["pairs", "tokens"]),
    "dtype": st.sampled_from(["auto", "uint32", "int32", "int64"]),
    "shard_size": st.integers(180, 400),
}


@settings(max_examples=150)
@given(
    documents=st.lists(st.lists(st.integers(0, 50255), max_size=14), min_size=1, max_size=9),
    files=st.integers(1, 4),
    part=st.integers(1, 20),
    choices=st.fixed_dictionaries(CHOICES),
)
def test_all_kinds_are_those_of_the_slow_way(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[list[int]],
    files: int,
    part: int,
    choices: dict[str, Any],
) -> None:
    folder = tmp_path_factory.mktemp("kinds")
    documents = [ids or [7] for ids in documents]
    inputs = []
    for number in range(0, len(documents), files):
        joined = [token for ids in documents[number : number + files] for token in (EOT, *ids)][1:]
        path = folder / f"{number:03d}.bin"
        np.array(joined, "<u2").tofile(path)
        inputs.append(str(path))
    options = WindowOptions(tuple(inputs), str(folder / "out"), workers=1, **choices)
    expected = truth(documents, options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "_PART_IDS", part)
        patch.setattr(parts, "PART_BYTES", 1)
        patch.setattr("gptprep.shards.cutting.BLOCK_BYTES", 60)
        patch.setattr("gptprep.pipelines.splits._BLOCK", 5)
        if not all(expected.values()):
            with pytest.raises(Exception, match="is too short for one window"):
                run_window(plan_window(options))
            return
        report = run_window(plan_window(options))
    for name, rows in expected.items():
        assert written(folder / "out", name) == rows
        split = report.manifest.splits[name]
        inputs_in_windows = len(rows) * options.context_length
        assert (split.windows, split.padding) == (len(rows), inputs_in_windows - sum(row[2] for row in rows))
        if options.step() <= options.context_length + 1:
            assert split.dropped_gaps == 0
    for file in (folder / "out").rglob("*.npy"):
        assert file.stat().st_size <= options.shard_size
        if file.name.startswith(("inputs", "targets", "tokens")):
            expected_dtype = "uint16" if options.dtype == "auto" else options.dtype
            assert np.load(file).dtype == expected_dtype


@given(
    documents=st.lists(st.integers(1, 14), min_size=2, max_size=9),
    choices=st.fixed_dictionaries({**CHOICES, "val_fraction": st.sampled_from(["0.2", "0.5"])}),
)
@settings(max_examples=60)
def test_no_id_of_a_val_target_is_in_a_train_window(
    tmp_path_factory: pytest.TempPathFactory, documents: list[int], choices: dict[str, Any]
) -> None:
    """Each id is met once in the corpus, so an id tells its place."""
    folder = tmp_path_factory.mktemp("leak")
    ids = iter(range(50256))
    inputs = []
    for number, size in enumerate(documents):
        inputs.append(str(folder / f"{number:03d}.bin"))
        np.array([next(ids) for _ in range(size)], "<u2").tofile(inputs[-1])
    options = WindowOptions(tuple(inputs), str(folder / "out"), workers=1, **choices)
    if not all(truth([[0] * size for size in documents], options).values()):
        return
    run_window(plan_window(options))
    train = {token for row in written(folder / "out", "train") for side in row[:2] for token in side}
    val = {token for row in written(folder / "out", "val") for token in row[1]}
    assert train & val <= {EOT}


# Shuffling


@given(n=st.integers(1, 300), seed=st.integers(0, MASK))
def test_a_shuffle_is_a_bijection_as_documented(n: int, seed: int) -> None:
    order = shuffling.permute(range(n), n, seed).tolist()
    assert sorted(order) == list(range(n))
    assert order == [permuted(index, n, seed) for index in range(n)]


def test_a_shuffle_is_frozen_and_looks_like_chance() -> None:
    assert shuffling.permute(range(8), 10**12, 7).tolist() == FROZEN
    order = shuffling.permute(range(100_000), 100_000, 1)
    assert abs(np.corrcoef(order, np.arange(100_000))[0, 1]) < 0.02
    assert abs(np.abs(np.diff(order)).mean() / 100_000 - 1 / 3) < 0.01
    assert abs((shuffling.hash_numbers(range(100_000), 3) < np.uint64(1 << 63)).mean() - 0.5) < 0.01


FROZEN = [
    620693115112,
    520182630826,
    532719872764,
    711404337218,
    724754341203,
    6168999583,
    419662916727,
    896642193328,
]


# At the shell


@pytest.mark.usefixtures("samples")
def test_kinds_at_the_shell(run: Run, tmp_path: Path) -> None:
    arguments = ("window", "sample_texts", "-L", "64", "--val-fraction", "0.2", "--seed", "5")
    kinds = ("--split-by", "document", "--boundary", "document", "--shuffle")
    assert run(*arguments, *kinds, "-o", "pairs", "-q").code == 0
    done = run(*arguments, *kinds, "-o", "tokens", "--layout", "tokens", "--json")
    manifest = json.loads(done.out)["manifest"]
    assert (manifest["layout"], manifest["shuffle"], manifest["seed"]) == ("tokens", True, 5)
    for split in ("train", "val"):
        assert written(tmp_path / "pairs", split) == written(tmp_path / "tokens", split)
    sizes = [sum(map(len, tree(tmp_path / name).values())) for name in ("pairs", "tokens")]
    assert sizes[1] < 0.7 * sizes[0]
    embedded = run("embed", "tokens", "-o", "e", "--dim", "4", "--device", "cpu", "--json")
    assert json.loads(embedded.out)["windows"] == {
        name: split["windows"] for name, split in manifest["splits"].items()
    }
    assert "padding" in run(*arguments, *kinds, "-o", "plain").err


@pytest.mark.usefixtures("samples")
def test_wrong_kinds(run: Run, tmp_path: Path) -> None:
    assert run("vocab", "sample_texts", "-o", "v.json", "--no-special-tokens", "-q").code == 0
    for arguments, code, what in (
        (["--seed", "-1"], 2, "--seed is -1"),
        (["--dtype", "uint8"], 2, "Invalid value for '--dtype'"),
        (["--boundary", "none"], 2, "Invalid value for '--boundary'"),
        (["-T", "v.json", "--boundary", "document"], 1, "v.json has no end-of-text token"),
        (
            ["--split-by", "document", "--val-fraction", "0.0001", "-L", "8"],
            1,
            "the val split is too short for one window",
        ),
        (
            ["--split-by", "document", "--val-fraction", "0.0001", "-L", "8"],
            1,
            "another --seed, or more text",
        ),
    ):
        done = run("window", "sample_texts", "-o", "s", *arguments)
        assert (done.code, done.out) == (code, b""), arguments
        assert what in done.err, done.err
        assert not (tmp_path / "s").exists()


def test_documents_end_where_an_end_of_text_token_stands_in_the_text(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One two three.<|endoftext|>Four five.")
    assert run("encode", "a.txt", "-o", "a.bin", "-q").code == 0
    for name in ("a.txt", "a.bin"):
        done = run("window", name, "-o", name + ".s", "-L", "8", "--boundary", "document", "-q")
        assert done.code == 0, done.err
    assert written(tmp_path / "a.txt.s", "train") == written(tmp_path / "a.bin.s", "train")
    assert [row[2] for row in written(tmp_path / "a.txt.s", "train")] == [4, 3]


def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = []
    for workers, size in ((1, 1 << 24), (2, 7_000), (3, 20_000)):
        monkeypatch.setattr(parts, "PART_BYTES", size)
        options = WindowOptions(
            (str(SAMPLES),),
            str(tmp_path / f"{workers}"),
            32,
            20,
            "0.3",
            "document",
            "document",
            shuffle=True,
            seed=9,
            shard_size=9_000,
            workers=workers,
        )
        run_window(plan_window(options))
        trees.append(tree(tmp_path / f"{workers}"))
    assert trees[0] == trees[1] == trees[2]
