"""`tokenizer.json` files: made up and the user's, and the ids that all peers give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from benchmarks import tokenizers
from benchmarks.corpus import make_corpus
from benchmarks.materials import documents
from benchmarks.measure import count_ids
from benchmarks.peers import CONTEXT_LENGTH
from benchmarks.tokenizers import (
    FAMILIES,
    File,
    expected_ids,
    prepare_tokenizers,
    tokenizer_files,
    tokenizer_peers,
)
from tests.helpers.peers import numbers, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Materials with small vocabularies of all families."""
    folder = tmp_path_factory.mktemp("tokenizers")
    make_corpus(folder / "corpus.txt", 100_000, "prose")
    prepare_tokenizers(folder, [])
    return folder


def test_vocabularies_have_the_settings_of_their_families(folder: Path) -> None:
    files = tokenizer_files(folder)
    assert list(files) == list(FAMILIES)
    values = {name: json.loads(Path(file.path).read_text()) for name, file in files.items()}
    n_steps = {name: len(value["pre_tokenizer"]["pretokenizers"]) for name, value in values.items()}
    assert n_steps == {"DeepSeek-like": 4, "Llama-3-like": 2, "Qwen-like": 2}
    assert [name for name, value in values.items() if value["model"]["ignore_merges"]] == ["Llama-3-like"]
    assert [name for name, value in values.items() if value["normalizer"]] == ["Qwen-like"]
    first = [name for name, value in values.items() if value["added_tokens"][0]["id"] == 0]
    assert first == ["DeepSeek-like"]
    for name, token in (("DeepSeek-like", "<|endoftext|>"), ("Llama-3-like", "<|end_of_text|>")):
        assert files[name].end_of_text == Tokenizer.from_file(files[name].path).token_to_id(token) is not None


def test_files_of_the_user_take_the_place_of_made_up_ones(tmp_path: Path, gpt2: Path) -> None:
    make_corpus(tmp_path / "corpus.txt", 10_000, "prose")
    path = gpt2 / "tokenizer.json"
    prepare_tokenizers(tmp_path, [path])
    assert tokenizer_files(tmp_path) == {str(path): File(str(path), 50256, 50257)}


def test_several_documents_make_no_windows_without_an_end_of_text_token(tmp_path: Path) -> None:
    (tmp_path / "tokenizers.json").write_text(json.dumps({"mine": File("mine.json", None, 300)}))
    windows = [name for name in tokenizer_peers(tmp_path) if "window" in name]
    assert windows == ["gptprep window, .txt, mine"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_all_peers_give_the_ids_of_hugging_face(folder: Path, name: str) -> None:
    file = tokenizer_files(folder)[name]
    tokenizer = Tokenizer.from_file(file.path)
    peers = {peer: way for peer, way in tokenizer_peers(folder).items() if peer.endswith(name)}
    expected = expected_ids(peers, folder)
    for kind, texts in (
        (".jsonl", list(documents(folder))),
        (".txt", [(folder / "corpus.txt").read_bytes().decode()]),
    ):
        encodings = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
        stream = [id_ for encoding in encodings for id_ in [*encoding.ids, file.end_of_text]]
        n_window_ids = (len(stream) - 2) // CONTEXT_LENGTH * CONTEXT_LENGTH
        for way, ids in {"gptprep window": stream[:n_window_ids], "Hugging Face tokenizers": stream}.items():
            peer = f"{way}, {kind}, {name}"
            assert numbers(write(peers[peer], peer, folder), peers[peer].ids).tolist() == ids
            assert expected[peer] == len(ids)
        peer = f"gptprep count, {kind}, {name}"
        counted = count_ids(write(peers[peer], peer, folder), peers[peer].ids, 2)
        assert counted == expected[peer] == len(stream) - len(texts)


def test_other_ids_than_the_reference_end_the_comparison(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_peer(name: str, _: Path, output: Path) -> None:
        output.mkdir()
        (output / "ids.txt").write_text("1 2 3\n4\n" if name.startswith("reference") else "1 2 3\n5\n")

    monkeypatch.setattr(tokenizers, "run_peer", run_peer)
    with pytest.raises(SystemExit, match="not those of Hugging Face"):
        expected_ids(["gptprep count, .txt, Qwen-like"], folder)


def test_expected_ids_follow_from_those_of_the_reference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_peer(_: str, __: Path, output: Path) -> None:
        output.mkdir()
        (output / "ids.txt").write_text(" ".join(["7"] * CONTEXT_LENGTH) + "\n7 7\n")

    monkeypatch.setattr(tokenizers, "run_peer", run_peer)
    expected = expected_ids([name for name in tokenizer_peers(folder) if ".jsonl, Llama" in name], folder)
    assert list(expected.values()) == [CONTEXT_LENGTH, CONTEXT_LENGTH + 2, CONTEXT_LENGTH + 4]
