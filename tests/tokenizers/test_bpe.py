"""BPE against tiktoken on whole documents."""

from pathlib import Path

import numpy as np
import pytest
import tiktoken
from hypothesis import given

from gptprep.choices import SpecialPolicy
from gptprep.errors import GptprepError, TextError
from gptprep.tokenizers import Tokenizer, load_tokenizer
from gptprep.tokenizers.bpe import BpeSpec, BpeTokenizer
from gptprep.tokenizers.gigatoken import GigatokenTokenizer
from tests.helpers.bpe import BYTES, EOT, PATTERNS, TEXTS, pair_spec, rank_lines
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


LONG_RUNS = {
    "spaces": "a" + " " * 1_100_000 + "b",
    "at the end": "a" + " " * 1_100_000,
    "alone": "\u3000" * 1_100_000,
    "line ends": "."
    + "\n" * 1_100_000
    + " " * 1_100_000
    + "\n"
    + "\t" * 1_100_000
    + EOT
    + "\r" * 1_100_000
    + "x",
    "two": "\u4e2d" + " " * 1_100_000 + "1" + " \t" * 600_000 + "!",
}


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["allow", "text"])
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", LONG_RUNS)
def test_long_runs_of_white_space_have_the_same_ids_from_either_engine(
    name: str, pattern: str, policy: SpecialPolicy
) -> None:
    """tiktoken alone refuses them, and gigatoken has no limit."""
    ranks = [*BYTES, *(b" " * (1 << n) for n in range(1, 8)), b"\n\n", b"\t\t", b" \t"]
    spec = BpeSpec("v", {token: n for n, token in enumerate(ranks)}, "", PATTERNS[pattern], {EOT: 999})
    text = LONG_RUNS[name].encode()
    ids = BpeTokenizer(spec, policy).encode_array(text)
    assert ids.dtype == np.uint32
    assert np.array_equal(ids, GigatokenTokenizer(spec, policy, rank_lines(ranks)).encode_array(text))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_longest_run_that_tiktoken_encodes_has_the_same_ids_if_it_is_encoded_apart(pattern: str) -> None:
    tokenizer = BpeTokenizer(pair_spec(pattern, {}), "allow")
    text = b"a" + b" " * 990_000 + b"b"
    assert np.array_equal(
        tokenizer._encode_long_runs(text), tokenizer._encoding.encode_to_numpy(text.decode())
    )


def test_run_of_three_million_spaces_is_encoded_by_either_engine() -> None:
    text = b"a" + b" " * 3_000_000 + b"b"
    ids = load_tokenizer("gpt2", engine="gigatoken").encode_array(text)
    assert np.array_equal(load_tokenizer("gpt2", engine="tiktoken").encode_array(text), ids)


def test_long_run_beside_a_lone_surrogate() -> None:
    text = "\ud800" + " " * 1_100_000 + "\ud83d\ude00"
    tokenizer = load_tokenizer("gpt2", engine="tiktoken")
    valid = "\ufffd" + " " * 1_100_000 + "\U0001f600"
    assert tokenizer.encode(text) == tokenizer.encode_array(valid.encode()).tolist()


def test_text_that_an_unknown_pattern_cannot_divide_is_an_error(reference: tiktoken.Encoding) -> None:
    spec = BpeSpec("x", reference._mergeable_ranks, "", r"\s+(?!\S)|\s|\S+", {})
    with pytest.raises(TextError, match="tiktoken cannot encode this text") as caught:
        BpeTokenizer(spec, "allow").encode_array(b"a" + b" " * 1_100_000 + b"b")
    assert "shorten its runs" in caught.value.fix


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
