"""A `tokenizer.json` that tiktoken or gigatoken encodes has the ids of Hugging Face's library."""

from __future__ import annotations

import itertools
import json
import math
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tokenizers
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gptprep.choices import SpecialPolicy
from gptprep.errors import TextError
from gptprep.tokenizers import Tokenizer, gigatoken, load_tokenizer
from gptprep.tokenizers.byte_level import BYTE_ORDER, to_text
from gptprep.tokenizers.hf_patterns import LLAMA3_REGEX
from gptprep.tokenizers.hf_to_tiktoken import _GPT2_REGEX, NotExactError, convert
from gptprep.tokenizers.hugging_face import load_hugging_face
from gptprep.tokenizers.published import O200K_PATTERN
from tests.helpers.bpe import EOT, TEXTS
from tests.helpers.children import run_in_child
from tests.helpers.hugging_face import (
    added,
    reference_ids,
    saved,
    split_step,
    trained,
    without_line_end_tokens,
)
from tests.helpers.paths import SAMPLES

BYTES = [to_text(bytes([byte])) for byte in BYTE_ORDER]


def llama3() -> dict[str, Any]:
    """The pattern of Llama 3, merges that are ignored for whole words, and the special token apart."""
    value = without_line_end_tokens(trained())
    vocab = {token: token_id for token, token_id in value["model"]["vocab"].items() if token != EOT}
    model = {**value["model"], "vocab": vocab, "ignore_merges": True}
    return {**value, "pre_tokenizer": split_step(LLAMA3_REGEX), "model": model}


def renumbered() -> dict[str, Any]:
    """The same vocabulary with its ids in another order, and gaps between them."""
    model = trained()["model"]
    vocab = {token: 3 * (len(model["vocab"]) - token_id) for token, token_id in model["vocab"].items()}
    return trained() | {"model": {**model, "vocab": vocab}, "added_tokens": [added(EOT, vocab[EOT])]}


FILES: dict[str, Callable[[], dict[str, Any]]] = {
    "ours": trained,
    "llama3": llama3,
    "split": lambda: trained() | {"pre_tokenizer": split_step(_GPT2_REGEX)},
    "o200k": lambda: trained() | {"pre_tokenizer": split_step(O200K_PATTERN)},
    "renumbered": renumbered,
}


class File(NamedTuple):
    """A file that tiktoken's algorithm encodes."""

    value: dict[str, Any]
    path: str
    library: Any
    """The tokenizer that Hugging Face's library makes of it."""

    def reference(self, text: str) -> list[int]:
        """The ids that the library gives."""
        ids: list[int] = self.library.encode(text, add_special_tokens=False).ids
        return ids


@pytest.fixture(scope="module", params=FILES)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> File:
    value = FILES[request.param]()
    library = tokenizers.Tokenizer.from_str(json.dumps(value))
    return File(value, saved(value, tmp_path_factory.mktemp("file")), library)


