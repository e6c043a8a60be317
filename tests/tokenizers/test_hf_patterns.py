"""Pre-tokens and split points of published patterns: those of `tokenizers`, for every character."""

from __future__ import annotations

import itertools
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gptprep.tokenizers.hf_patterns import HF_PATTERNS, pattern_of
from gptprep.tokenizers.unicode_guard import NEWER_RANGES, NEWER_SYMBOL_RANGES, may_differ, symbols_may_differ
from tests.helpers.bpe import EOT, TEXTS
from tests.helpers.characters import CLASS_CONTEXT, CONTEXTS, EMPTY_PLANES, rows
from tests.helpers.hf_engines import Pair
from tests.helpers.hugging_face import (
    pair_file,
    pattern_file,
    pattern_steps,
)
from tests.helpers.paths import SAMPLES

MORE_CONTEXTS = (
    "!{}",
    "{}\u4e2d",
    "\u4e2d{}",
    "\u0301{}",
    "{}\u0301",
    " {}a",
    "{}{}",
    "\x01{}a",
    "{}  b",
    "\u20ac{}b",
)
NEWER = frozenset(
    chr(code) for first, last in (*NEWER_RANGES, *NEWER_SYMBOL_RANGES) for code in range(first, last + 1)
)


@pytest.fixture(scope="module", params=HF_PATTERNS)
def pair(request: pytest.FixtureRequest) -> Pair:
    """A vocabulary that shows every pre-token boundary."""
    return Pair(pair_file(request.param))


@pytest.fixture(scope="module", params=HF_PATTERNS)
def ordinary(request: pytest.FixtureRequest) -> Pair:
    """An ordinary vocabulary, trained with the pattern."""
    return Pair(pattern_file(request.param))


# Pre-tokens


def in_all_contexts(characters: list[str]) -> str:
    return EOT.join(
        context.replace("{}", character)
        for character in characters
        for context in (*CONTEXTS, *MORE_CONTEXTS)
    )


@pytest.mark.slow
def test_every_character_has_the_ids_of_the_library(pair: Pair) -> None:
    """In all contexts; those of the large blocks of Chinese and Korean in one, some of them in all."""
    for n, row in enumerate(rows(0, 1, 2, 3, 14)):
        older = [character for character in row if character not in NEWER]
        is_sample = not is_large(row[0]) or n % 50 == 0
        text = in_all_contexts(older) if is_sample else EOT.join(map(CLASS_CONTEXT.format, older))
        assert pair.fast._fast.encode(text.encode()).tolist() == pair.library_ids(text), hex(ord(row[0]))


@pytest.mark.slow
def test_code_points_without_characters_have_the_ids_of_the_library(pair: Pair) -> None:
    """One context shows that both take them for no letters, marks, numbers or white space."""
    for plane in EMPTY_PLANES:
        sample = itertools.islice(rows(plane), plane, None, 16)
        text = EOT.join(CLASS_CONTEXT.format(character) for row in sample for character in row)
        assert pair.fast._fast.encode(text.encode()).tolist() == pair.library_ids(text), plane


def test_newer_characters_have_the_ids_of_the_library(pair: Pair) -> None:
    for character in sorted(NEWER)[::97]:
        pair.check(in_all_contexts([character]))


def test_guard_finds_every_newer_symbol_and_few_others() -> None:
    for character in NEWER:
        data = f"abc{character}".encode()
        assert may_differ(data) or symbols_may_differ(data), hex(ord(character))
    for path in SAMPLES.iterdir():
        assert not symbols_may_differ(path.read_bytes()), path
    assert not symbols_may_differ("“€20” ﷺ ，ﬁ 🙂👩‍🚀🫶🛒 𝒇 𠮷".encode())


def test_engines_differ_on_a_newer_symbol() -> None:
    """When this fails, both follow the same Unicode and the guard is not needed."""
    pair, text = Pair(pair_file("deepseek_v3")), "\u20c1\n"
    assert pair.fast._fast.encode(text.encode()).tolist() != pair.library_ids(text)


