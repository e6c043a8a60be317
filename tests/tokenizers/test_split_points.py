"""Split points: the ids of both sides are the ids of the whole."""

from collections.abc import Callable

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from gptprep.tokenizers import Tokenizer
from gptprep.tokenizers.bpe import BpeSpec, BpeTokenizer
from gptprep.tokenizers.char import CharTokenizer
from gptprep.tokenizers.vocabulary import Kind
from gptprep.tokenizers.word import WordTokenizer
from tests.helpers import words
from tests.helpers.bpe import EOT, PATTERNS, TEXTS, pair_ranks, pair_spec
from tests.helpers.paths import SAMPLES


@pytest.fixture(scope="module", params=PATTERNS)
def bpe(request: pytest.FixtureRequest) -> BpeTokenizer:
    """The patterns with split points, over a vocabulary that shows every pre-token boundary."""
    return BpeTokenizer(pair_spec(request.param, {EOT: len(pair_ranks())}), "allow")


@given(text=TEXTS.filter(lambda text: len(text) > 1), tail=st.integers(0, 60))
def test_dividing_a_text_at_its_last_split_point_changes_no_id(
    bpe: BpeTokenizer, text: str, tail: int
) -> None:
    data = text.encode()
    seen = bytearray(text[: len(text) - tail].encode()) or bytearray(data)
    point = bpe.split_points.last(seen, 0)
    assert 0 <= point <= len(seen)
    if point:
        left, right = data[:point].decode(), data[point:].decode()
        assert bpe.encode(left) + bpe.encode(right) == bpe.encode(text)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [("cl100k", "?", "\nT\r"), ("o200k", "?", "\nT\r"), ("cl100k", "x\u0301", "\ny"), ("gpt2", "x。", "。y")],
)
def test_places_that_a_wider_rule_would_allow_change_ids(name: str, left: str, right: str) -> None:
    """The test above can fail: these are not split points, and dividing there changes ids."""
    tokenizer = BpeTokenizer(pair_spec(name, {}), "allow")
    assert tokenizer.encode(left) + tokenizer.encode(right) != tokenizer.encode(left + right)
    assert tokenizer.split_points.last(bytearray((left + right).encode()), 0) != len(left.encode())


@given(text=words.TEXTS, seen=st.integers(0, 60), special=st.integers(0, 3))
@pytest.mark.parametrize("make", [WordTokenizer, CharTokenizer])
def test_dividing_words_and_characters_changes_no_id(
    make: Callable[..., Tokenizer], text: str, seen: int, special: int
) -> None:
    text = text[:10] + EOT * special + text[10:]
    specials = (EOT, f"{EOT}<|", "<|unk|>")
    kind: Kind = "word" if make is WordTokenizer else "char"
    tokenizer = make("v", words.vocabulary(kind, text + "x", specials), "allow")
    data = text.encode()
    point = tokenizer.split_points.last(bytearray(text[:seen].encode()), 0)
    left, right = (tokenizer.encode(side.decode()) for side in (data[:point], data[point:]))
    assert left + right == tokenizer.encode(text)


def test_samples_have_a_split_point_near_their_end(gpt2: Tokenizer) -> None:
    for path in SAMPLES.iterdir():
        data = bytearray(path.read_bytes())
        assert gpt2.split_points.last(data, 0) > len(data) - 400, path


def test_chinese_without_spaces_has_split_points(gpt2: Tokenizer) -> None:
    text = "清晨五点，河边的集市就醒了。" * 100
    point = gpt2.split_points.last(bytearray(text.encode()), 0)
    assert point == len(text.encode()) - len("。".encode())


@pytest.mark.parametrize("text", ["", "abc", "   ", "\n\n\n", "中文", "a\u3000b", "\u00a0 x"])
def test_texts_without_a_split_point(gpt2: Tokenizer, text: str) -> None:
    assert gpt2.split_points.last(bytearray(text.encode()), 0) == 0


def test_unknown_pattern_has_no_split_points(reference: tiktoken.Encoding) -> None:
    tokenizer = BpeTokenizer(BpeSpec("x", reference._mergeable_ranks, "", r"\S+|\s+", {}), "allow")
    assert tokenizer.split_points.last(bytearray(b"a b c d"), 0) == 0
