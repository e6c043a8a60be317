"""BPE against tiktoken on whole documents; cuts; rank files, ours and others'."""

from __future__ import annotations

import base64
import importlib
import itertools
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from gptprep.errors import DamagedData, GptprepError, TextError
from gptprep.tokenizers import SpecialPolicy, Tokenizer, load_tokenizer
from gptprep.tokenizers.bpe import BpeTokenizer
from gptprep.tokenizers.encodings import CL100K_PATTERN, GPT2_PATTERN, KNOWN, O200K_PATTERN
from tests.conftest import RANKS, SAMPLES

BYTES = [bytes([byte]) for byte in range(256)]
AWKWARD = st.text(
    st.one_of(
        st.sampled_from(list(" \t\n\r\x0b\x0c\x1c\x85\xa0\u2003\u3000")),
        st.sampled_from(list("'’sStTrReEvVlLdDmM")),
        st.sampled_from(list("abcXYZ019.,;!?-_/^<|>、。，\u0301\u0663\u4e2d\u3042\ud55c\U0001f468\u200d")),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)
"""Text heavy in what pre-tokenization patterns treat specially."""
TEXTS = st.lists(st.one_of(AWKWARD, st.just("<|endoftext|>")), max_size=5).map("".join)


@pytest.fixture(scope="module")
def gpt2() -> Tokenizer:
    return load_tokenizer("gpt2")


def pair_ranks() -> dict[bytes, int]:
    """A vocabulary in which every pair of bytes is a token, so that no border between pre-tokens can hide.

    Pairs across the border of two characters merge first, for that is where pre-tokens begin.
    """
    pairs = [bytes(pair) for pair in itertools.product(range(256), repeat=2)]
    pairs.sort(key=lambda pair: (0x80 <= pair[1] < 0xC0, pair))
    return {token: rank for rank, token in enumerate([*BYTES, *pairs])}


PATTERNS = {"gpt2": GPT2_PATTERN, "cl100k": CL100K_PATTERN, "o200k": O200K_PATTERN}


@pytest.fixture(scope="module", params=PATTERNS)
def cuttable(request: pytest.FixtureRequest) -> BpeTokenizer:
    """The patterns that may be cut, over a vocabulary that shows every border."""
    special_tokens = {"<|endoftext|>": 256 + (1 << 16)}
    return BpeTokenizer(request.param, pair_ranks(), "", PATTERNS[request.param], special_tokens, "allow")


@given(text=TEXTS)
def test_ids_are_tiktokens(gpt2: Tokenizer, truth: tiktoken.Encoding, text: str) -> None:
    ids = truth.encode(text, allowed_special="all")
    assert gpt2.encode(text) == ids
    assert gpt2.encode_array(text.encode()).tolist() == ids
    assert gpt2.decode(ids) == text.encode()


@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_samples_get_tiktokens_ids(gpt2: Tokenizer, truth: tiktoken.Encoding, path: Path) -> None:
    data = path.read_bytes()
    assert gpt2.encode_array(data).tolist() == truth.encode(data.decode(), allowed_special="all")


@given(text=TEXTS.filter(lambda text: len(text) > 1), tail=st.integers(0, 60))
def test_a_cut_changes_no_id(cuttable: Tokenizer, text: str, tail: int) -> None:
    data = text.encode()
    seen = bytearray(text[: len(text) - tail].encode()) or bytearray(data)
    cut = cuttable.last_cut(seen, 0)
    assert 0 <= cut <= len(seen)
    if cut:
        left, right = data[:cut].decode(), data[cut:].decode()
        assert cuttable.encode(left) + cuttable.encode(right) == cuttable.encode(text)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [("cl100k", "?", "\nT\r"), ("o200k", "?", "\nT\r"), ("cl100k", "x\u0301", "\ny"), ("gpt2", "x。", "。y")],
)
def test_an_unsafe_cut_would_be_noticed(name: str, left: str, right: str) -> None:
    """The test above can fail: here are cuts that a rule a little wider would allow."""
    tokenizer = BpeTokenizer(name, pair_ranks(), "", PATTERNS[name], {}, "allow")
    assert tokenizer.encode(left) + tokenizer.encode(right) != tokenizer.encode(left + right)
    assert tokenizer.last_cut(bytearray((left + right).encode()), 0) != len(left.encode())


