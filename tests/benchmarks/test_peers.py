"""What is compared does the same work: peers write the same ids, windows and embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiktoken
import torch

from benchmarks.corpus import make_corpus
from benchmarks.embedding import EMBEDDERS, prepare_embedding
from benchmarks.materials import END_OF_TEXT_ID, documents, write_documents
from benchmarks.peers import CONTEXT_LENGTH, PEERS
from benchmarks.reading import BATCH, READERS, prepare_reading
from benchmarks.strides import STRIDES, prepare_ids
from tests.helpers.peers import numbers, write

pytestmark = pytest.mark.slow
OF_DOCUMENTS = {  # peer: the files of its ids, in order
    "tiktoken, two processes (build-nanogpt)": "ids-*.npy",
    "Hugging Face tokenizers, two threads": "ids.bin",
    "tokbin, two threads": "corpus/**/*.bin",
    "tokbin, two processes": "0*/**/*.bin",
    "datatrove, two workers": "*.ds",
}


@pytest.mark.parametrize("name", [name for name in PEERS if name not in OF_DOCUMENTS])
def test_peers_of_the_whole_text_write_the_same_ids(
    materials: Path, reference: tiktoken.Encoding, name: str
) -> None:
    text = (materials / "corpus.txt").read_bytes().decode()
    expected = reference.encode_ordinary(text)
    if "inputs" in PEERS[name].ids:
        expected = expected[: (len(expected) - 1) // CONTEXT_LENGTH * CONTEXT_LENGTH]
    assert numbers(write(PEERS[name], name, materials), PEERS[name].ids).tolist() == expected


@pytest.mark.parametrize("name", OF_DOCUMENTS)
def test_peers_of_documents_write_the_same_ids(
    materials: Path, reference: tiktoken.Encoding, name: str
) -> None:
    texts = list(documents(materials))
    expected = [id_ for text in texts for id_ in reference.encode_ordinary(text)]
    written = numbers(write(PEERS[name], name, materials), OF_DOCUMENTS[name])
    assert np.count_nonzero(written == END_OF_TEXT_ID) == len(texts)
    assert written[written != END_OF_TEXT_ID].tolist() == expected


def test_all_ways_to_write_overlapping_windows_give_the_same(materials: Path) -> None:
    if not (materials / "ids.bin").exists():
        prepare_ids(materials)
    outputs = [write(peer, name, materials) for name, peer in STRIDES.items()]
    for side in ("inputs", "targets"):
        ours, flushed, not_flushed = (numbers(output, f"**/{side}*.npy") for output in outputs)
        assert len(ours)
        assert np.array_equal(ours, flushed)
        assert np.array_equal(ours, not_flushed)


def test_plain_loop_gives_our_embeddings(tmp_path: Path) -> None:
    prepare_embedding(tmp_path, 9)
    ours, plain = (
        np.concatenate([np.load(path) for path in sorted(write(peer, name, tmp_path).glob(peer.ids))])
        for name, peer in list(EMBEDDERS.items())[:2]
    )
    assert np.array_equal(ours, plain)


def test_readers_give_windows_and_the_ids_after_them(tmp_path: Path, gpt2: Path) -> None:
    make_corpus(tmp_path / "corpus.txt", 400_000, "prose")
    write_documents(tmp_path / "corpus.txt", tmp_path / "documents")
    (tmp_path / "gpt2").symlink_to(gpt2)
    prepare_ids(tmp_path)
    prepare_reading(tmp_path)
    ids = np.fromfile(tmp_path / "ids.bin", "<u2")
    known = {ids[start : start + 8].tobytes() for start in range(len(ids))}
    for name, reader in READERS.items():
        inputs, targets = next(reader.batches(tmp_path))
        assert inputs.shape == targets.shape == (BATCH, CONTEXT_LENGTH), name
        assert inputs.dtype == targets.dtype == torch.int64
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        if "tokbin" not in name:  # which ends its documents in its own way
            assert all(row[:8].numpy().astype("<u2").tobytes() in known for row in inputs), name
