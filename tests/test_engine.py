"""gigatoken's ids are tiktoken's: every code point, awkward text, and the nets below."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiktoken
from hypothesis import given

from gptprep.errors import GptprepError, MissingExtra, TextError
from gptprep.pipelines.encode import EncodeOptions, encode
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.window import run_window
from gptprep.tokenizers import Tokenizer, gigatoken, load_tokenizer
from gptprep.tokenizers.gigatoken import GigatokenTokenizer
from gptprep.tokenizers.unicode_guard import NEWER_RANGES, may_differ
from tests.conftest import SAMPLES
from tests.test_cli_shards import tree
from tests.test_tokenizers_bpe import PATTERNS, TEXTS, pair_ranks, rank_lines

EOT = "<|endoftext|>"
CODE_POINTS = [code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
NEWER = [code for first, last in NEWER_RANGES for code in range(first, last + 1)]
CONTEXTS = (
    "{}",
    "a{}",
    "{}a",
    "A{}",
    "{}'s",
    "{}'LL",
    "'{}",
    "1{}",
    "{}1",
    ".{}",
    "{}.",
    " {} ",
    "{}\n",
    "\n{}x",
    "{}/",
)


@pytest.fixture(scope="module", params=PATTERNS)
def engine(request: pytest.FixtureRequest) -> GigatokenTokenizer:
    """gigatoken over a vocabulary that shows every border between pre-tokens."""
    name, ranks = request.param, pair_ranks()
    special_tokens, data = {EOT: len(ranks)}, rank_lines(list(ranks))
    return GigatokenTokenizer(name, ranks, "", PATTERNS[name], special_tokens, "allow", data)


def truth_of(engine: GigatokenTokenizer, text: bytes) -> Any:
    return engine._encoding.encode_to_numpy(text.decode(), allowed_special="all")


def test_every_code_point_in_many_contexts(engine: GigatokenTokenizer) -> None:
    """In chunks without and with the characters that the guard knows; end-of-text tokens part them."""
    newer = set(NEWER)
    older = [code for code in CODE_POINTS if code not in newer]
    for context in CONTEXTS:
        for codes in (older, NEWER):
            for first in range(0, len(codes), 20_000):
                chunk = (context.format(chr(code)) for code in codes[first : first + 20_000])
                text = EOT.join(chunk).encode()
                assert np.array_equal(engine.encode_array(text), truth_of(engine, text)), (context, first)


@given(text=TEXTS)
def test_awkward_text(engine: GigatokenTokenizer, text: str) -> None:
    assert np.array_equal(engine.encode_array(text.encode()), truth_of(engine, text.encode()))


@given(text=TEXTS)
def test_awkward_text_over_gpt2s_ranks(truth: tiktoken.Encoding, text: str) -> None:
    for policy, allowed in (("allow", {EOT}), ("text", set[str]())):
        ids = GPT2[policy].encode_array(text.encode()).tolist()
        assert ids == truth.encode(text, allowed_special=allowed, disallowed_special=())


GPT2: dict[str, Tokenizer] = {
    "allow": load_tokenizer("gpt2", "allow", "gigatoken"),
    "text": load_tokenizer("gpt2", "text", "gigatoken"),
}


def test_the_guard_misses_none_and_lets_the_samples_pass() -> None:
    for code in NEWER:
        assert may_differ(f"abc{chr(code)}".encode()), hex(code)
    for path in SAMPLES.iterdir():
        assert not may_differ(path.read_bytes()), path
    assert not may_differ("తెలుగు ಕನ್ನಡ हिन्दी ไทย 한국어 Tiếng Việt 🙂👩‍🚀 𝒇 𠮷".encode())


def test_the_guard_is_needed(engine: GigatokenTokenizer) -> None:
    """When this fails, the two follow the same Unicode: the guard can go."""
    text = f"{chr(NEWER[0])}'s".encode()
    assert engine._fast.encode(text).tolist() != truth_of(engine, text).tolist()


def test_runs_of_a_million_that_tiktoken_cannot_cut() -> None:
    ids = GPT2["allow"].encode_array(b"a" + b" " * 1_000_000 + b"b")
    assert GPT2["allow"].decode(ids.tolist()) == b"a" + b" " * 1_000_000 + b"b"


def test_both_engines_write_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("\u088f's and \U000323b0's " * 50_000)
    inputs = (str(SAMPLES), str(tmp_path / "new.txt"))
    for name in ("auto", "gigatoken", "tiktoken"):
        options = WindowOptions(inputs, str(tmp_path / name), 64, engine=name)
        report = run_window(plan_window(options))
        assert report.engine == ("tiktoken" if name == "tiktoken" else "gigatoken")
        assert (report.cross_checked > 0) == (name != "tiktoken")
    assert tree(tmp_path / "auto") == tree(tmp_path / "gigatoken") == tree(tmp_path / "tiktoken")


class Wrong:
    """An engine that is wrong about one word."""

    def __init__(self, right: Any) -> None:
        self.right = right

    def encode(self, text: bytes) -> Any:
        return self.right.encode(text.replace(b"harbour", b"harbor"))


def test_a_difference_stops_the_run_and_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = GigatokenTokenizer._fast.func  # type: ignore[attr-defined]
    monkeypatch.setattr(GigatokenTokenizer, "_fast", property(lambda self: Wrong(right(self))))
    path = str(SAMPLES / "the_salt_clock.txt")
    options = EncodeOptions((path,), output=str(tmp_path / "x.npy"))
    with pytest.raises(
        GptprepError, match=r"the_salt_clock\.txt:\d+ \(byte offset \d+\): gigatoken and"
    ) as caught:
        encode(options)
    assert "--engine tiktoken" in caught.value.fix
    assert list(tmp_path.iterdir()) == []
    report = encode(EncodeOptions((path,), output=str(tmp_path / "x.npy"), cross_check=False))
    assert report.cross_checked == 0


def test_every_stretch_of_a_text_can_be_compared() -> None:
    tokenizer = GPT2["allow"]
    for size in (0, 1, 100, 20_000, 200_000):
        text = ("one two three " * 20_000).encode()[:size]
        assert 0 <= tokenizer.cross_check(text) <= 1 << 14
    assert tokenizer.cross_check("no\u088f's".encode()) == 0


def test_where_gigatoken_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptprep.tokenizers.gigatoken.is_installed", lambda: False)
    tokenizer = load_tokenizer("gpt2")
    assert tokenizer.engine == "tiktoken"
    assert "gigatoken is not installed" in tokenizer.engine_note
    with pytest.raises(MissingExtra, match="the engine gigatoken is not installed"):
        load_tokenizer("gpt2", engine="gigatoken")


def test_rank_files_of_ones_own_go_to_tiktoken_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "own.tiktoken"
    path.write_bytes(rank_lines(list(pair_ranks())))
    assert load_tokenizer(str(path)).engine == "tiktoken"
    assert load_tokenizer(str(path), engine="gigatoken").engine == "gigatoken"


def test_special_tokens_are_refused_by_either_engine() -> None:
    for engine in ("gigatoken", "tiktoken"):
        with pytest.raises(TextError, match="holds the special token"):
            load_tokenizer("gpt2", "error", engine).encode_array(b"x<|endoftext|>")


def test_ranks_that_gigatoken_cannot_use_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "gap.tiktoken"
    data = rank_lines(list(pair_ranks())[:256])
    path.write_bytes(data + b"aGVsbG8= 300\n")  # a whole word with no merges that lead to it
    assert load_tokenizer(str(path)).encode("hello") == [300]
    with pytest.raises(GptprepError, match="gigatoken cannot use the ranks"):
        load_tokenizer(str(path), engine="gigatoken").encode_array(b"hello")


@pytest.mark.parametrize(
    ("resident", "renewed"),
    [(itertools.count(1), True), (itertools.repeat(7), False), (itertools.repeat(0), True)],
)
def test_the_encoder_is_made_anew_when_it_has_grown(
    monkeypatch: pytest.MonkeyPatch, resident: Iterator[int], renewed: bool
) -> None:
    monkeypatch.setattr(gigatoken, "_resident_bytes", lambda: next(resident))
    for name in ("_WATCH", "_RENEW"):
        monkeypatch.setattr(gigatoken, name, 1)
    monkeypatch.setattr(gigatoken, "_GROWTH", 0)
    text = (SAMPLES / "the_salt_clock.txt").read_bytes()
    tokenizer = load_tokenizer("gpt2", engine="gigatoken")
    for _ in range(3):
        assert tokenizer.encode_array(text).tolist() == GPT2["allow"].encode(text.decode())
        assert ("_fast" not in tokenizer.__dict__) == renewed
