"""BPE against tiktoken on whole documents."""

from pathlib import Path

import pytest
import tiktoken
from hypothesis import given

from gptprep.errors import GptprepError, TextError
from gptprep.tokenizers import Tokenizer, load_tokenizer
from tests.helpers.bpe import EOT, TEXTS
from tests.helpers.paths import SAMPLES


@given(text=TEXTS)
def test_ids_are_those_of_tiktoken(gpt2: Tokenizer, reference: tiktoken.Encoding, text: str) -> None:
    ids = reference.encode(text, allowed_special="all")
    assert gpt2.encode(text) == ids
    assert gpt2.encode_array(text.encode()).tolist() == ids
    assert gpt2.decode(ids) == text.encode()


@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_ids_of_samples_are_those_of_tiktoken(
    gpt2: Tokenizer, reference: tiktoken.Encoding, path: Path
) -> None:
    data = path.read_bytes()
    assert gpt2.encode_array(data).tolist() == reference.encode(data.decode(), allowed_special="all")


@pytest.mark.parametrize("character", "^ \n\t'a1中é")
def test_a_million_of_one_character(gpt2: Tokenizer, reference: tiktoken.Encoding, character: str) -> None:
    text = character * 1_000_000
    assert gpt2.encode_array(text.encode()).tolist() == reference.encode(text)


def test_text_that_tiktoken_cannot_encode_is_an_error() -> None:
    with pytest.raises(TextError, match="tiktoken cannot encode this text"):
        load_tokenizer("gpt2", engine="tiktoken").encode_array(b"a" + b" " * 1_000_000 + b"b")


def test_lone_surrogates_are_encoded_as_tiktoken_does(gpt2: Tokenizer, reference: tiktoken.Encoding) -> None:
    assert gpt2.encode("a\ud800b") == reference.encode("a\ud800b") == [64, 4210, 65]


def test_special_policies(reference: tiktoken.Encoding) -> None:
    text = f"é one{EOT}two"
    assert load_tokenizer("gpt2", "allow").encode(text) == reference.encode(text, allowed_special="all")
    assert load_tokenizer("gpt2", "text").encode(text) == reference.encode(text, disallowed_special=())
    with pytest.raises(TextError, match=r"<\|endoftext\|>") as caught:
        load_tokenizer("gpt2", "error").encode(text)
    assert caught.value.offset == len("é one".encode())


def test_special_tokens_are_found_with_their_offsets(gpt2: Tokenizer) -> None:
    assert list(gpt2.specials(b"<|a|> <|endoftext|><|endoftext|>")) == [(6, EOT), (19, EOT)]


@pytest.mark.parametrize("wrong", [50257, -1, 10**30])
def test_id_out_of_range_is_named_with_its_position(gpt2: Tokenizer, wrong: int) -> None:
    with pytest.raises(GptprepError, match=f"the id {wrong} at position 2"):
        gpt2.decode([1, 2, wrong])
    with pytest.raises(GptprepError, match=f"the id {wrong} at position 4"):
        list(gpt2.decode_blocks([[1, 2, 3], [4, wrong]]))
