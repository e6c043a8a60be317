"""`window`: every kind of shard folder, against the slow and obvious way to make it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gptprep.errors import GptprepError
from gptprep.pipelines.window import WindowOptions, WindowReport
from gptprep.tokenizers import load_tokenizer
from gptprep.tokens import parts
from tests.helpers.cli import Run
from tests.helpers.folders import contents, window, window_options
from tests.helpers.paths import SAMPLES
from tests.helpers.slow_windows import EOT, WINDOW_OPTIONS, Row, split_rows, split_sources, stored_rows
from tests.helpers.verification import problems


def id_files(folder: Path, texts: list[list[int]]) -> list[str | Path]:
    """A file of ids for each text."""
    paths: list[str | Path] = []
    for number, ids in enumerate(texts):
        paths.append(folder / f"{number:03d}.bin")
        np.array(ids, "<u2").tofile(paths[-1])
    return paths


def check_report(report: WindowReport, options: WindowOptions, expected: dict[str, list[Row]]) -> None:
    """Check the counts in a manifest."""
    for name, rows in expected.items():
        split, length = report.manifest.splits[name], options.windows.context_length
        padding = len(rows) * length - sum(row[2] for row in rows)
        assert (split.windows, split.padding) == (len(rows), padding)
        if options.windows.step <= length + 1:
            assert split.dropped_gaps == 0


def sources_of(report: WindowReport) -> dict[str, dict[int, tuple[int, int]]]:
    """How many ids and windows each split has of each source, as the manifest says."""
    return {
        name: {
            number: (source.splits[name].ids, source.splits[name].windows)
            for number, source in enumerate(report.manifest.sources)
            if name in source.splits
        }
        for name in report.manifest.splits
    }


def check_files(folder: Path, options: WindowOptions) -> None:
    """Check the size and dtype of all arrays."""
    dtype = "uint16" if options.dtype == "auto" else options.dtype
    for file in folder.rglob("*.npy"):
        assert file.stat().st_size <= options.shard_size
        if file.name.startswith(("inputs", "targets", "tokens")):
            assert np.load(file).dtype == dtype


IDS = st.one_of(st.integers(0, 50255), st.integers(0, 50255), st.just(EOT))


@settings(max_examples=150)
@given(
    texts=st.lists(st.lists(IDS, min_size=1, max_size=30), min_size=1, max_size=5),
    part=st.integers(1, 20),
    choices=st.fixed_dictionaries(WINDOW_OPTIONS),
)
def test_all_kinds_are_those_of_the_slow_way_and_intact(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[int]], part: int, choices: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("kinds")
    inputs, out = id_files(folder, texts), folder / "out"
    options = window_options(inputs, out, **choices)
    expected = split_rows(texts, options.windows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "_PART_IDS", part)
        patch.setattr(parts, "PART_BYTES", 1)
        patch.setattr("gptprep.windows.gather.BLOCK_BYTES", 60)
        patch.setattr("gptprep.windows.document_split._BLOCK_IDS", 5)
        if not all(expected.values()):
            with pytest.raises(GptprepError, match="is too short for one window"):
                window(inputs, out, **choices)
            return
        report = window(inputs, out, **choices)
    assert {name: stored_rows(out, name) for name in report.manifest.splits} == expected
    check_report(report, options, expected)
    assert sources_of(report) == split_sources(texts, options.windows)
    check_files(out, options)
    assert problems(out) == []


SENTENCES = st.sampled_from(["One two.", " three", "\n", "<|endoftext|>", "four five six"])


@settings(max_examples=100)
@given(
    texts=st.lists(st.lists(SENTENCES, min_size=1, max_size=9).map("".join), min_size=1, max_size=3),
    part=st.integers(1, 30),
    choices=st.fixed_dictionaries(WINDOW_OPTIONS),
)
def test_texts_with_literal_end_of_text_give_what_their_ids_give(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], part: int, choices: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("literal")
    tokenizer = load_tokenizer("gpt2")
    inputs: list[str | Path] = []
    for number, text in enumerate(texts):
        path = folder / f"{number}.txt"
        path.write_text(text)
        inputs.append(path)
    out = folder / "out"
    options = window_options(inputs, out, **choices)
    expected = split_rows([tokenizer.encode(text) for text in texts], options.windows)
    assume(all(expected.values()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PART_BYTES", part)
        report = window(inputs, out, **choices)
    assert {name: stored_rows(out, name) for name in expected} == expected
    assert sources_of(report) == split_sources([tokenizer.encode(text) for text in texts], options.windows)
    assert problems(out) == []


def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = {"split_by": "document", "boundary": "document", "shuffle": True, "val_fraction": "0.3"}
    written = []
    for workers, part_bytes in ((1, 1 << 24), (2, 7_000), (3, 20_000)):
        monkeypatch.setattr(parts, "PART_BYTES", part_bytes)
        out = tmp_path / f"{workers}"
        size = {"context_length": 32, "stride": 20, "shard_size": 9_000, "seed": 9}
        window([SAMPLES], out, workers=workers, **kind, **size)
        written.append(contents(out))
    assert written[0] == written[1] == written[2]


# At the shell

SAMPLE_WINDOWS = ("window", "sample_texts", "-L", "64", "--val-fraction", "0.2", "--seed", "5")
KIND = ("--split-by", "document", "--boundary", "document", "--shuffle")


@pytest.mark.usefixtures("samples")
def test_both_layouts_hold_the_same_windows(run: Run, tmp_path: Path) -> None:
    assert run(*SAMPLE_WINDOWS, *KIND, "-o", "pairs", "-q").code == 0
    done = run(*SAMPLE_WINDOWS, *KIND, "-o", "tokens", "--layout", "tokens", "--json")
    manifest = json.loads(done.out)["manifest"]
    assert (manifest["layout"], manifest["shuffle"], manifest["seed"]) == ("tokens", True, 5)
    for split in ("train", "val"):
        assert stored_rows(tmp_path / "pairs", split) == stored_rows(tmp_path / "tokens", split)
    pairs, tokens = (sum(map(len, contents(tmp_path / name).values())) for name in ("pairs", "tokens"))
    assert tokens < 0.7 * pairs
    embedded = run("embed", "tokens", "-o", "e", "--dim", "4", "--device", "cpu", "--json")
    windows = {name: split["windows"] for name, split in manifest["splits"].items()}
    assert json.loads(embedded.out)["windows"] == windows


@pytest.mark.usefixtures("samples")
def test_padding_is_reported(run: Run) -> None:
    assert "padding" in run(*SAMPLE_WINDOWS, *KIND, "-o", "plain").err


NO_VAL = ("--split-by", "document", "--val-fraction", "0.0001", "-L", "8")


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize(
    ("options", "code", "messages"),
    [
        (("--seed", "-1"), 2, ["--seed is -1"]),
        (("--dtype", "uint8"), 2, ["--dtype is 'uint8'", "fix: give auto, uint16"]),
        (("--boundary", "none"), 2, ["--boundary is 'none'", "fix: give stream or document"]),
        (NO_VAL, 1, ["the val split is too short for one window", "another --seed, or more text"]),
    ],
    ids=["seed", "dtype", "boundary", "no val"],
)
def test_wrong_options_are_explained(
    run: Run, tmp_path: Path, options: tuple[str, ...], code: int, messages: list[str]
) -> None:
    done = run("window", "sample_texts", "-o", "s", *options)
    assert (done.code, done.out) == (code, b"")
    for message in messages:
        assert message in done.err
    assert not (tmp_path / "s").exists()


@pytest.mark.usefixtures("samples")
def test_boundary_document_needs_an_end_of_text_token(run: Run, tmp_path: Path) -> None:
    assert run("vocab", "sample_texts", "-o", "v.json", "--no-special-tokens", "-q").code == 0
    done = run("window", "sample_texts", "-o", "s", "-T", "v.json", "--boundary", "document")
    assert (done.code, done.out) == (1, b"")
    assert "v.json has no end-of-text token" in done.err
    assert not (tmp_path / "s").exists()


def test_end_of_text_token_in_a_text_ends_a_document(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One two three.<|endoftext|>Four five.")
    assert run("encode", "a.txt", "-o", "a.bin", "-q").code == 0
    for name in ("a.txt", "a.bin"):
        done = run("window", name, "-o", name + ".s", "-L", "8", "--boundary", "document", "-q")
        assert done.code == 0, done.err
    rows = stored_rows(tmp_path / "a.txt.s", "train")
    assert rows == stored_rows(tmp_path / "a.bin.s", "train")
    assert [row[2] for row in rows] == [4, 3]
