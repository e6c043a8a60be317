"""Vocabulary files."""

import json
from pathlib import Path
from typing import Any

import pytest

from gptprep.errors import CorruptDataError
from gptprep.tokenizers import load_tokenizer
from gptprep.tokenizers.word import WordTokenizer
from tests.helpers.words import vocabulary

VALID = {
    "format": "gptprep-vocabulary",
    "version": 1,
    "kind": "word",
    "special_tokens": ["b"],
    "tokens": ["a", "b"],
}


def test_plain_json_of_tokens_and_ids_is_a_word_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "plain.json"
    path.write_text(json.dumps({"b": 1, "a": 0, "<|unk|>": 2, "[EOS]": 3}))
    tokenizer = load_tokenizer(str(path))
    assert (tokenizer.kind, tokenizer.eot) == ("word", 3)
    assert tokenizer.encode("a b c") == [0, 1, 2]


def test_fingerprint_depends_on_the_tokens_and_not_on_the_name() -> None:
    one, same = (WordTokenizer(name, vocabulary("word", "a b"), "allow") for name in "xy")
    other = WordTokenizer("x", vocabulary("word", "a c"), "allow")
    assert one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tokens": ["a", "b", "c", "b"]}, 'it has the token "b" twice, as 1 and 3'),
        ({"kind": "bpe"}, 'kind is "bpe", not word or char'),
        ({"kind": ["w"] * 99}, 'kind is ["w", "w", "w", "w", "w", "w", "w", "w",..., not word or char'),
        ({"tokens": None}, "tokens is null, not a list"),
        ({"tokens": ["a", 1]}, "item 1 of tokens is 1, not a text"),
        ({"special_tokens": {"a": 0}}, 'special_tokens is {"a": 0}, not a list'),
        ({"special_tokens": ["a", "c"]}, 'the special token "c" is not among its tokens'),
        ({"kind": "char", "tokens": ["a", "bb", "b"]}, 'the token "bb" has several characters'),
        ({"tokens": ["a", "b", "\ud800"]}, r'the token "\ud800" is not valid Unicode'),
    ],
)
def test_error_names_what_is_wrong(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(VALID | change))
    with pytest.raises(CorruptDataError) as caught:
        load_tokenizer(str(path))
    assert why in caught.value.why


def test_missing_entry_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(json.dumps({name: value for name, value in VALID.items() if name != "special_tokens"}))
    with pytest.raises(CorruptDataError, match="special_tokens is missing"):
        load_tokenizer(str(path))


def test_id_out_of_order_in_plain_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plain.json"
    path.write_text(json.dumps({"a": 0, "b": 2}))
    with pytest.raises(CorruptDataError, match='"b" has the id 2'):
        load_tokenizer(str(path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "{}",
        '{"a": 1}',
        '{"a": 0, "b": 0}',
        '{"a": true}',
        '{"a": "0"}',
        '{"\\ud800": 0}',
        "[" * 100_000,
        json.dumps(VALID | {"version": 2}),
        json.dumps(VALID | {"format": "other"}),
        json.dumps(VALID | {"kind": "bpe"}),
        json.dumps(VALID | {"tokens": [1]}),
        json.dumps(VALID | {"tokens": None}),
        json.dumps(VALID | {"tokens": ["a", "a", "b"]}),
        json.dumps(VALID | {"tokens": ["", "b"]}),
        json.dumps(VALID | {"special_tokens": ["c"]}),
        json.dumps(VALID | {"kind": "char", "tokens": ["aa", "b"]}),
    ],
)
def test_broken_vocabulary_is_damaged_data(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(CorruptDataError):
        load_tokenizer(str(path))
