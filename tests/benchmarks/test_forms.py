"""All forms hold the same documents, and all peers write their ids."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tiktoken
from pyarrow import parquet

from benchmarks import forms
from benchmarks.corpus import KINDS, make_corpus
from benchmarks.forms import (
    FORM_PEERS,
    FORMS,
    LONG,
    SHORT,
    ZSTD,
    check_forms,
    documents_of,
    form_of,
    write_forms,
)
from benchmarks.materials import END_OF_TEXT_ID, write_tiktoken_cache
from benchmarks.measure import Run
from benchmarks.peers import CONTEXT_LENGTH
from tests.helpers.peers import numbers, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, gpt2: Path) -> Path:
    """Materials of a corpus of all kinds."""
    folder = tmp_path_factory.mktemp("forms")
    for kind in KINDS:
        make_corpus(folder / f"{kind}.txt", 50_000, kind)
    parts = [(folder / f"{kind}.txt").read_bytes() for kind in KINDS]
    (folder / "corpus.txt").write_bytes(b"".join(parts))
    (folder / "gpt2").symlink_to(gpt2)
    write_tiktoken_cache(folder / "tiktoken")
    write_forms(folder)
    return folder


def texts(folder: Path, characters: int | None) -> list[str]:
    """The documents of a form."""
    corpus = folder / "corpus.txt"
    if characters is None:
        return [corpus.read_bytes().decode()]
    return [text.decode() for text in documents_of(corpus, characters)]


def texts_of_lines(lines: Iterable[bytes]) -> list[str]:
    """The texts of JSON Lines."""
    return [json.loads(line)["text"] for line in lines]


@pytest.mark.parametrize("characters", [LONG, SHORT])
def test_documents_are_the_text_and_end_with_a_word(
    folder: Path, monkeypatch: pytest.MonkeyPatch, characters: int
) -> None:
    documents = texts(folder, characters)
    assert "".join(documents) == (folder / "corpus.txt").read_bytes().decode()
    assert all(len(text) >= characters for text in documents[:-1])
    assert all(text[0].isspace() and not text[characters:].count(" ") for text in documents[1:-1])
    monkeypatch.setattr(forms, "_BLOCK_CHARACTERS", 1000)
    assert texts(folder, characters) == documents


def test_all_forms_hold_the_same_documents(folder: Path) -> None:
    expected = texts(folder, LONG)
    lines = (folder / FORMS[".jsonl"].file).read_bytes()
    assert texts_of_lines(lines.splitlines()) == expected
    assert gzip.decompress((folder / FORMS[".jsonl.gz"].file).read_bytes()) == lines
    assert import_module(ZSTD).decompress((folder / FORMS[".jsonl.zst"].file).read_bytes()) == lines
    assert parquet.read_table(folder / FORMS[".parquet"].file)["text"].to_pylist() == expected
    short = (folder / "forms" / f"documents-{SHORT}.jsonl").read_bytes()
    assert texts_of_lines(short.splitlines()) == texts(folder, SHORT)


def test_halves_hold_the_documents(folder: Path) -> None:
    for characters in (LONG, SHORT):
        paths = sorted((folder / "halves" / f"{characters}.jsonl").iterdir())
        lines = b"".join(path.read_bytes() for path in paths).splitlines()
        assert texts_of_lines(lines) == texts(folder, characters)
    tables = [parquet.read_table(path) for path in sorted((folder / "halves" / f"{LONG}.parquet").iterdir())]
    assert [text for table in tables for text in table["text"].to_pylist()] == texts(folder, LONG)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, peer in FORM_PEERS.items() if peer.is_installed])
def test_peers_write_the_ids_of_the_form(folder: Path, reference: tiktoken.Encoding, name: str) -> None:
    documents = texts(folder, form_of(name).characters)
    ids = numbers(write(FORM_PEERS[name], name, folder), FORM_PEERS[name].ids)
    expected = [[*reference.encode_ordinary(text), END_OF_TEXT_ID] for text in documents]
    stream = [id_ for of_document in expected for id_ in of_document][:-1]
    if name.startswith("gptprep"):
        assert ids.tolist() == stream[: (len(stream) - 1) // CONTEXT_LENGTH * CONTEXT_LENGTH]
        assert not check_forms({name: [Run(1.0, None, len(ids))]}, folder)
    else:
        assert np.count_nonzero(ids == END_OF_TEXT_ID) == len(documents)
        assert [i for i in ids.tolist() if i != END_OF_TEXT_ID] == [i for i in stream if i != END_OF_TEXT_ID]


def test_window_of_other_ids_is_found(folder: Path) -> None:
    name = "gptprep window, .parquet"
    n_ids = forms.n_window_ids(folder, LONG)
    assert not check_forms({name: [Run(1.0, None, n_ids)]}, folder)
    wrong = check_forms({name: [Run(1.0, None, n_ids), Run(1.0, None, n_ids - 1)]}, folder)
    assert [line.split(":")[0] for line in wrong] == [name]


def test_peer_that_does_less_is_found_among_those_of_the_same_documents(folder: Path) -> None:
    n_ids = {characters: forms.n_window_ids(folder, characters) for characters in (LONG, SHORT)}
    runs = {name: [Run(1.0, None, n_ids[form_of(name).characters or LONG])] for name in list(FORM_PEERS)[1:]}
    lazy = "datatrove, two workers, .parquet"
    runs[lazy] = [Run(1.0, None, n_ids[LONG] // 2)]
    assert [line.split(":")[0] for line in check_forms(runs, folder)] == [lazy]
