"""Word and character tokenizers against the book's definitions, and the vocabularies they use."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.errors import DamagedData, GptprepError, TextError, WrongUsage
from gptprep.tokenizers import SpecialPolicy, Tokenizer, load_tokenizer
from gptprep.tokenizers.char import CharTokenizer
from gptprep.tokenizers.training import Built, TokenCounter, build_vocabulary
from gptprep.tokenizers.vocabulary import DEFAULT_SPECIAL_TOKENS, Kind, Vocabulary
from gptprep.tokenizers.word import WordTokenizer

TEXTS = st.text(
    st.one_of(
        st.sampled_from(list(" \t\n\r\x0b\x1c\x85\xa0\u3000,.:;?_!\"()'--abAB9")),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)


def book_split(text: str) -> list[str]:
    """Raschka, "Build a Large Language Model (From Scratch)", section 2.2."""
    return [item.strip() for item in re.split(r'([,.:;?_!"()\']|--|\s)', text) if item.strip()]


def book_decode(words: list[str]) -> str:
    """SimpleTokenizerV2.decode, section 2.4."""
    return re.sub(r'\s+([,.?!"()\'])', r"\1", " ".join(words))


WORDS = TEXTS.filter(lambda text: set(book_split(text)) - {*DEFAULT_SPECIAL_TOKENS})
"""Texts that have a word that is not a special token."""


def vocabulary(kind: Kind, text: str, special_tokens: tuple[str, ...] = DEFAULT_SPECIAL_TOKENS) -> Vocabulary:
    return built(kind, text, special_tokens).vocabulary


def built(kind: Kind, text: str, special_tokens: tuple[str, ...] = (), **choice: Any) -> Built:
    counter = TokenCounter(kind, special_tokens)
    counter.add(text.encode())
    return build_vocabulary(kind, special_tokens, counter.counts(), **choice)


@given(WORDS)
def test_words_and_ids_are_those_of_the_book(text: str) -> None:
    words = book_split(text)
    tokens = [*sorted(set(words) - {*DEFAULT_SPECIAL_TOKENS}), *DEFAULT_SPECIAL_TOKENS]
    made = vocabulary("word", text)
    assert list(made.tokens) == tokens
    tokenizer = WordTokenizer("v", made, "allow")
    ids = [tokens.index(word) for word in words]
    assert tokenizer.encode(text) == ids
    assert tokenizer.encode_array(text.encode()).tolist() == ids
    assert tokenizer.decode(ids).decode() == book_decode(words)


@given(WORDS, TEXTS)
def test_unknown_words_are_unk_as_in_v2(known: str, text: str) -> None:
    tokenizer = WordTokenizer("v", vocabulary("word", known), "allow")
    tokens = set(book_split(known))
    expected = [word if word in tokens else "<|unk|>" for word in book_split(text)]
    ids = tokenizer.encode(text)
    assert [tokenizer.token_bytes(token_id).decode() for token_id in ids] == expected


@given(WORDS, st.lists(st.integers(0, 10), max_size=5))
def test_decoding_in_chunks_is_decoding(text: str, cuts: list[int]) -> None:
    tokenizer = WordTokenizer("v", vocabulary("word", text), "allow")
    ids = tokenizer.encode(text)
    borders = [0, *sorted(min(cut, len(ids)) for cut in cuts), len(ids)]
    chunks = [ids[a:b] for a, b in itertools.pairwise(borders)]
    assert b"".join(tokenizer.decode_chunks(chunks)) == tokenizer.decode(ids)


@given(text=TEXTS, seen=st.integers(0, 60), special=st.integers(0, 3))
@pytest.mark.parametrize("make", [WordTokenizer, CharTokenizer])
def test_a_cut_changes_no_id(make: Callable[..., Tokenizer], text: str, seen: int, special: int) -> None:
    text = text[:10] + "<|endoftext|>" * special + text[10:]
    specials = ("<|endoftext|>", "<|endoftext|><|", "<|unk|>")
    kind: Kind = "word" if make is WordTokenizer else "char"
    made = vocabulary(kind, text + "x", specials)
    tokenizer = make("v", made, "allow")
    data = text.encode()
    cut = tokenizer.last_cut(bytearray(text[:seen].encode()), 0)
    left, right = (tokenizer.encode(part.decode()) for part in (data[:cut], data[cut:]))
    assert left + right == tokenizer.encode(text)


def test_v1_names_the_unknown_word_and_where_it_stands() -> None:
    tokenizer = WordTokenizer("v.json", vocabulary("word", "a b é", ()), "allow")
    with pytest.raises(TextError, match=r"the word '--' is not in the vocabulary v\.json") as caught:
        tokenizer.encode("é a\n-- b, c")
    assert caught.value.offset == 5


def test_words_that_are_special_tokens() -> None:
    made = vocabulary("word", "tea <|endoftext|> time<|endoftext|> now")
    assert made.tokens == ("now", "tea", "time<|endoftext|>", "<|endoftext|>", "<|unk|>")
    text = "tea <|endoftext|> now"
    assert WordTokenizer("v", made, "allow").encode(text) == [1, 3, 0]
    assert WordTokenizer("v", made, "text").encode(text) == [1, 4, 0]
    with pytest.raises(TextError) as caught:
        WordTokenizer("v", made, "error").encode(text)
    assert caught.value.offset == 4
    assert list(WordTokenizer("v", made, "allow").specials(text.encode())) == [(4, "<|endoftext|>")]


@given(TEXTS.filter(lambda text: text and "<|" not in text))
def test_characters_come_back(text: str) -> None:
    made = vocabulary("char", text)
    assert list(made.tokens) == [*sorted(set(text)), "<|endoftext|>", "<|unk|>"]
    tokenizer = CharTokenizer("v", made, "allow")
    ids = [made.tokens.index(character) for character in text]
    assert tokenizer.encode(text) == ids
    assert tokenizer.decode(ids) == text.encode()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("allow", ["a", "<|endoftext|>", "b", "<|unk|>"]), ("text", ["a", *["<|unk|>"] * 13, "b", "<|unk|>"])],
)
def test_characters_and_special_tokens(policy: SpecialPolicy, expected: list[str]) -> None:
    made = vocabulary("char", "a<|endoftext|>b")
    assert made.tokens == ("a", "b", "<|endoftext|>", "<|unk|>")
    ids = CharTokenizer("v", made, policy).encode("a<|endoftext|>bé")
    assert [made.tokens[token_id] for token_id in ids] == expected


def test_an_unknown_character_is_named_with_its_offset() -> None:
    tokenizer = CharTokenizer("v", vocabulary("char", "aé", ("<|endoftext|>",)), "allow")
    with pytest.raises(TextError, match="'z'") as caught:
        tokenizer.encode("é<|endoftext|>éz")
    assert caught.value.offset == len("é<|endoftext|>é".encode())


# Which tokens are kept


def test_size_keeps_the_most_frequent_and_the_first_of_equals() -> None:
    made = built("word", "d d d c c b b a", ("[PAD]",), size=3)
    assert made.vocabulary.tokens == ("b", "d", "[PAD]")
    assert made.covered == 5


def test_min_count() -> None:
    assert built("char", "aab", min_count=2).vocabulary.tokens == ("a",)


@pytest.mark.parametrize("special_tokens", [("a b",), ("",), ("x", "x"), ("<|e.t|>",), ("\udcff",)])
def test_special_tokens_that_cannot_be(special_tokens: tuple[str, ...]) -> None:
    with pytest.raises(WrongUsage, match="cannot be a special token"):
        TokenCounter("word", special_tokens)


def test_nothing_left_to_keep() -> None:
    with pytest.raises(GptprepError, match="no word is met 9 times"):
        built("word", "a b", min_count=9)
    with pytest.raises(GptprepError, match="the text has no words"):
        built("word", " \n")
    with pytest.raises(WrongUsage, match="no room"):
        built("word", "a b", ("<|unk|>",), size=1)


# Vocabulary files


def test_a_plain_json_of_tokens_and_ids_is_a_word_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "plain.json"
    path.write_text(json.dumps({"b": 1, "a": 0, "<|unk|>": 2, "[EOS]": 3}))
    tokenizer = load_tokenizer(str(path))
    assert (tokenizer.kind, tokenizer.eot) == ("word", 3)
    assert tokenizer.encode("a b c") == [0, 1, 2]


def test_the_fingerprint_tells_vocabularies_apart() -> None:
    one, same = (WordTokenizer(name, vocabulary("word", "a b"), "allow") for name in "xy")
    other = WordTokenizer("x", vocabulary("word", "a c"), "allow")
    assert one.fingerprint == same.fingerprint != other.fingerprint


OURS = {
    "format": "gptprep-vocabulary",
    "version": 1,
    "kind": "word",
    "special_tokens": ["b"],
    "tokens": ["a", "b"],
}


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
        json.dumps(OURS | {"version": 2}),
        json.dumps(OURS | {"format": "other"}),
        json.dumps(OURS | {"kind": "bpe"}),
        json.dumps(OURS | {"tokens": [1]}),
        json.dumps(OURS | {"tokens": None}),
        json.dumps(OURS | {"tokens": ["a", "a", "b"]}),
        json.dumps(OURS | {"tokens": ["", "b"]}),
        json.dumps(OURS | {"special_tokens": ["c"]}),
        json.dumps(OURS | {"kind": "char", "tokens": ["aa", "b"]}),
    ],
)
def test_broken_vocabularies_are_damaged_data(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(DamagedData):
        load_tokenizer(str(path))


def test_a_file_that_is_no_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("Hello")
    with pytest.raises(DamagedData, match="is not a tokenizer"):
        load_tokenizer(str(path))


def test_special_tokens_that_begin_differently() -> None:
    tokens = ("[PAD]", "<|unk|>")
    tokenizer = WordTokenizer("", vocabulary("word", "some words", tokens), "allow")
    text = b"some [PAD] words, more <|unk|>[PAD]"
    assert tokenizer.encode_array(text).tolist() == [0, 2, 1, 3, 3, 3]
    assert [token for _, token in tokenizer.specials(text)] == ["[PAD]"]