def test_nearly_every_text_has_a_cut_near_its_end(gpt2: Tokenizer) -> None:
    for path in SAMPLES.iterdir():
        data = bytearray(path.read_bytes())
        assert gpt2.last_cut(data, 0) > len(data) - 400, path


@pytest.mark.parametrize("text", ["", "abc", "   ", "\n\n\n", "中文", "a\u3000b", "\u00a0 x"])
def test_texts_without_a_cut(gpt2: Tokenizer, text: str) -> None:
    assert gpt2.last_cut(bytearray(text.encode()), 0) == 0


def test_an_unknown_pattern_is_never_cut(truth: tiktoken.Encoding) -> None:
    tokenizer = BpeTokenizer("x", truth._mergeable_ranks, "", r"\S+|\s+", {}, "allow")
    assert tokenizer.last_cut(bytearray(b"a b c d"), 0) == 0


def test_chinese_without_a_space_has_cuts(gpt2: Tokenizer) -> None:
    text = "清晨五点，河边的集市就醒了。" * 100
    cut = gpt2.last_cut(bytearray(text.encode()), 0)
    assert cut == len(text.encode()) - len("。".encode())


def test_what_tiktoken_cannot_cut_is_an_error_and_no_traceback() -> None:
    with pytest.raises(TextError, match="tiktoken cannot cut this text"):
        load_tokenizer("gpt2", engine="tiktoken").encode_array(b"a" + b" " * 1_000_000 + b"b")


def test_lone_surrogates_are_taken_as_tiktoken_takes_them(gpt2: Tokenizer, truth: tiktoken.Encoding) -> None:
    assert gpt2.encode("a\ud800b") == truth.encode("a\ud800b") == [64, 4210, 65]


@pytest.mark.parametrize("character", "^ \n\t'a1中é")
def test_a_million_of_one_character(gpt2: Tokenizer, truth: tiktoken.Encoding, character: str) -> None:
    text = character * 1_000_000
    assert gpt2.encode_array(text.encode()).tolist() == truth.encode(text)


# Special tokens


def test_special_policies(truth: tiktoken.Encoding) -> None:
    text = "é one<|endoftext|>two"
    assert load_tokenizer("gpt2", "allow").encode(text) == truth.encode(text, allowed_special="all")
    assert load_tokenizer("gpt2", "text").encode(text) == truth.encode(text, disallowed_special=())
    with pytest.raises(TextError, match=r"<\|endoftext\|>") as caught:
        load_tokenizer("gpt2", "error").encode(text)
    assert caught.value.offset == len("é one".encode())


def test_special_tokens_are_found_with_their_offsets(gpt2: Tokenizer) -> None:
    assert list(gpt2.specials(b"<|a|> <|endoftext|><|endoftext|>")) == [
        (6, "<|endoftext|>"),
        (19, "<|endoftext|>"),
    ]


# Published encodings


def test_the_table_of_encodings_is_tiktokens(monkeypatch: pytest.MonkeyPatch) -> None:
    public = importlib.import_module("tiktoken_ext.openai_public")
    files: list[tuple[str, str]] = []

    def load(url: str, expected_hash: str) -> dict[bytes, int]:
        files.append((url, expected_hash))
        return {}

    monkeypatch.setattr(public, "load_tiktoken_bpe", load)
    for name, known in KNOWN.items():
        if name == "gpt2":  # tiktoken builds it from two older files, with r50k_base's pattern
            assert (known.pattern, known.sha256) == (public.r50k_pat_str, KNOWN["r50k_base"].sha256)
            continue
        made = public.ENCODING_CONSTRUCTORS[name]()
        assert files.pop() == (known.url, known.sha256)
        assert made["pat_str"] == known.pattern
        assert made["special_tokens"] == known.special_tokens


