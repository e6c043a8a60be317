"""`python -m benchmarks`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command_line
from benchmarks.embedding import DIM, EMBEDDERS
from benchmarks.first_ids import COMMANDS
from benchmarks.forms import FORM_PEERS, FORMS
from benchmarks.peers import CONTEXT_LENGTH, PEERS, Peer
from benchmarks.reading import READERS
from benchmarks.strides import STRIDES
from benchmarks.tokenizers import FAMILIES
from benchmarks.training import TRAINERS
from tests.helpers.paths import TOP


def run(*arguments: str) -> list[str]:
    """The lines that `python -m benchmarks` prints."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def names(lines: list[str]) -> list[str]:
    """The first cell of each row."""
    return [line.split(" | ")[0][2:] for line in lines]


@pytest.mark.slow
def test_each_peer_has_a_row_or_a_line() -> None:
    lines = run("--megabytes", "0.3", "--runs", "1")
    rows = names([line for line in lines if line.startswith("| ")])[1:]
    assert rows == [name for name, peer in PEERS.items() if peer.is_installed]
    left_out = [line.split(":")[0] for line in lines if "left out" in line]
    assert left_out == [name for name, peer in PEERS.items() if not peer.is_installed]


def test_peers_are_chosen_by_words_and_missing_ones_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    missing = Peer(lambda _, __: None, "*", ("no_such_module", "no-such==1"))
    chosen = command_line.chosen(PEERS | {"a missing one": missing}, ["encode", "missing"])
    assert list(chosen) == ["gptprep encode", "gptprep encode --engine tiktoken"]
    assert capsys.readouterr().out == "a missing one: left out, not installed (pip install no-such==1)\n"


@pytest.mark.slow
def test_strides_print_a_row_for_each_way() -> None:
    lines = run("--strides", "--megabytes", "0.3", "--runs", "1")
    assert names(lines[4:7]) == list(STRIDES)


@pytest.mark.slow
def test_scaling_prints_a_row_for_each_size_and_peer() -> None:
    lines = run("--scaling", "--sizes", "0.1", "0.2", "--runs", "1")
    assert len([line for line in lines if line.startswith("| 0.")]) == 3 * 4


@pytest.mark.slow
def test_embed_prints_a_row_for_each_chosen_way() -> None:
    """Those that need torch are tried in test_peers.py; here the start of one is enough."""
    lines = run("--embed", "--windows", "8", "--runs", "1", "--peers", "gptprep", "dd")
    assert names(lines[4:7]) == [name for name in EMBEDDERS if "plain" not in name]
    assert all(f" {8 * CONTEXT_LENGTH * DIM:,} " in line for line in lines[4:7])


@pytest.mark.slow
def test_reading_prints_a_row_for_each_chosen_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """All readers are tried in test_peers.py; here the start of two is enough."""
    monkeypatch.setenv("READING_SECONDS", "0.1")
    lines = run("--reading", "--megabytes", "1", "--runs", "1", "--peers", "layout tokens", "nanoGPT")
    assert names(lines[3:]) == [name for name in READERS if "layout tokens" in name or "nanoGPT" in name]


@pytest.mark.slow
def test_forms_print_a_row_for_each_chosen_peer() -> None:
    """All peers are tried in test_forms.py; here gptprep on each form and a peer are enough."""
    lines = run("--forms", "--megabytes", "0.3", "--runs", "1", "--peers", "gptprep", "json.loads")
    expected = [name for name in FORM_PEERS if "gptprep" in name or "json.loads" in name]
    assert names(lines[4 : 4 + len(expected)]) == expected
    assert len([name for name in expected if "gptprep" in name]) == len(FORMS)


@pytest.mark.slow
def test_tokenizers_print_two_tables_for_each_file() -> None:
    """All peers are tried in test_tokenizers.py and test_first_ids.py; here two are enough."""
    lines = run("--tokenizers", "--megabytes", "0.2", "--runs", "1", "--peers", "gptprep count", "encode -t")
    rows = names([line for line in lines if line.startswith("| ") and "whole process" not in line])
    assert rows == ["gptprep count, .jsonl", "gptprep count, .txt", "gptprep encode -t"] * len(FAMILIES)
    headings = [line.split(",")[0] for line in lines if line.endswith("MB:")]
    assert headings == list(FAMILIES)


@pytest.mark.slow
def test_tokenizer_of_the_user_is_measured(gpt2: Path) -> None:
    path = str(gpt2 / "tokenizer.json")
    sizes = "--megabytes", "0.2", "--runs", "1"
    lines = run(
        "--tokenizers", "--tokenizer", path, *sizes, "--peers", "window, .txt", "Hugging Face", "from_"
    )
    assert lines[3].startswith(f"{path}, 50,257 ids, ")
    rows = ["gptprep window, .txt", "Hugging Face tokenizers, .jsonl", "Hugging Face tokenizers, .txt"]
    rows += [name for name in COMMANDS if "from_" in name]
    printed = names([line for line in lines if line.startswith("| ") and "whole process" not in line])
    assert printed == rows


def test_tokenizer_without_tokenizers_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--tokenizer", "t.json"])
    with pytest.raises(SystemExit):
        command_line.parse()
    assert "give --tokenizers too" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "expected"), [([], 100), (["--forms"], 100), (["--tokenizers"], 20)])
def test_size_of_the_corpus_has_a_default(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    assert command_line.parse().megabytes == expected


@pytest.mark.slow
def test_cores_print_a_row_for_each_command() -> None:
    lines = run("--cores", "--megabytes", "0.3", "--runs", "1", "--peers", "encode", "count")
    assert names(lines[3:]) == ["gptprep encode", "gptprep count"]


@pytest.mark.slow
def test_training_prints_a_row_for_each_trainer() -> None:
    lines = run("--training", "--megabytes", "1", "--runs", "1", "--peers", "8,192")
    assert names(lines[5:9]) == [name for name in TRAINERS if "8,192" in name]
