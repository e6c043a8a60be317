"""The benchmarks run, and what they compare does the same work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from base64 import b64decode
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tiktoken
import torch
from tiktoken.load import load_tiktoken_bpe
from tiktoken_ext.openai_public import r50k_pat_str

from benchmarks import __main__ as command_line
from benchmarks.corpus import make_corpus
from benchmarks.embedding import DIM, EMBEDDERS, prepare_embedding
from benchmarks.materials import DOCUMENT_BYTES, END_OF_TEXT_ID, documents, parts_of, prepare
from benchmarks.measure import Run, measure
from benchmarks.measure import _Memory as Memory
from benchmarks.peers import CONTEXT_LENGTH, PEERS, Peer
from benchmarks.reading import BATCH as READING_BATCH
from benchmarks.reading import READERS, prepare_reading
from benchmarks.scaling import exponent
from benchmarks.strides import STRIDES, prepare_ids
from benchmarks.tables import check_counts
from tests.conftest import RANKS, TOP

OF_DOCUMENTS = {  # peer: the files of its ids, in order
    "tiktoken, two processes (build-nanogpt)": "ids-*.npy",
    "Hugging Face tokenizers, two threads": "ids.bin",
    "tokbin, two threads": "corpus/**/*.bin",
    "tokbin, two processes": "0*/**/*.bin",
    "datatrove, two workers": "*.ds",
}


def run(*arguments: str) -> list[str]:
    """The lines that `python -m benchmarks` prints."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def write(where: str, peer: Peer, folder: Path, name: str) -> Path:
    """The output folder of one run of a peer."""
    output = folder / "outputs" / where
    output.mkdir(parents=True)
    if not peer.is_installed:
        pytest.skip(f"{name} is not installed")
    command = [sys.executable, "-m", "benchmarks.one", name, str(folder), str(output)]
    subprocess.run(command, cwd=TOP, check=True, capture_output=True)
    return output


@cache
def encoding() -> tiktoken.Encoding:
    """tiktoken's GPT-2, made of our rank file."""
    ranks = load_tiktoken_bpe(str(RANKS))
    special_tokens = {"<|endoftext|>": END_OF_TEXT_ID}
    return tiktoken.Encoding(
        "gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens=special_tokens
    )


def load(output: Path, pattern: str) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    """All ids of a peer, one after the other."""
    paths = sorted(output.glob(pattern))
    return np.concatenate(
        [np.load(p).ravel() if p.suffix == ".npy" else np.fromfile(p, "<u2") for p in paths]
    )