@given(text=TEXTS)
@example(text="don't DON'T 'ſ 'Ll 12345 \r\n\n  x<|endoftext|>\u180e\x1c\x85 中文1中!a\x01b  3")
def test_difficult_text(pair: Pair, text: str) -> None:
    pair.check(text)


@given(text=TEXTS)
def test_difficult_text_over_an_ordinary_vocabulary(ordinary: Pair, text: str) -> None:
    pair = ordinary
    pair.check(text)
    ids = pair.library_ids(text)
    assert pair.fast.encode(text) == ids
    assert pair.fast.decode(ids) == text.encode()


def test_samples(ordinary: Pair) -> None:
    for path in SAMPLES.iterdir():
        ordinary.check(path.read_bytes().decode())


# Split points


@given(text=TEXTS.filter(lambda text: len(text) > 1), tail=st.integers(0, 60))
def test_dividing_a_text_at_its_last_split_point_changes_no_id(pair: Pair, text: str, tail: int) -> None:
    data = text.encode()
    seen = bytearray(text[: len(text) - tail].encode()) or bytearray(data)
    point = pair.fast.split_points.last(seen, 0)
    left, right = data[:point].decode(), data[point:].decode()
    assert pair.library_ids(left) + pair.library_ids(right) == pair.library_ids(text)


@pytest.mark.slow
def test_places_after_each_letter_and_digit_are_split_points(pair: Pair) -> None:
    """Of the large blocks of Chinese and Korean, whose characters are alike, some."""
    is_safe, eot = pair.fast._exact.is_safe_after, pair.fast.special_tokens[EOT]
    found = [row for n, row in enumerate(rows(0, 1, 2, 3)) if not is_large(row[0]) or n % 50 == 0]
    letters = [character for row in found for character in row if is_letter(character) and is_safe(character)]
    for after in (" \n", "\n ", "\t\r\n", "、\n", "，a"):
        whole = pair.library_ids(EOT.join(f"a{letter}{after}" for letter in letters))
        divided = pair.library_ids(EOT.join(f"a{letter}{EOT}{after}" for letter in letters))
        assert [n for n in whole if n != eot] == [n for n in divided if n != eot]


def is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN"


def is_large(character: str) -> bool:
    return "\u3400" <= character < "\ua000" or "\uac00" <= character < "\ud800" or character >= "\U00020000"


# Recognizing


@pytest.mark.parametrize("name", HF_PATTERNS)
def test_pattern_is_recognized_to_the_character(name: str) -> None:
    pattern = HF_PATTERNS[name]
    steps = pattern_steps(pattern.regexes)
    assert pattern_of(steps) is pattern
    if name != "gpt2":
        for regexes in ((*pattern.regexes, "x"), (*pattern.regexes[:-1], pattern.regexes[-1] + " ")):
            assert pattern_of(pattern_steps(regexes)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"behavior": "Removed"},
        {"invert": True},
        {"pattern": {"String": "x"}},
        {"type": "Digits"},
        {"pattern": 7},
    ],
)
def test_other_steps_are_not_recognized(changes: dict[str, Any]) -> None:
    split, byte_level = pattern_steps(HF_PATTERNS["qwen2"].regexes)["pretokenizers"]
    steps = {"type": "Sequence", "pretokenizers": [split | changes, byte_level]}
    assert pattern_of(steps) is None


@pytest.mark.parametrize(
    "steps",
    [None, 7, {"type": "Sequence"}, {"type": "Sequence", "pretokenizers": [7]}, {"type": "ByteLevel"}],
)
def test_other_pre_tokenizers_are_not_recognized(steps: object) -> None:
    assert pattern_of(steps) is None


def test_removing_what_is_between_the_matches_is_recognized_for_one_step_only() -> None:
    removed = {"behavior": "Removed", "invert": True}
    for name, is_known in (("qwen2", True), ("deepseek_v3", False)):
        *splits, byte_level = pattern_steps(HF_PATTERNS[name].regexes)["pretokenizers"]
        steps = {"type": "Sequence", "pretokenizers": [*(split | removed for split in splits), byte_level]}
        assert (pattern_of(steps) is not None) == is_known
