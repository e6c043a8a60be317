"""Which words and characters a vocabulary keeps."""

import pytest

from gptprep.errors import GptprepError, UsageError
from gptprep.tokenizers.train.words import TokenCounter
from tests.helpers.words import built


def test_size_keeps_the_most_frequent_and_the_first_of_equals() -> None:
    made = built("word", "d d d c c b b a", ("[PAD]",), size=3)
    assert made.vocabulary.tokens == ("b", "d", "[PAD]")
    assert made.covered == 5


def test_min_count_leaves_out_rarer_tokens() -> None:
    assert built("char", "aab", min_count=2).vocabulary.tokens == ("a",)


@pytest.mark.parametrize("special_tokens", [("a b",), ("",), ("x", "x"), ("<|e.t|>",), ("\udcff",)])
def test_impossible_special_tokens_are_refused(special_tokens: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="cannot be a special token"):
        TokenCounter("word", special_tokens)


def test_vocabulary_without_an_ordinary_token_is_an_error() -> None:
    with pytest.raises(GptprepError, match="no word occurs 9 times"):
        built("word", "a b", min_count=9)
    with pytest.raises(GptprepError, match="the text has no words"):
        built("word", " \n")
    with pytest.raises(UsageError, match="no room"):
        built("word", "a b", ("<|unk|>",), size=1)
