"""The word tokenizer against the book's definitions."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.errors import TextError
from gptprep.tokenizers.vocabulary import DEFAULT_SPECIAL_TOKENS
from gptprep.tokenizers.word import WordTokenizer
from tests.helpers.words import TEXTS, vocabulary


def book_split(text: str) -> list[str]:
    """Raschka, "Build a Large Language Model (From Scratch)", section 2.2."""
    return [item.strip() for item in re.split(r'([,.:;?_!"()\']|--|\s)', text) if item.strip()]


def book_decode(words: list[str]) -> str:
    """SimpleTokenizerV2.decode, section 2.4."""
    return re.sub(r'\s+([,.?!"()\'])', r"\1", " ".join(words))


WORDS = TEXTS.filter(lambda text: set(book_split(text)) - {*DEFAULT_SPECIAL_TOKENS})
"""Texts that have a word that is not a special token."""


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
def test_unknown_words_are_unk_as_in_the_second_tokenizer_of_the_book(known: str, text: str) -> None:
    tokenizer = WordTokenizer("v", vocabulary("word", known), "allow")
    tokens = set(book_split(known))
    expected = [word if word in tokens else "<|unk|>" for word in book_split(text)]
    ids = tokenizer.encode(text)
    assert [tokenizer.token_bytes(token_id).decode() for token_id in ids] == expected


def test_unknown_word_without_unk_is_named_with_its_offset() -> None:
    tokenizer = WordTokenizer("v.json", vocabulary("word", "a b é", ()), "allow")
    with pytest.raises(TextError, match=r"the word '--' is not in the vocabulary v\.json") as caught:
        tokenizer.encode("é a\n-- b, c")
    assert caught.value.offset == 5


@given(WORDS, st.lists(st.integers(0, 10), max_size=5))
def test_decoding_in_blocks_gives_the_text_of_all_ids(text: str, stops: list[int]) -> None:
    tokenizer = WordTokenizer("v", vocabulary("word", text), "allow")
    ids = tokenizer.encode(text)
    boundaries = [0, *sorted(min(stop, len(ids)) for stop in stops), len(ids)]
    blocks = [ids[start:stop] for start, stop in itertools.pairwise(boundaries)]
    assert b"".join(tokenizer.decode_blocks(blocks)) == tokenizer.decode(ids)


def test_special_token_counts_only_as_a_word_of_its_own() -> None:
    made = vocabulary("word", "tea <|endoftext|> time<|endoftext|> now")
    assert made.tokens == ("now", "tea", "time<|endoftext|>", "<|endoftext|>", "<|unk|>")
    text = "tea <|endoftext|> now"
    assert WordTokenizer("v", made, "allow").encode(text) == [1, 3, 0]
    assert WordTokenizer("v", made, "text").encode(text) == [1, 4, 0]
    with pytest.raises(TextError) as caught:
        WordTokenizer("v", made, "error").encode(text)
    assert caught.value.offset == 4
    assert list(WordTokenizer("v", made, "allow").specials(text.encode())) == [(4, "<|endoftext|>")]


def test_special_tokens_without_a_common_start() -> None:
    tokens = ("[PAD]", "<|unk|>")
    tokenizer = WordTokenizer("", vocabulary("word", "some words", tokens), "allow")
    text = b"some [PAD] words, more <|unk|>[PAD]"
    assert tokenizer.encode_array(text).tolist() == [0, 2, 1, 3, 3, 3]
    assert [token for _, token in tokenizer.specials(text)] == ["[PAD]"]