def test_a_known_rank_file_gets_its_own_pattern_by_its_hash(gpt2: Tokenizer, tmp_path: Path) -> None:
    copy = tmp_path / "any name.tiktoken"
    copy.write_bytes(RANKS.read_bytes())
    loaded = load_tokenizer(str(copy))
    assert (loaded.fingerprint, loaded.special_tokens) == (gpt2.fingerprint, gpt2.special_tokens)


def test_an_encoding_that_is_not_here_says_what_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise ConnectionError("no network")

    monkeypatch.setattr("tiktoken.load.read_file_cached", fail)
    with pytest.raises(GptprepError) as caught:
        load_tokenizer("o200k_base")
    assert KNOWN["o200k_base"].url in caught.value.fix
    assert "--tokenizer o200k_base.tiktoken" in caught.value.fix


def test_encodings_of_tiktoken_that_are_not_in_the_table_load_too(
    monkeypatch: pytest.MonkeyPatch, gpt2: Tokenizer, truth: tiktoken.Encoding
) -> None:
    monkeypatch.setattr(tiktoken, "get_encoding", lambda _: truth)
    loaded = load_tokenizer("p50k_edit")
    assert loaded.encode("Hello") == gpt2.encode("Hello")
    assert loaded.fingerprint == gpt2.fingerprint


def test_a_plug_in_that_fails_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> tiktoken.Encoding:
        raise RuntimeError("no network")

    monkeypatch.setattr(tiktoken, "get_encoding", fail)
    with pytest.raises(GptprepError, match="p50k_edit is not on this machine"):
        load_tokenizer("p50k_edit")


@pytest.mark.parametrize(("name", "near"), [("gpt3", "gpt2"), ("cl100k", "cl100k_base"), ("gpt-2", "gpt2")])
def test_unknown_names_get_near_matches(name: str, near: str) -> None:
    with pytest.raises(GptprepError, match="there is no tokenizer") as caught:
        load_tokenizer(name)
    assert near in caught.value.fix


# Other rank files


def rank_lines(tokens: list[bytes]) -> bytes:
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens))


@pytest.mark.parametrize("policy", ["allow", "text"])
def test_a_rank_file_of_ones_own(tmp_path: Path, policy: SpecialPolicy) -> None:
    path = tmp_path / "own.tiktoken"
    path.write_bytes(rank_lines([*BYTES, b"he", b"hel"]))
    tokenizer = load_tokenizer(str(path), policy)
    assert (tokenizer.name, tokenizer.n_vocab, tokenizer.eot) == ("own.tiktoken", 259, 258)
    assert tokenizer.encode("hello") == [257, ord("l"), ord("o")]
    assert tokenizer.decode([257, 258]) == b"hel<|endoftext|>"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "0x00"),
        (b"no rank file", "line 1"),
        (rank_lines(BYTES) + b"aGU= x\n", "line 257"),
        (rank_lines(BYTES) + b"a 300\n", "line 257"),
        (rank_lines(BYTES[1:]), "0x00"),
        (rank_lines([*BYTES, b"a"]), "twice"),
        (rank_lines(BYTES) + b"aGU= 7\n", "same rank"),
        (rank_lines(BYTES) + b"aGU= -1\n", "negative"),
        (rank_lines(BYTES) + b"aGU= 99999999999\n", "2**31"),
        (rank_lines(BYTES) + b"aGU= " + b"9" * 5000, "line 257"),
    ],
)
def test_broken_rank_files_are_damaged_data(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "broken.tiktoken"
    path.write_bytes(data)
    with pytest.raises(DamagedData) as caught:
        load_tokenizer(str(path))
    assert why in caught.value.why


def test_an_id_out_of_range_is_named_with_its_position(gpt2: Tokenizer) -> None:
    for wrong in (50257, -1, 10**30):
        with pytest.raises(GptprepError, match=f"the id {wrong} at position 2"):
            gpt2.decode([1, 2, wrong])
        with pytest.raises(GptprepError, match=f"the id {wrong} at position 4"):
            list(gpt2.decode_chunks([[1, 2, 3], [4, wrong]]))
