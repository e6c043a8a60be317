"""The tokenizer that encodes a `tokenizer.json` with gigatoken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gptprep.errors import TextError
from gptprep.tokenizers import (
    Tokenizer,
    gigatoken,
    hf_gigatoken,
    hf_to_tiktoken,
    hugging_face,
    load_tokenizer,
)
from gptprep.tokenizers.hf_to_tiktoken import ConvertedBpe
from gptprep.tokenizers.hugging_face import HuggingFaceTokenizer
from tests.helpers.hf_engines import DEEPSEEK_LIKE, library_of, with_added
from tests.helpers.hugging_face import saved, trained


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return load_tokenizer(saved(with_added(DEEPSEEK_LIKE), tmp_path_factory.mktemp("file")))


def test_file_is_encoded_by_gigatoken_and_keeps_its_fingerprint(loaded: Tokenizer) -> None:
    assert (loaded.engine, loaded.engine_note) == ("gigatoken", "")
    assert loaded.split_points.exist
    slow = HuggingFaceTokenizer("tokenizer.json", with_added(DEEPSEEK_LIKE), "file", "allow")
    assert loaded.fingerprint == slow.fingerprint
    assert (loaded.n_vocab, loaded.special_tokens) == (slow.n_vocab, slow.special_tokens)
    for token_id in range(loaded.n_vocab):
        assert loaded.token_bytes(token_id) == slow.token_bytes(token_id)


def test_a_sentence_needs_no_gigatoken(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(saved(with_added([]), tmp_path))
    tokenizer.encode("a sentence")
    assert "_fast" not in tokenizer.__dict__


def test_a_sentence_needs_no_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the fingerprint depends on whether tiktoken would give the same ids."""
    proved = list[str]()

    def convert(value: dict[str, Any], path: str) -> ConvertedBpe:
        proved.append(path)
        return hf_to_tiktoken.convert(value, path)

    monkeypatch.setattr(hugging_face, "convert", convert)
    tokenizer = load_tokenizer(path := saved(trained(), tmp_path))
    assert tokenizer.encode("a sentence")
    assert not proved
    assert tokenizer.fingerprint
    assert proved == [path]


def test_a_part_of_a_large_text_is_compared(loaded: Tokenizer) -> None:
    text = b"one two three " * 20_000
    assert 0 < loaded.cross_check(text) <= 1 << 14
    assert loaded.cross_check("no\u088f's".encode()) == 0


def test_a_difference_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = load_tokenizer(saved(with_added([]), tmp_path))

    class Wrong:
        def encode(self, text: bytes) -> Any:
            return np.zeros(len(text), np.uint32)

    monkeypatch.setitem(tokenizer.__dict__, "_fast", Wrong())
    with pytest.raises(TextError, match="gigatoken and tokenizers give different ids"):
        tokenizer.cross_check(b"one two three")


def test_encoder_is_made_anew_if_memory_grows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The library, which takes more than is allowed, does not count as growth."""
    resident = [0]

    def load_library(*_: object) -> Any:
        resident.append(1 << 30)
        return library_of(with_added([]))

    tokenizer = load_tokenizer(saved(with_added([]), tmp_path))
    monkeypatch.setattr(gigatoken, "_resident_bytes", lambda: sum(resident))
    monkeypatch.setattr(gigatoken, "_CHECK_MEMORY_EVERY", 1)
    monkeypatch.setattr(hf_gigatoken, "load_library", load_library)
    tokenizer.encode_array(b"one two")
    tokenizer.cross_check(b"one two")
    tokenizer.encode_array(b"one two")
    assert "_fast" in tokenizer.__dict__
    resident.append(1 << 30)
    tokenizer.encode_array(b"one two")
    assert "_fast" not in tokenizer.__dict__
    assert tokenizer.encode_array(b"one two").tolist() == tokenizer.encode("one two")