@pytest.fixture(scope="module", params=["prose", "code", "scripts"])
def materials(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of materials of a small corpus."""
    folder = tmp_path_factory.mktemp("materials")
    make_corpus(folder / "corpus.txt", 100_000, request.param)
    prepare(folder, folder / "corpus.txt")
    return folder


def test_there_is_a_row_or_a_line_for_each_peer() -> None:
    lines = run("--megabytes", "0.3", "--runs", "1")
    rows = [line.split(" | ")[0][2:] for line in lines if line.startswith("| ")][1:]
    assert rows == [name for name, peer in PEERS.items() if peer.is_installed]
    left_out = [line for line in lines if "left out" in line]
    assert [line.split(":")[0] for line in left_out] == [
        n for n, peer in PEERS.items() if not peer.is_installed
    ]


def test_peers_are_chosen_by_words_and_those_not_installed_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    missing = Peer(lambda _, __: None, "*", ("no_such_module", "no-such==1"))
    chosen = command_line.chosen(PEERS | {"a missing one": missing}, ["encode", "missing"])
    assert list(chosen) == ["gptprep encode", "gptprep encode --engine tiktoken"]
    assert capsys.readouterr().out == "a missing one: left out, not installed (pip install no-such==1)\n"


def test_strides_and_scaling_print_a_row_each() -> None:
    lines = run("--strides", "--megabytes", "0.3", "--runs", "1")
    assert [line.split(" | ")[0][2:] for line in lines[4:7]] == list(STRIDES)
    lines = run("--scaling", "--sizes", "0.1", "0.2", "--runs", "1")
    assert len([line for line in lines if line.startswith("| 0.")]) == 3


def test_reading_and_embed_print_a_row_each(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = run("--embed", "--windows", "8", "--runs", "1")
    assert [line.split(" | ")[0][2:] for line in lines[4:9]] == list(EMBEDDERS)
    assert all(f" {8 * CONTEXT_LENGTH * DIM:,} " in line for line in lines[4:9])
    monkeypatch.setenv("READING_SECONDS", "0.1")
    lines = run("--reading", "--megabytes", "1", "--runs", "1")
    assert [line.split(" | ")[0][2:] for line in lines[3:]] == list(READERS)


def test_the_plain_loop_gives_our_embeddings(tmp_path: Path) -> None:
    prepare_embedding(tmp_path, 9)
    theirs, ours = (
        np.concatenate([np.load(path) for path in sorted(write(name, peer, tmp_path, name).glob(peer.ids))])
        for name, peer in reversed(list(EMBEDDERS.items())[:2])
    )
    assert np.array_equal(ours, theirs)


def test_the_readers_read_windows_and_the_next_ids(tmp_path: Path) -> None:
    make_corpus(tmp_path / "corpus.txt", 400_000, "prose")
    prepare(tmp_path, tmp_path / "corpus.txt")
    prepare_ids(tmp_path)
    prepare_reading(tmp_path)
    ids = np.fromfile(tmp_path / "ids.bin", "<u2")
    known = {ids[start : start + 8].tobytes() for start in range(len(ids))}
    for name, reader in READERS.items():
        inputs, targets = next(reader.batches(tmp_path))
        assert inputs.shape == targets.shape == (READING_BATCH, CONTEXT_LENGTH), name
        assert inputs.dtype == targets.dtype == torch.int64
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        if "tokbin" not in name:  # which ends its documents in its own way
            assert all(row[:8].numpy().astype("<u2").tobytes() in known for row in inputs), name


@pytest.mark.parametrize("kind", ["prose", "code", "scripts"])
def test_a_corpus_is_the_same_again(tmp_path: Path, kind: str) -> None:
    for name in ("corpus.txt", "again.txt"):
        make_corpus(tmp_path / name, 100_000, kind)
    corpus = (tmp_path / "corpus.txt").read_bytes()
    assert corpus == (tmp_path / "again.txt").read_bytes()
    assert 100_000 <= len(corpus) < 110_000
    corpus.decode()


def test_documents_hold_the_text_and_are_cut_at_empty_lines(materials: Path) -> None:
    texts = list(documents(materials))
    assert all(len(text.encode()) >= DOCUMENT_BYTES for text in texts[:-1])
    whole = (materials / "corpus.txt").read_bytes().decode()
    assert "".join(texts).replace("\n", "") == whole.replace("\n", "")
    lines = [len(path.read_bytes().splitlines()) for path in sorted((materials / "documents").iterdir())]
    assert sum(lines) == len(texts)
    assert abs(lines[0] - lines[1]) <= 3
    assert (
        json.loads((materials / "documents" / "00000.jsonl").read_bytes().splitlines()[0])["text"] == texts[0]
    )


def test_merges_are_found_by_the_merges_below() -> None:
    ranks = {b64decode(token): int(rank) for token, rank in map(bytes.split, RANKS.read_bytes().splitlines())}
    assert parts_of(b" t", ranks) == (b" ", b"t")
    assert parts_of(b" the", ranks) == (b" t", b"he")
    with pytest.raises(ValueError, match="no merges"):
        parts_of(b"abc", {b"a": 0, b"b": 1, b"c": 2, b"abc": 3})


@pytest.mark.parametrize("name", [name for name in PEERS if name not in OF_DOCUMENTS])
def test_the_peers_that_take_the_text_write_the_same_ids(materials: Path, name: str) -> None:
    text = (materials / "corpus.txt").read_bytes().decode()
    expected = encoding().encode_ordinary(text)
    if "window" in name or "GPTDataset" in name:
        expected = expected[: (len(expected) - 1) // CONTEXT_LENGTH * CONTEXT_LENGTH]
    assert load(write(name, PEERS[name], materials, name), PEERS[name].ids).tolist() == expected


@pytest.mark.parametrize("name", OF_DOCUMENTS)
def test_the_peers_that_take_documents_write_the_same_ids(materials: Path, name: str) -> None:
    texts = list(documents(materials))
    expected = [id_ for text in texts for id_ in encoding().encode_ordinary(text)]
    written = load(write(name, PEERS[name], materials, name), OF_DOCUMENTS[name])
    assert np.count_nonzero(written == END_OF_TEXT_ID) == len(texts)
    assert written[written != END_OF_TEXT_ID].tolist() == expected


def test_the_ways_of_striding_write_the_same_windows(materials: Path) -> None:
    if not (materials / "ids.bin").exists():
        prepare_ids(materials)
    for which in ("inputs", "targets"):
        ours, theirs, faster = (
            load(write(f"{name} {which}", peer, materials, name), f"**/{which}*.npy")
            for name, peer in STRIDES.items()
        )
        assert len(ours)
        assert np.array_equal(ours, theirs)
        assert np.array_equal(ours, faster)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="memory is read from /proc")
def test_memory_is_that_of_all_processes_together() -> None:
    hold = "held = bytearray(b'x') * 100_000_000; import time; time.sleep(20)"
    both = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {hold!r}]); {hold}"
    with subprocess.Popen([sys.executable, "-c", both], start_new_session=True) as process:
        memory = Memory(process.pid)
        for _ in range(150):  # until both hold what they hold, on a slow machine too
            time.sleep(0.1)
            if memory._peak > 200_000_000:
                break
        peak = memory.stop()
        os.killpg(process.pid, 9)
    assert peak
    assert 200_000_000 < peak < 260_000_000


def test_a_run_counts_ids_and_leaves_no_output(materials: Path) -> None:
    measured = measure("gptprep encode", PEERS["gptprep encode"], materials)
    text = (materials / "corpus.txt").read_bytes().decode()
    assert measured.n_ids == len(encoding().encode_ordinary(text))
    assert measured.seconds > 0
    assert not (materials / "output").exists()


def test_a_peer_that_does_less_is_found() -> None:
    runs = {name: [Run(1.0, None, n)] for name, n in {"a": 1000, "b": 1010, "lazy": 500}.items()}
    assert [line.split(":")[0] for line in check_counts(runs, 0)] == ["lazy"]


def test_the_exponent_is_that_beyond_start_up() -> None:
    assert exponent({1000: 0.5, 10**7: 0.6, 10**8: 1.5, 10**9: 10.5}).endswith("bytes**1.00.")
    assert exponent({1000: 0.5, 10**7: 0.4}).startswith("Too few")
