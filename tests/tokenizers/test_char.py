"""The character tokenizer."""

import pytest
from hypothesis import given

from gptprep.choices import SpecialPolicy
from gptprep.errors import TextError
from gptprep.tokenizers.char import CharTokenizer
from tests.helpers.words import TEXTS, vocabulary


@given(TEXTS.filter(lambda text: text and "<|" not in text))
def test_each_character_has_an_id_and_decodes_to_itself(text: str) -> None:
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
def test_special_tokens_and_unknown_characters(policy: SpecialPolicy, expected: list[str]) -> None:
    made = vocabulary("char", "a<|endoftext|>b")
    assert made.tokens == ("a", "b", "<|endoftext|>", "<|unk|>")
    ids = CharTokenizer("v", made, policy).encode("a<|endoftext|>bé")
    assert [made.tokens[token_id] for token_id in ids] == expected


def test_unknown_character_without_unk_is_named_with_its_offset() -> None:
    tokenizer = CharTokenizer("v", vocabulary("char", "aé", ("<|endoftext|>",)), "allow")
    with pytest.raises(TextError, match="'z'") as caught:
        tokenizer.encode("é<|endoftext|>éz")
    assert caught.value.offset == len("é<|endoftext|>é".encode())
