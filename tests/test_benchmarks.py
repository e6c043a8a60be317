"""The benchmark runs, and what it compares does the same work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.corpus import make_corpus
from benchmarks.peers import PEERS
from tests.conftest import TOP


def test_the_benchmark_prints_a_row_for_each_peer() -> None:
    command = [sys.executable, "-m", "benchmarks", "--megabytes", "0.3", "--runs", "1"]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True)
    assert [line.split(" | ")[0][2:] for line in done.stdout.splitlines()[3:]] == list(PEERS)


@pytest.mark.parametrize("kind", ["prose", "code", "scripts"])
def test_the_peers_write_the_same_ids(tmp_path: Path, kind: str) -> None:
    corpus, again = tmp_path / "corpus.txt", tmp_path / "again.txt"
    make_corpus(corpus, 100_000, kind)
    make_corpus(again, 100_000, kind)
    assert corpus.read_bytes() == again.read_bytes()
    for peer in PEERS:
        command = [sys.executable, "-m", "benchmarks.peers", peer, str(corpus), str(tmp_path / peer)]
        subprocess.run(command, cwd=TOP, check=True)
    ids = np.fromfile(tmp_path / "gptprep encode.bin", np.uint16)
    assert np.array_equal(np.fromfile(tmp_path / "gptprep encode --engine tiktoken.bin", np.uint16), ids)
    assert np.array_equal(np.fromfile(tmp_path / "tiktoken, one process", np.uint16), ids)
    for peer in ("tiktoken, two processes", "gigatoken, two processes (floor)"):
        assert np.array_equal(np.load(tmp_path / f"{peer}.npy"), ids)
    windows = np.load(tmp_path / "the book's dataset.npy")
    assert np.array_equal(np.load(tmp_path / "gptprep window" / "train" / "inputs-00000.npy"), windows)
