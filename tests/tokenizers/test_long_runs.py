"""Runs of white space that are encoded apart: the parts are divided between pre-tokens."""

import re
import sys

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from gptprep.tokenizers.bpe import BpeTokenizer
from gptprep.tokenizers.long_runs import divide
from gptprep.tokenizers.published import WHITE_SPACE
from tests.helpers.bpe import PATTERNS, TEXTS, pair_spec

RUNS = st.text(st.sampled_from(list("    \t\n\r\x0b\x0c\x1c\x85\xa0\u2003\u2028\u3000")), max_size=12)
AROUND = st.one_of(st.text("a1.!/'s,\u4e2d\u0301\u3002", max_size=3), TEXTS)


@pytest.fixture(scope="module", params=PATTERNS)
def tokenizer(request: pytest.FixtureRequest) -> BpeTokenizer:
    """A vocabulary that shows every pre-token boundary."""
    return BpeTokenizer(pair_spec(request.param, {}), "allow")


@given(texts=st.lists(st.tuples(AROUND, RUNS), max_size=4), end=AROUND, min_length=st.integers(2, 6))
def test_parts_have_the_ids_of_the_whole_text(
    tokenizer: BpeTokenizer, texts: list[tuple[str, str]], end: str, min_length: int
) -> None:
    text = "".join(around + run for around, run in texts) + end
    parts = list(divide(text, tokenizer._pattern, min_length))
    assert "".join(part for part, _ in parts) == text
    ids = []
    for part, is_pretoken in parts:
        encoding = tokenizer._one_pretoken if is_pretoken else tokenizer._encoding
        ids += encoding.encode(part, disallowed_special=())
    assert ids == tokenizer._encoding.encode(text, disallowed_special=())


@pytest.mark.parametrize("text", ["a{}b", "a.{}b", "{}b", "a\n{}.", "a.\n{}\u4e2d"])
def test_no_part_that_tiktoken_divides_has_a_long_run_before_text(tokenizer: BpeTokenizer, text: str) -> None:
    parts = list(divide(text.format(" \t" * 10), tokenizer._pattern, 10))
    assert [len(part) for part, is_pretoken in parts if is_pretoken] in ([19], [20])
    assert all("  " not in part.replace("\t", " ") for part, is_pretoken in parts if not is_pretoken)


def test_white_space_is_that_of_tiktoken() -> None:
    """Every character that `\\s` matches, and no other."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    encoding = tiktoken.Encoding("", pat_str=r"\s", mergeable_ranks=ranks, special_tokens={})
    characters = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    found = encoding.decode(encoding.encode(characters))
    assert found == "".join(re.findall(f"[{WHITE_SPACE}]", characters))


def test_unknown_pattern_divides_nothing() -> None:
    assert list(divide("a" + " " * 99 + "b", r"\S+|\s+", 2)) == [("a" + " " * 99 + "b", False)]
