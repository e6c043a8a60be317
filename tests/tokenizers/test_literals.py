"""Finding many literal texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.choices import SpecialPolicy
from gptprep.tokenizers.char import CharTokenizer
from gptprep.tokenizers.literals import pattern_of, stands_apart
from gptprep.tokenizers.vocabulary import Vocabulary

TEXTS = st.text("ab<|é中", max_size=6)


def found_slowly(texts: list[str], text: str) -> list[str]:
    """At each place the longest text, found by trying all."""
    found, place, longest_first = [], 0, sorted(texts, key=len, reverse=True)
    while place < len(text):
        match = next((each for each in longest_first if text.startswith(each, place)), None)
        found += [match] if match else []
        place += len(match) if match else 1
    return found


@given(st.lists(TEXTS.filter(bool), max_size=12), st.text("ab<|é中", max_size=40))
def test_longest_text_is_found_at_each_place(texts: list[str], text: str) -> None:
    found = [match.decode() for match in pattern_of(texts).findall(text.encode())]
    assert found == found_slowly(texts, text)


@given(
    tokens=st.lists(st.text("ab<", min_size=1, max_size=4), min_size=1, max_size=3, unique=True),
    texts=st.lists(st.text("ab<", max_size=6), min_size=1, max_size=5),
)
def test_token_that_stands_apart_is_found_between_texts(tokens: list[str], texts: list[str]) -> None:
    pattern = pattern_of(tokens)
    if stands_apart(tokens[0], tokens) and not any(pattern.search(text.encode()) for text in texts):
        found = pattern.findall(tokens[0].join(texts).encode())
        assert found == [tokens[0].encode()] * (len(texts) - 1)


@pytest.mark.parametrize(
    ("token", "others"),
    [
        ("<|endoftext|>", ["<|fim_prefix|>", "<|endofprompt|>", "[PAD]"]),
        ("</s>", ["<s>", "<pad>", "<unk>"]),
        ("[EOS]", ["[UNK]"]),
    ],
)
def test_usual_end_of_text_tokens_stand_apart(token: str, others: list[str]) -> None:
    assert stands_apart(token, [token, *others])


@pytest.mark.parametrize(
    ("token", "others"), [("<<", []), ("</s>", ["</s>x"]), ("</s>", ["a</"]), ("</s>", ["</"])]
)
def test_token_that_can_be_part_of_another_does_not_stand_apart(token: str, others: list[str]) -> None:
    assert not stands_apart(token, [token, *others])


@pytest.mark.parametrize("order", [1, -1])
def test_texts_that_each_start_the_next_can_be_many(order: int) -> None:
    texts = ["a" * length for length in range(1, 300)][::order]
    assert [len(match) for match in pattern_of(texts).findall(b"a" * 400 + b"b")] == [299, 101]


def test_no_texts_are_found_nowhere() -> None:
    assert pattern_of([]).findall(b"abc") == []


def test_few_texts_are_tried_at_a_place() -> None:
    """The texts are in groups of those with the same next byte, so no group has more than 256."""
    assert max(map(alternatives, groups(pattern_of(f"<|{n}|>" for n in range(10_000)).pattern))) <= 256


def groups(pattern: bytes) -> list[bytes]:
    """The innermost groups, then those around them, and the whole pattern; inner groups are left out."""
    found, pattern = [], re.sub(rb"\\.", b"x", pattern)
    while inner := re.findall(rb"\(\?:([^()]*)\)\??", pattern):
        found += inner
        pattern = re.sub(rb"\(\?:[^()]*\)\??", b"", pattern)
    return [*found, pattern]


def alternatives(group: bytes) -> int:
    """How many alternatives a group without groups has."""
    return group.count(b"|") + 1


@pytest.mark.parametrize("policy", ["allow", "error"])
def test_special_token_that_starts_another(policy: SpecialPolicy) -> None:
    specials = ("<|a|>", "<|a|>b", "<|a|>bcd", "<|")
    tokenizer = CharTokenizer("v", Vocabulary("char", (*"abcd<|>", *specials), specials), policy)
    text = b"<|a|>bc<|a|><|a|>bcd<|x"
    divided = list(tokenizer.divide_at_specials(text))
    assert divided == [
        (0, b"", "<|a|>b"),
        (6, b"c", "<|a|>"),
        (12, b"", "<|a|>bcd"),
        (20, b"", "<|"),
        (22, b"x", None),
    ]
