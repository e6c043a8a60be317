"""Rank files: published encodings, tiktoken's plug-ins, and files of one's own."""

from pathlib import Path

import pytest
import tiktoken

from gptprep.choices import SpecialPolicy
from gptprep.errors import CorruptDataError, GptprepError
from gptprep.tokenizers import Tokenizer, load_tokenizer
from gptprep.tokenizers.published import KNOWN
from tests.helpers.bpe import BYTES, EOT, rank_lines
from tests.helpers.paths import RANKS


def test_copy_of_a_published_file_is_recognized_by_its_hash(gpt2: Tokenizer, tmp_path: Path) -> None:
    copy = tmp_path / "any name.tiktoken"
    copy.write_bytes(RANKS.read_bytes())
    loaded = load_tokenizer(str(copy))
    assert (loaded.fingerprint, loaded.special_tokens) == (gpt2.fingerprint, gpt2.special_tokens)


@pytest.mark.parametrize("name", ["cl100k_base.tiktoken", "r50k_base.tiktoken", "R50K_Base.tiktoken"])
@pytest.mark.parametrize(
    "data",
    [
        b"".join(RANKS.read_bytes().splitlines(keepends=True)[:1000]),
        RANKS.read_bytes()[:-3],
        RANKS.read_bytes().replace(b"\n", b"\r\n"),
    ],
    ids=["some lines", "truncated", "CRLF"],
)
def test_other_bytes_under_a_published_name_are_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    published = name.lower().removesuffix(".tiktoken")
    with pytest.raises(CorruptDataError, match=f"{name} is not the published {published}: its sha256 is"):
        load_tokenizer(str(tmp_path / name))


def test_encoding_that_cannot_be_downloaded_says_what_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise ConnectionError("no network")

    monkeypatch.setattr("tiktoken.load.read_file_cached", fail)
    with pytest.raises(GptprepError) as caught:
        load_tokenizer("o200k_base")
    assert KNOWN["o200k_base"].url in caught.value.fix
    assert "--tokenizer o200k_base.tiktoken" in caught.value.fix


def test_encodings_of_tiktoken_that_are_not_in_the_table_load_too(
    monkeypatch: pytest.MonkeyPatch, gpt2: Tokenizer, reference: tiktoken.Encoding
) -> None:
    monkeypatch.setattr(tiktoken, "get_encoding", lambda _: reference)
    loaded = load_tokenizer("p50k_edit")
    assert loaded.encode("Hello") == gpt2.encode("Hello")
    assert loaded.fingerprint == gpt2.fingerprint


def test_plug_in_that_fails_is_an_error_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> tiktoken.Encoding:
        raise RuntimeError("no network")

    monkeypatch.setattr(tiktoken, "get_encoding", fail)
    with pytest.raises(GptprepError, match="p50k_edit is not on this machine"):
        load_tokenizer("p50k_edit")


def test_plug_in_with_an_empty_special_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """tiktoken would find it again and again at the same place."""
    ranks = {token: rank for rank, token in enumerate(BYTES)}
    made = tiktoken.Encoding("x", pat_str=r"\S", mergeable_ranks=ranks, special_tokens={"": 256})
    monkeypatch.setattr(tiktoken, "get_encoding", lambda _: made)
    with pytest.raises(GptprepError, match="it has an empty special token"):
        load_tokenizer("p50k_edit")


@pytest.mark.parametrize("policy", ["allow", "text"])
def test_rank_file_of_ones_own(tmp_path: Path, policy: SpecialPolicy) -> None:
    path = tmp_path / "own.tiktoken"
    path.write_bytes(rank_lines([*BYTES, b"he", b"hel"]))
    tokenizer = load_tokenizer(str(path), policy)
    assert (tokenizer.name, tokenizer.n_vocab, tokenizer.eot) == ("own.tiktoken", 259, 258)
    assert tokenizer.encode("hello") == [257, ord("l"), ord("o")]
    assert tokenizer.decode([257, 258]) == f"hel{EOT}".encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "0x00"),
        (b"no rank file", "line 1"),
        (rank_lines(BYTES) + b"aGU= x\n", "line 257"),
        (rank_lines(BYTES) + b"a 300\n", "line 257"),
        (rank_lines(BYTES[1:]), "0x00"),
        (rank_lines([*BYTES, b"a"]), "the token YQ== twice, on lines 98 and 257"),
        (rank_lines(BYTES) + b"aGU= 7\n", "same rank"),
        (rank_lines(BYTES) + b"aGU= -1\n", "negative"),
        (rank_lines(BYTES) + b"aGU= 2000000000\n", "the id 2,000,000,000 is far above its 257 tokens"),
        (rank_lines(BYTES) + b"aGU= 99999999999\n", "2**31"),
        (rank_lines(BYTES) + b"aGU= " + b"9" * 5000, "line 257"),
    ],
)
def test_broken_rank_file_is_damaged_data(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "broken.tiktoken"
    path.write_bytes(data)
    with pytest.raises(CorruptDataError) as caught:
        load_tokenizer(str(path))
    assert why in caught.value.why


def test_repeated_token_that_is_no_text_is_named(tmp_path: Path) -> None:
    line = b"\xff\xffQQ== 0\n"  # base64 decoders skip bytes outside their alphabet
    (tmp_path / "x.tiktoken").write_bytes(line + line.replace(b" 0", b" 1"))
    with pytest.raises(CorruptDataError, match=r"x\.tiktoken is not a"):
        load_tokenizer(str(tmp_path / "x.tiktoken"))
