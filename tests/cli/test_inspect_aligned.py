"""Tokens of several tokenizers, aligned."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from gptprep.cli.render.tokens import aligned
from gptprep.pipelines.inspect.text import InspectReport, TokenView
from tests.helpers.cli import Run

VOCABULARY = '{"<|unk|>": 0, "Don": 1, "\'": 2, "t": 3, "panic": 4, "<|endoftext|>": 5}'


def report(name: str, parts: list[str]) -> InspectReport:
    """The report for a text in parts, whose ids count."""
    views = tuple(TokenView(number, part, len(part), False) for number, part in enumerate(parts, 95))
    return InspectReport(name, 1000, sum(map(len, parts)), views)


def divided(text: str, places: set[int]) -> list[str]:
    """A text divided at some places."""
    stops = sorted({place for place in places if 0 < place < len(text)} | {len(text)})
    return [text[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]


@settings(max_examples=200)
@given(
    text=st.text("abcdefghij", min_size=1, max_size=60),
    places=st.lists(st.sets(st.integers(1, 59)), min_size=2, max_size=3),
    width=st.integers(30, 100),
)
def test_each_tokenizer_shows_the_text_at_the_same_columns(
    text: str, places: list[set[int]], width: int
) -> None:
    reports = [report(f"t{number}", divided(text, found)) for number, found in enumerate(places)]
    lines = [line.plain for line in aligned(reports, width)]
    blocks = "\n".join(lines).split("\n\n")[:-1]
    stops = [set(accumulate(token.bytes for token in one.tokens)) for one in reports]
    common = set.intersection(*stops)
    for number, one in enumerate(reports):
        shown = "".join(block.split("\n")[2 * number][4:] for block in blocks)
        assert shown.replace("│", "").replace("┃", "").replace(" ", "") == text
        assert shown.count("│") == len(common)
        assert shown.count("┃") == len(stops[number] - common)
        ids = " ".join(block.split("\n")[2 * number + 1] for block in blocks).split()
        assert list(map(int, ids)) == [token.id for token in one.tokens]
    for block in blocks:
        rows = block.split("\n")[::2]
        places_of = [[index for index, sign in enumerate(row) if sign == "│"] for row in rows]
        assert all(found == places_of[0] for found in places_of)
    if common == set.union(*stops):
        assert lines[-1] == "all divide the text at the same places"


def test_special_tokens_and_names_have_their_styles() -> None:
    special = TokenView(5, "<|endoftext|>", 13, True)
    reports = [
        InspectReport(name, 10, 13, (special,)) for name in ("a", "a-very-long-name-of-a-tokenizer.json")
    ]
    first, *_ = lines = list(aligned(reports, 60))
    assert isinstance(first, Text)
    assert any("#b0306a" in str(span.style) for span in first.spans)
    assert [line.plain for line in lines[:3]] == [
        "a                <|endoftext|>│",
        "                 5",
        "a-very-long-na…  <|endoftext|>│",
    ]


def test_two_tokenizers_of_one_text(run: Run) -> None:
    done = run("inspect", "Don't panic", "-T", "gpt2", "-T", "words.json")
    assert done.code == 1
    done = run("inspect", "Don't panic", "-T", "gpt2", "-T", "gpt2")
    assert done.out.decode().splitlines() == [
        "gpt2  Don │'t │·panic│",
        "      3987 470 13619",
        "gpt2  Don │'t │·panic│",
        "      3987 470 13619",
        "",
        "3 tokens, 11 bytes, 3.7 bytes each · gpt2",
        "3 tokens, 11 bytes, 3.7 bytes each · gpt2",
        "all divide the text at the same places",
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "a\u202eb\x1b[31mc", "مرحبا", "你好"])
def test_any_text_is_harmless(run: Run, text: str) -> None:
    done = run("inspect", "-t", text, "-T", "gpt2", "-T", "gpt2")
    assert done.code == 0
    assert b"\x1b" not in done.out
    assert "\u202e".encode() not in done.out
