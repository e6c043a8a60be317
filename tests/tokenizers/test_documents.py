"""Many documents at once have the ids that each has by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.choices import SpecialPolicy
from gptprep.tokenizers import Tokenizer, load_tokenizer
from gptprep.tokenizers.bpe import BpeTokenizer
from gptprep.tokenizers.char import CharTokenizer
from gptprep.tokenizers.gigatoken import GigatokenTokenizer
from gptprep.tokenizers.hugging_face import HuggingFaceTokenizer, RenumberedTokenizer, load_hugging_face
from gptprep.tokenizers.vocabulary import Vocabulary
from gptprep.tokenizers.word import WordTokenizer
from tests.helpers.bpe import EOT, PATTERNS, TEXTS, pair_ranks, pair_spec, rank_lines
from tests.helpers.hf_engines import DEEPSEEK_LIKE, fast, with_added
from tests.helpers.hugging_face import trained

POLICIES: tuple[SpecialPolicy, ...] = ("allow", "text", "error")
DOCUMENTS = st.lists(TEXTS.filter(bool), min_size=1, max_size=8)


def pairs(pattern: str, engine: str, policy: SpecialPolicy) -> Tokenizer:
    """A vocabulary that shows every pre-token boundary."""
    specials = {EOT: len(pair_ranks()), "<|other|>": len(pair_ranks()) + 1}
    spec = pair_spec(pattern, specials)
    if engine == "tiktoken":
        return BpeTokenizer(spec, policy)
    return GigatokenTokenizer(spec, policy, rank_lines(list(spec.ranks)))


def vocabulary(kind: Any, policy: SpecialPolicy) -> Tokenizer:
    """All ASCII characters, or some words; both know what is unknown."""
    tokens = tuple(map(chr, range(128))) if kind == "char" else tuple("abcXYZ.,")
    specials = (EOT, "<|unk|>")
    by_kind = {"char": CharTokenizer, "word": WordTokenizer}
    return by_kind[kind]("v.json", Vocabulary(kind, (*tokens, *specials), specials), policy)


def renumbered(policy: SpecialPolicy) -> Tokenizer:
    """A `tokenizer.json` whose ids are not in merge order."""
    value = json.loads(json.dumps(trained()))
    vocab = value["model"]["vocab"]
    a, b = vocab["a"], vocab["b"]
    vocab["a"], vocab["b"] = b, a
    tokenizer = load_hugging_face(value, "t.json", policy, "tiktoken")
    assert isinstance(tokenizer, RenumberedTokenizer)
    return tokenizer


MAKERS: dict[str, Callable[[SpecialPolicy], Tokenizer]] = {
    **{
        f"{pattern}, {engine}": partial(pairs, pattern, engine)
        for pattern in PATTERNS
        for engine in ("tiktoken", "gigatoken")
    },
    "word": partial(vocabulary, "word"),
    "char": partial(vocabulary, "char"),
    "renumbered": renumbered,
    "deepseek": lambda policy: fast(with_added(DEEPSEEK_LIKE), policy),
    "tokenizers": lambda policy: HuggingFaceTokenizer("t.json", trained(), "t.json", policy),
}


@cache
def made(name: str, policy: SpecialPolicy) -> Tokenizer:
    return MAKERS[name](policy)


def one_by_one(tokenizer: Tokenizer, texts: list[bytes]) -> tuple[list[int], list[int]]:
    """What `encode_documents` must give."""
    ids, ends = list[int](), list[int]()
    for text in texts:
        ids += [*tokenizer.encode_array(text).tolist(), tokenizer.eot or 0]
        ends.append(len(ids))
    return ids, ends


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", MAKERS)
@given(documents=DOCUMENTS)
def test_documents_at_once_have_their_own_ids(name: str, policy: SpecialPolicy, documents: list[str]) -> None:
    tokenizer = made(name, policy)
    texts = [document.encode() for document in documents]
    encoded = tokenizer.encode_documents(texts)
    if encoded is not None:
        expected = one_by_one(tokenizer, texts)
        assert (encoded.ids.tolist(), encoded.ends.tolist()) == expected
        assert encoded.ids_of(len(texts) - 1).tolist() == tokenizer.encode_array(texts[-1]).tolist()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", MAKERS)
def test_ordinary_documents_are_encoded_at_once(name: str, policy: SpecialPolicy) -> None:
    texts = [b"a b c", b"  X. \n\n", b",", b"<|", b"endoftext|>"]
    assert made(name, policy).encode_documents(texts) is not None


def test_documents_with_special_tokens_or_without_an_end_of_text_are_encoded_one_by_one() -> None:
    for policy in POLICIES:
        assert load_tokenizer("gpt2", policy).encode_documents([b"a", b"b<|endoftext|>"]) is None
    spec = pair_spec("gpt2", {"<|other|>": len(pair_ranks())})
    assert BpeTokenizer(spec, "allow").encode_documents([b"a"]) is None
    spec = pair_spec("gpt2", {EOT: len(pair_ranks()), "two\nlines": len(pair_ranks()) + 1})
    assert BpeTokenizer(spec, "allow").encode_documents([b"a"]) is None


@pytest.mark.parametrize("engine", ["tiktoken", "gigatoken"])
@pytest.mark.parametrize("other", ["<|endoftext|>!", "<|endof", "x<|end", ">>"])
@given(documents=DOCUMENTS)
def test_special_tokens_that_the_end_of_text_can_be_part_of(
    engine: str, other: str, documents: list[str]
) -> None:
    tokenizer = _overlapping(engine, other)
    texts = [document.encode() for document in documents]
    encoded = tokenizer.encode_documents(texts)
    if encoded is not None:
        assert (encoded.ids.tolist(), encoded.ends.tolist()) == one_by_one(tokenizer, texts)


@cache
def _overlapping(engine: str, other: str) -> Tokenizer:
    specials = {EOT: len(pair_ranks()), other: len(pair_ranks()) + 1}
    spec = pair_spec("gpt2", specials)
    if engine == "tiktoken":
        return BpeTokenizer(spec, "allow")
    return GigatokenTokenizer(spec, "allow", rank_lines(list(spec.ranks)))


def test_policy_text_reads_an_end_of_text_token_in_one_document_as_text() -> None:
    text = b"one <|endoftext|> two"
    for engine in ("gigatoken", "tiktoken"):
        tokenizer = load_tokenizer("gpt2", "text", engine)
        tokenizer.encode_documents([b"one", b"two"])
        assert tokenizer.eot not in tokenizer.encode_array(text)
        assert tokenizer.decode(tokenizer.encode_array(text).tolist()) == text
        tokenizer.cross_check(text)
