"""Encoding in batches gives the ids, document ends, counts and errors of one document at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.choices import ErrorPolicy, SpecialPolicy
from gptprep.corpus import batches
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError, TextError
from gptprep.pipelines import encode
from gptprep.progress import no_report
from gptprep.tokenizers import Tokenizer, load_tokenizer
from gptprep.tokenizers.word import WordTokenizer
from gptprep.tokens.cross_check import CrossChecker
from gptprep.tokens.encoder import CorpusEncoder, EncodedBatch
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.documents import find_sources
from tests.helpers.words import vocabulary

EOT = "<|endoftext|>"
TEXTS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
        st.sampled_from(["", EOT, f"{EOT}a", f"a{EOT}", "harbour", "\u088f's", "a\\ud800"]),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that each example writes again."""
    return tmp_path_factory.mktemp("encoder") / "a.jsonl"


def write(path: Path, texts: list[str]) -> None:
    """JSON Lines; what looks like an escape stays one."""
    lines = (json.dumps({"text": text}).replace("\\\\u", "\\u") + "\n" for text in texts)
    path.write_text("".join(lines))


def outcome(path: Path, tokenizer: Tokenizer, options: TextOptions, in_batches: bool) -> Any:
    """The stream with the end of each document, what was counted, or the error."""
    checker = CrossChecker(tokenizer)
    encoder = CorpusEncoder(find_sources([str(path)]), tokenizer, options, tokenizer, checker, no_report)
    documents, document, n_bytes = list[list[int]](), list[int](), 0
    try:
        for one in encoder.in_batches() if in_batches else encoder:
            n_bytes += one.n_bytes
            if isinstance(one, EncodedBatch):
                documents += (one.encoded.ids_of(number).tolist() for number in range(len(one.texts)))
                continue
            document += one.ids.tolist()
            if one.last:
                documents.append(document)
                document = []
    except GptprepError as error:
        return error.what, error.why
    return documents, document, n_bytes, encoder.counts


@given(
    texts=TEXTS,
    size=st.integers(1, 200),
    special=st.sampled_from(["allow", "text", "error"]),
    errors=st.sampled_from(["strict", "replace", "skip"]),
)
def test_batches_of_any_size_are_like_one_document_at_a_time(
    path: Path, texts: list[str], size: int, special: SpecialPolicy, errors: ErrorPolicy
) -> None:
    write(path, texts)
    tokenizer, options = load_tokenizer("gpt2", special), TextOptions(errors=errors)
    with pytest.MonkeyPatch.context() as patch:
        defaults = batches.read_batches.__defaults__
        patch.setattr(batches.read_batches, "__defaults__", (size, *(defaults or ())[1:]))
        in_batches = outcome(path, tokenizer, options, True)
    assert in_batches == outcome(path, tokenizer, options, False)


def test_unknown_word_in_a_batch_is_located(tmp_path: Path) -> None:
    known = vocabulary("word", "one two", (EOT,))
    (tmp_path / "v.json").write_text(json.dumps(known.to_json()))
    write(tmp_path / "a.jsonl", ["one"] * 30 + ["two three"] + ["one"] * 30)
    tokenizer = load_tokenizer(str(tmp_path / "v.json"))
    what, _ = outcome(tmp_path / "a.jsonl", tokenizer, TextOptions(), True)
    assert what.endswith("a.jsonl:31: the word 'three' is not in the vocabulary v.json")


class WrongFirst:
    """A tokenizer whose batches have a wrong id in their first document."""

    def __init__(self, right: Tokenizer) -> None:
        self._right = right
        self.encode_array = right.encode_array

    def encode_documents(self, texts: Any) -> Any:
        """The ids with a wrong one."""
        encoded = self._right.encode_documents(texts)
        if encoded is not None:
            encoded.ids[0] += 1
        return encoded


def test_documents_of_a_batch_are_compared_with_the_same_by_themselves(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", ["one", "two"])
    sources, tokenizer = find_sources([str(tmp_path / "a.jsonl")]), load_tokenizer("gpt2")
    wrong = WrongFirst(tokenizer)
    checker = CrossChecker(tokenizer)
    encoder = CorpusEncoder(sources, tokenizer, TextOptions(), wrong, checker, no_report)
    with pytest.raises(GptprepError, match=r"a\.jsonl:1: gigatoken gives this document other ids in a batch"):
        list(encoder.in_batches())
    unchecked = CrossChecker(tokenizer, enabled=False)
    encoder = CorpusEncoder(sources, tokenizer, TextOptions(), wrong, unchecked, no_report)
    assert len(list(encoder.in_batches())) == 1


def test_some_documents_of_a_batch_are_compared_with_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.jsonl", ["one two " * 100] * 100)
    tokenizer = load_tokenizer("gpt2")
    checker = CrossChecker(tokenizer)
    sources = find_sources([str(tmp_path / "a.jsonl")])
    list(CorpusEncoder(sources, tokenizer, TextOptions(), tokenizer, checker, no_report).in_batches())
    assert 16_384 < checker.compared < 20_000

    def differs(*_: object) -> int:
        raise TextError("gigatoken and tiktoken give different ids")

    monkeypatch.setattr(tokenizer, "cross_check", differs)
    encoder = CorpusEncoder(sources, tokenizer, TextOptions(), tokenizer, CrossChecker(tokenizer), no_report)
    with pytest.raises(GptprepError, match=r"a\.jsonl:\d+: gigatoken and tiktoken"):
        list(encoder.in_batches())


def test_document_without_ids_is_followed_by_an_end_of_text(tmp_path: Path) -> None:
    known = vocabulary("word", "hello x", (EOT,))
    (tmp_path / "v.json").write_text(json.dumps(known.to_json()))
    write(tmp_path / "a.jsonl", ["hello", "  "])
    write(tmp_path / "b.jsonl", ["x", " ", "x"])
    inputs = (str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl"))
    spec = EncodingSpec(str(tmp_path / "v.json"))
    eot = spec.load_tokenizer().eot
    options = encode.EncodeOptions(inputs, output=str(tmp_path / "x.npy"), encoding=spec)
    encode.run(encode.plan(options))
    assert np.load(tmp_path / "x.npy").tolist() == [0, eot, eot, 1, eot, eot, 1]


@pytest.mark.parametrize("engine", ["tiktoken", "word"])
def test_documents_are_not_encoded_twice_if_the_engine_is_the_reference(engine: str) -> None:
    known = vocabulary("word", "one two", (EOT,))
    words = WordTokenizer("v.json", known, "allow")
    checker = CrossChecker(words if engine == "word" else load_tokenizer("gpt2", engine="tiktoken"))
    assert list(checker.due([b"one"] * 10)) == []


def test_few_documents_are_compared_even_if_the_reference_encodes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokenizer = load_tokenizer("gpt2")
    monkeypatch.setattr(tokenizer, "cross_check", lambda *_: 0)
    checker, texts = CrossChecker(tokenizer), [b"one two " * 100] * 100
    assert 16_384 / 800 <= len(list(checker.due(texts))) <= 25
    assert list(checker.due(texts)) == []