def without_library(path: str) -> Tokenizer:
    """The tokenizer of a file where `tokenizers` is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tokenizers", None)
        return load_tokenizer(path)


LOADS: dict[str, Callable[[str], Tokenizer]] = {
    "tiktoken": lambda path: load_tokenizer(path, engine="tiktoken"),
    "gigatoken": load_tokenizer,
    "gigatoken, without tokenizers": without_library,
}


@pytest.fixture(scope="module", params=LOADS)
def converted(request: pytest.FixtureRequest, file: File) -> tuple[File, Tokenizer]:
    tokenizer = LOADS[request.param](file.path)
    assert request.param.startswith(tokenizer.engine)
    return file, tokenizer


def test_fingerprint_does_not_depend_on_what_is_installed(converted: tuple[File, Tokenizer]) -> None:
    file, tokenizer = converted
    usual = load_tokenizer(file.path)
    assert usual.fingerprint == tokenizer.fingerprint
    assert (usual.n_vocab, usual.eot) == (tokenizer.n_vocab, tokenizer.eot)
    assert usual.special_tokens == tokenizer.special_tokens
    for token_id in file.value["model"]["vocab"].values():
        assert usual.token_bytes(token_id) == tokenizer.token_bytes(token_id)


@given(text=TEXTS)
@settings(max_examples=150)
@example(text="don't DON'T 'ſ 'Ll \u088f\u0c5c!\U00010940 12345 \r\n\n  x<|endoftext|>\u180e\x1c\x85 ")
def test_ids_are_those_of_the_library(converted: tuple[File, Tokenizer], text: str) -> None:
    file, tokenizer = converted
    ids = file.reference(text)
    assert tokenizer.encode(text) == ids
    assert tokenizer.encode_array(text.encode()).tolist() == ids
    assert tokenizer.decode(ids) == text.encode()


def test_ids_of_samples_are_those_of_the_library(converted: tuple[File, Tokenizer]) -> None:
    file, tokenizer = converted
    for path in SAMPLES.iterdir():
        text = path.read_bytes()
        assert tokenizer.encode_array(text).tolist() == file.reference(text.decode())


@pytest.mark.parametrize("policy", ["allow", "text"])
def test_special_policies(file: File, policy: SpecialPolicy) -> None:
    text = f"a{EOT}b endoftext <|"
    ids = reference_ids(file.value, text, specials=policy == "allow")
    assert load_tokenizer(file.path, policy, "tiktoken").encode(text) == ids
    with pytest.raises(TextError, match="special token"):
        load_tokenizer(file.path, "error", "tiktoken").encode(text)


def test_file_of_gpt2_has_the_fingerprint_of_gpt2(gpt2: Tokenizer, tmp_path: Path) -> None:
    """The file that Hugging Face has for GPT-2: the same ids, so the same fingerprint."""
    tokens = [gpt2.token_bytes(token_id) for token_id in range(50256)]
    ranks = {token: rank for rank, token in enumerate(tokens)}
    vocab = {to_text(token): rank for token, rank in ranks.items()} | {EOT: 50256}
    merges = [merge_of(token, ranks) for token in tokens[256:]]
    model = {"unk_token": "", "continuing_subword_prefix": "", "end_of_word_suffix": "", "vocab": vocab}
    value = {
        **trained(),
        "added_tokens": [added(EOT, 50256, normalized=True)],
        "model": {**model, "merges": merges},
    }
    loaded = load_tokenizer(saved(value, tmp_path))
    assert loaded.fingerprint == gpt2.fingerprint
    assert reference_ids(value, "Hello, world.") == loaded.encode("Hello, world.") == [15496, 11, 995, 13]


def merge_of(token: bytes, ranks: dict[bytes, int]) -> str:
    """The two tokens that a token of a rank file is merged from."""
    parts = [token[index : index + 1] for index in range(len(token))]
    while len(parts) > 2:
        joined = [ranks.get(a + b, 1 << 31) for a, b in itertools.pairwise(parts)]
        best = joined.index(min(joined))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return " ".join(map(to_text, parts))


# Random vocabularies, most of which no trainer would make


@st.composite
def vocabularies(draw: st.DrawFn) -> dict[str, Any]:
    tokens = list("ab")
    merges: list[list[str]] = []
    for _ in range(draw(st.integers(0, 9))):
        left, right = draw(st.sampled_from(tokens)), draw(st.sampled_from(tokens))
        if len(left + right) < 9 and [left, right] not in merges:
            same = [n for n, merge in enumerate(merges) if "".join(merge) == left + right]
            place = same[-1] + 1 if same and draw(st.integers(0, 1)) == 1 else len(merges)
            merges.insert(place, [left, right])
            tokens = list(dict.fromkeys([*tokens, left + right]))
    unmade = draw(st.lists(st.text("ab", min_size=2, max_size=5), max_size=1))
    texts = list(dict.fromkeys([*BYTES, *tokens, *unmade]))
    ids = draw(st.integers(0, 1))
    vocab = {token: n if ids else len(texts) - n for n, token in enumerate(texts)}
    if merges and draw(st.integers(0, 1)) == 1:
        merges = list(draw(st.permutations(merges)))
    changes = {"vocab": vocab, "merges": merges, "ignore_merges": draw(st.integers(0, 1)) == 1}
    return trained() | {"added_tokens": [], "model": trained()["model"] | changes}


@pytest.mark.slow
@given(value=vocabularies(), texts=st.lists(st.text("ab", max_size=14), min_size=20, max_size=20))
@settings(max_examples=600)
def test_vocabulary_that_is_proved_exact_is_exact(value: dict[str, Any], texts: list[str]) -> None:
    try:
        convert(value, "file")
    except NotExactError:
        assume(False)
    tokenizer = load_hugging_face(value, "file", "allow", "tiktoken")
    library = tokenizers.Tokenizer.from_str(json.dumps(value))
    for text in [*texts, *(token for token in value["model"]["vocab"] if {*token} <= {*"ab"})]:
        ids = library.encode(text).ids
        assert tokenizer.encode(text) == ids
        assert tokenizer.decode(ids) == text.encode()


# Files that are just exact, and files that just are not


def test_token_that_no_merge_makes_is_left_out(tmp_path: Path) -> None:
    """tiktoken would take the whole pre-token; `tokenizers` never makes it."""
    model = trained()["model"]
    value = trained() | {"model": {**model, "vocab": {**model["vocab"], "qzx": 2000}}}
    path = saved(value, tmp_path)
    for tokenizer in (load(path) for load in LOADS.values()):
        assert tokenizer.encode("qzx") == tokenizer.encode_array(b"qzx").tolist() != [2000]
        assert tokenizer.encode("qzx") == reference_ids(value, "qzx")
        assert tokenizer.decode([2000]) == b"qzx"


def test_many_added_tokens_are_read_in_a_time_that_grows_with_their_number(tmp_path: Path) -> None:
    """Each id is looked at once: with the square of the number, the processor time would not be enough."""
    tokens = [added(f"<|{n}|>", 2000 + n) for n in range(100_000)]
    value = trained() | {"added_tokens": [*trained()["added_tokens"], *tokens]}

    def work() -> int:
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + 20, resource.RLIM_INFINITY))
        return 0 if len(convert(value, "file").special_tokens) == 100_001 else 1

    assert run_in_child(work, tmp_path).code == 0


@pytest.mark.parametrize("has_line_end_tokens", [True, False])
def test_library_is_the_reference_if_tokens_go_across_the_last_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_line_end_tokens: bool
) -> None:
    model = (trained() if has_line_end_tokens else without_line_end_tokens(trained()))["model"]
    value = trained() | {"pre_tokenizer": split_step(LLAMA3_REGEX), "model": model}
    value["added_tokens"] = [added(EOT, model["vocab"][EOT])]
    monkeypatch.setattr(gigatoken, "is_installed", lambda: False)
    tokenizer = load_tokenizer(saved(value, tmp_path))
    assert (tokenizer.engine == "tokenizers") == has_line_end_tokens
    for text in ("a\n ", "a \n\n \t", "a\r\n  <|endoftext|> \n "):
        ids = reference_ids(value, text)
        assert tokenizer.encode(text) == tokenizer.encode_array(text.encode()).tolist() == ids


def special_tokens_first(vocab: dict[str, int]) -> dict[str, Any]:
    """As Hugging Face's own trainer writes them."""
    first = {"<s>": 0, EOT: 1, **{token: token_id + 2 for token, token_id in vocab.items()}}
    model = {**trained()["model"], "vocab": first}
    return trained() | {"added_tokens": [added("<s>", 0), added(EOT, 1)], "model": model}


