"""gigatoken's ids are those of tiktoken, for every code point and for difficult texts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiktoken
from hypothesis import given

from gptprep.errors import GptprepError, TextError
from gptprep.tokenizers import Tokenizer, gigatoken, load_tokenizer
from gptprep.tokenizers.gigatoken import GigatokenTokenizer
from gptprep.tokenizers.unicode_guard import NEWER_RANGES, may_differ
from tests.helpers.bpe import BYTES, EOT, PATTERNS, TEXTS, pair_ranks, pair_spec, rank_lines
from tests.helpers.characters import CLASS_CONTEXT, CONTEXTS, EMPTY_PLANES, rows
from tests.helpers.paths import SAMPLES

NEWER = [chr(code) for first, last in NEWER_RANGES for code in range(first, last + 1)]


@pytest.fixture(scope="module", params=PATTERNS)
def engine(request: pytest.FixtureRequest) -> GigatokenTokenizer:
    """gigatoken over a vocabulary that shows every pre-token boundary."""
    spec = pair_spec(request.param, {EOT: len(pair_ranks())})
    return GigatokenTokenizer(spec, "allow", rank_lines(list(spec.ranks)))


@pytest.fixture(scope="module", params=["allow", "text"])
def gpt2_engine(request: pytest.FixtureRequest) -> Tokenizer:
    """gigatoken over GPT-2's ranks."""
    return load_tokenizer("gpt2", request.param, "gigatoken")


def tiktoken_ids(engine: GigatokenTokenizer, text: bytes) -> Any:
    return engine._encoding.encode_to_numpy(text.decode(), allowed_special="all")


@cache
def older_characters() -> tuple[list[str], list[str]]:
    """Characters that gigatoken encodes, and those in the rows of newer ones, which it never gets."""
    encoded, guarded = list[str](), list[str]()
    for row in rows(0, 1, 2, 3, 14):
        (guarded if may_differ("".join(row).encode()) else encoded).extend(row)
    return encoded, sorted({*guarded} - {*NEWER})


def in_contexts(characters: list[str]) -> Iterator[bytes]:
    """Texts with each character in each context, separated by end-of-text tokens."""
    for start in range(0, len(characters), 20_000):
        joined = "\ud800".join(characters[start : start + 20_000])  # U+D800 is not one of them
        for before, after in (context.split("{}") for context in CONTEXTS):
            yield (before + joined.replace("\ud800", after + EOT + before) + after).encode()


@pytest.mark.slow
def test_every_character_has_the_ids_of_tiktoken(engine: GigatokenTokenizer) -> None:
    encoded, guarded = older_characters()
    for text in in_contexts(encoded):
        assert not may_differ(text)
        assert np.array_equal(engine.encode_array(text), tiktoken_ids(engine, text)), text[:20]
    for text in in_contexts(guarded):
        assert np.array_equal(engine._fast.encode(text), tiktoken_ids(engine, text)), text[:20]


@pytest.mark.slow
def test_code_points_without_characters_have_the_ids_of_tiktoken(engine: GigatokenTokenizer) -> None:
    """One context shows that both take them for no letters, marks, numbers or white space."""
    for plane in EMPTY_PLANES:
        text = EOT.join(CLASS_CONTEXT.format(character) for row in rows(plane) for character in row).encode()
        assert not may_differ(text)
        assert np.array_equal(engine.encode_array(text), tiktoken_ids(engine, text)), plane


def test_characters_of_a_newer_unicode_have_the_ids_of_tiktoken(engine: GigatokenTokenizer) -> None:
    for text in in_contexts(NEWER):
        assert np.array_equal(engine.encode_array(text), tiktoken_ids(engine, text)), text[:20]


@given(text=TEXTS)
def test_difficult_text(engine: GigatokenTokenizer, text: str) -> None:
    assert np.array_equal(engine.encode_array(text.encode()), tiktoken_ids(engine, text.encode()))


@given(text=TEXTS)
def test_difficult_text_over_the_ranks_of_gpt2(
    gpt2_engine: Tokenizer, reference: tiktoken.Encoding, text: str
) -> None:
    allowed = {EOT} if gpt2_engine.policy == "allow" else set[str]()
    ids = gpt2_engine.encode_array(text.encode()).tolist()
    assert ids == reference.encode(text, allowed_special=allowed, disallowed_special=())


def test_run_of_a_million_spaces_that_tiktoken_cannot_encode(gpt2: Tokenizer) -> None:
    text = b"a" + b" " * 1_000_000 + b"b"
    assert gpt2.engine == "gigatoken"
    assert gpt2.decode(gpt2.encode_array(text).tolist()) == text


@pytest.mark.parametrize("size", [0, 1, 100, 20_000, 200_000])
def test_texts_of_any_size_can_be_compared(gpt2: Tokenizer, size: int) -> None:
    text = ("one two three " * 20_000).encode()[:size]
    assert 0 <= gpt2.cross_check(text) <= 1 << 14


def test_text_that_tiktoken_encodes_is_not_compared(gpt2: Tokenizer) -> None:
    assert gpt2.cross_check("no\u088f's".encode()) == 0


def test_special_tokens_are_refused_by_either_engine() -> None:
    for engine in ("gigatoken", "tiktoken"):
        with pytest.raises(TextError, match="holds the special token"):
            load_tokenizer("gpt2", "error", engine).encode_array(b"x<|endoftext|>")


def test_ranks_that_gigatoken_cannot_use_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "gap.tiktoken"
    path.write_bytes(rank_lines(BYTES) + b"aGVsbG8= 300\n")  # a word that no merges lead to
    assert load_tokenizer(str(path)).encode("hello") == [300]
    with pytest.raises(GptprepError, match="gigatoken cannot use the ranks"):
        load_tokenizer(str(path), engine="gigatoken").encode_array(b"hello")


@pytest.mark.parametrize(
    ("resident", "is_renewed"),
    [(itertools.count(1), True), (itertools.repeat(7), False), (itertools.repeat(0), True)],
    ids=["it grows", "it does not grow", "it is unknown"],
)
def test_encoder_is_made_anew_if_memory_grows_or_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
    reference: tiktoken.Encoding,
    resident: Iterator[int],
    is_renewed: bool,
) -> None:
    monkeypatch.setattr(gigatoken, "_resident_bytes", lambda: next(resident))
    for name in ("_CHECK_MEMORY_EVERY", "_RENEW_EVERY"):
        monkeypatch.setattr(gigatoken, name, 1)
    monkeypatch.setattr(gigatoken, "_MAX_GROWTH", 0)
    text = (SAMPLES / "the_salt_clock.txt").read_bytes()
    tokenizer = load_tokenizer("gpt2", engine="gigatoken")
    for _ in range(3):
        assert tokenizer.encode_array(text).tolist() == reference.encode(text.decode())
        assert ("_fast" not in tokenizer.__dict__) == is_renewed