def ids_with_gaps(vocab: dict[str, int]) -> dict[str, Any]:
    spread = {token: 3 * token_id + 6 for token, token_id in vocab.items()}
    return trained() | {"added_tokens": [], "model": {**trained()["model"], "vocab": spread}}


@pytest.mark.parametrize("load", [load_tokenizer, without_library])
@pytest.mark.parametrize("change", [special_tokens_first, ids_with_gaps])
def test_gigatoken_encodes_if_ids_are_not_ranks(
    tmp_path: Path, load: Callable[[str], Tokenizer], change: Callable[[dict[str, int]], dict[str, Any]]
) -> None:
    """gigatoken itself needs ranks from 0 on."""
    ordinary = {token: n for token, n in trained()["model"]["vocab"].items() if token != EOT}
    value = change(ordinary)
    tokenizer = load(saved(value, tmp_path))
    assert tokenizer.engine == "gigatoken"
    for path in SAMPLES.iterdir():
        text = path.read_bytes()
        assert tokenizer.encode_array(text).tolist() == reference_ids(value, text.decode())


def test_merge_of_a_character_that_stands_for_no_byte(tmp_path: Path) -> None:
    model = trained()["model"]
    vocab = {**model["vocab"], "€": 2000, "a€": 2001}
    value = trained() | {"model": {**model, "vocab": vocab, "merges": [*model["merges"], "a €"]}}
    assert load_tokenizer(saved(value, tmp_path)).encode("a") == reference_ids(value, "a")
