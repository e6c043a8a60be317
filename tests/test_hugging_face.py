"""Others' `tokenizer.json` against Hugging Face's library, on whichever road they take."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gptprep.errors import DamagedData, GptprepError, MissingExtra, TextError
from gptprep.tokenizers import SpecialPolicy, Tokenizer, load_tokenizer
from gptprep.tokenizers.byte_level import BYTE_ORDER, to_text
from gptprep.tokenizers.encodings import CL100K_PATTERN, O200K_PATTERN
from gptprep.tokenizers.exact_bpe import _GPT2_REGEX, _LLAMA3_REGEX, NotExact, exact_bpe
from gptprep.tokenizers.hugging_face import load_hugging_face
from gptprep.tokenizers.pretokens import PretokenCounter
from gptprep.tokenizers.training_bpe import train
from tests.conftest import SAMPLES
from tests.test_tokenizers_bpe import TEXTS

BYTES = [to_text(bytes([byte])) for byte in BYTE_ORDER]
SPECIAL = "<|endoftext|>"


def trained(size: int = 2000) -> dict[str, Any]:
    counter = PretokenCounter((SPECIAL,))
    for path in sorted(SAMPLES.iterdir()):
        counter.add(path.read_bytes())
    return train(counter.counts(), size).vocabulary.to_json()


def split(regex: str) -> dict[str, Any]:
    """A pre-tokenizer as newer files have it."""
    step = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"type": "Sequence", "pretokenizers": [step, byte_level]}


def added(token: str, token_id: int, **other: object) -> dict[str, Any]:
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": token_id, "content": token, **plain, **other}


def saved(value: object, folder: Path) -> str:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(value))
    return str(path)


def truth(value: dict[str, Any], text: str, *, specials: bool = True) -> list[int]:
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(value))
    tokenizer.encode_special_tokens = not specials
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def renumbered(value: dict[str, Any]) -> dict[str, Any]:
    """The same vocabulary with its ids in another order, with holes."""
    vocab = {token: 3 * (len(value["model"]["vocab"]) - n) for token, n in value["model"]["vocab"].items()}
    return {
        **value,
        "model": {**value["model"], "vocab": vocab},
        "added_tokens": [added(SPECIAL, vocab[SPECIAL])],
    }


OURS = trained()


def without_line_ends_and_more(value: dict[str, Any]) -> dict[str, Any]:
    """Without tokens of a line end and white space after it: tiktoken's cl100k cuts them apart elsewhere."""
    bad = re.compile("[Ċč][Ġĉ]")
    tokens = [token for token in value["model"]["vocab"] if not bad.search(token)]
    merges = [merge for merge in value["model"]["merges"] if not bad.search(merge.replace(" ", ""))]
    vocab = {token: token_id for token_id, token in enumerate(tokens)}
    special = [{**value["added_tokens"][0], "id": vocab[SPECIAL]}]
    return {**value, "added_tokens": special, "model": {**value["model"], "vocab": vocab, "merges": merges}}


NARROW = without_line_ends_and_more(OURS)
FILES: dict[str, dict[str, Any]] = {
    "ours": OURS,
    "llama3": {
        **NARROW,
        "pre_tokenizer": split(_LLAMA3_REGEX),
        "model": {
            **NARROW["model"],
            "vocab": {token: n for token, n in NARROW["model"]["vocab"].items() if token != SPECIAL},
            "ignore_merges": True,
        },
    },
    "split": {**OURS, "pre_tokenizer": split(_GPT2_REGEX)},
    "o200k": {**OURS, "pre_tokenizer": split(O200K_PATTERN)},
    "renumbered": renumbered(OURS),
}


@pytest.fixture(scope="module", params=FILES)
def file(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], str]:
    value = FILES[request.param]
    return value, saved(value, tmp_path_factory.mktemp("file"))


@pytest.fixture(scope="module", params=["tiktoken", "auto"])
def fast(
    request: pytest.FixtureRequest, file: tuple[dict[str, Any], str]
) -> tuple[dict[str, Any], Tokenizer]:
    return file[0], load_tokenizer(file[1], engine=request.param)


@given(text=TEXTS)
@settings(max_examples=150)
@example(text="don't DON'T 'ſ 'Ll \u088f\u0c5c!\U00010940 12345 \r\n\n  x<|endoftext|>\u180e\x1c\x85 ")
def test_fast_road_gives_the_same_ids(fast: tuple[dict[str, Any], Tokenizer], text: str) -> None:
    value, tokenizer = fast
    assert tokenizer.engine in ("tiktoken", "gigatoken")
    wanted = truth_cached(value).encode(text, add_special_tokens=False).ids
    assert tokenizer.encode(text) == wanted
    assert tokenizer.encode_array(text.encode()).tolist() == wanted
    assert tokenizer.decode(wanted) == text.encode()


_TRUTHS: dict[int, Any] = {}


def truth_cached(value: dict[str, Any]) -> Any:
    if id(value) not in _TRUTHS:
        _TRUTHS[id(value)] = tokenizers.Tokenizer.from_str(json.dumps(value))
    return _TRUTHS[id(value)]


def test_samples(fast: tuple[dict[str, Any], Tokenizer]) -> None:
    for path in SAMPLES.iterdir():
        text = path.read_bytes()
        assert fast[1].encode_array(text).tolist() == truth(fast[0], text.decode())


@pytest.mark.parametrize("policy", ["allow", "text"])
def test_special_policies(file: tuple[dict[str, Any], str], policy: SpecialPolicy) -> None:
    text = f"a{SPECIAL}b endoftext <|"
    wanted = truth(file[0], text, specials=policy == "allow")
    assert load_tokenizer(file[1], special=policy).encode(text) == wanted
    with pytest.raises(TextError, match="special token"):
        load_tokenizer(file[1], special="error").encode(text)


def test_gpt2_is_known_by_its_ranks(tmp_path: Path) -> None:
    """The file that Hugging Face has for GPT-2: same ids, hence the same fingerprint."""
    gpt2 = load_tokenizer("gpt2")
    tokens = [gpt2.token_bytes(token_id) for token_id in range(50256)]
    ranks = {token: rank for rank, token in enumerate(tokens)}
    vocab = {to_text(token): rank for token, rank in ranks.items()} | {SPECIAL: 50256}
    merges = [merge_of(token, ranks) for token in tokens[256:]]
    model = {"unk_token": "", "continuing_subword_prefix": "", "end_of_word_suffix": "", "vocab": vocab}
    value = {
        **OURS,
        "added_tokens": [added(SPECIAL, 50256, normalized=True)],
        "model": {**model, "merges": merges},
    }
    loaded = load_tokenizer(saved(value, tmp_path))
    assert loaded.fingerprint == gpt2.fingerprint
    assert truth(value, "Hello, world.") == loaded.encode("Hello, world.") == [15496, 11, 995, 13]


def merge_of(token: bytes, ranks: dict[bytes, int]) -> str:
    """The two tokens that a token of a rank file is merged from."""
    parts = [token[index : index + 1] for index in range(len(token))]
    while len(parts) > 2:
        joined = [ranks.get(a + b, 1 << 31) for a, b in itertools.pairwise(parts)]
        best = joined.index(min(joined))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return " ".join(map(to_text, parts))


# The proof: random vocabularies, most of which no trainer would make


@st.composite
def vocabularies(draw: st.DrawFn) -> dict[str, Any]:
    tokens = list("ab")
    merges: list[list[str]] = []
    for _ in range(draw(st.integers(0, 9))):
        left, right = draw(st.sampled_from(tokens)), draw(st.sampled_from(tokens))
        if len(left + right) < 9 and [left, right] not in merges:
            same = [n for n, merge in enumerate(merges) if "".join(merge) == left + right]
            merges.insert(
                same[-1] + 1 if same and draw(st.integers(0, 1)) == 1 else len(merges), [left, right]
            )
            tokens = list(dict.fromkeys([*tokens, left + right]))
    unmade = draw(st.lists(st.text("ab", min_size=2, max_size=5), max_size=1))
    texts = list(dict.fromkeys([*BYTES, *tokens, *unmade]))
    ids = draw(st.integers(0, 1))
    vocab = {token: n if ids else len(texts) - n for n, token in enumerate(texts)}
    if merges and draw(st.integers(0, 1)) == 1:
        merges = list(draw(st.permutations(merges)))
    model = {**OURS["model"], "vocab": vocab, "merges": merges, "ignore_merges": draw(st.integers(0, 1)) == 1}
    return {**OURS, "added_tokens": [], "model": model}


@given(value=vocabularies(), texts=st.lists(st.text("ab", max_size=14), min_size=20, max_size=20))
@settings(max_examples=600)
def test_what_is_proved_exact_is(value: dict[str, Any], texts: list[str]) -> None:
    try:
        exact_bpe(value, "file")
    except NotExact:
        assume(False)
    tokenizer = load_hugging_face(value, "path", "file", "allow", "tiktoken")
    theirs = tokenizers.Tokenizer.from_str(json.dumps(value))
    for text in [*texts, *(token for token in value["model"]["vocab"] if {*token} <= {*"ab"})]:
        wanted = theirs.encode(text).ids
        assert tokenizer.encode(text) == wanted
        assert tokenizer.decode(wanted) == text.encode()


# The slow road


def changed(**settings: object) -> dict[str, Any]:
    """Our file with other settings; `model_` in front of a name means the model's."""
    model = {name[6:]: value for name, value in settings.items() if name.startswith("model_")}
    rest = {name: value for name, value in settings.items() if not name.startswith("model_")}
    return {**OURS, **rest, "model": {**OURS["model"], **model}}


SLOW = {
    "normalizer": changed(normalizer={"type": "NFC"}),
    "prefix space": changed(pre_tokenizer={**OURS["pre_tokenizer"], "add_prefix_space": True}),
    "cl100k": changed(pre_tokenizer=split(CL100K_PATTERN)),
    "other pattern": changed(pre_tokenizer=split(r"\w+|\W+")),
    "plain added token": changed(added_tokens=[*OURS["added_tokens"], added("<x>", 2000, special=False)]),
    "greedy added token": changed(added_tokens=[added(SPECIAL, 1999, lstrip=True)]),
    "alike": changed(added_tokens=[*OURS["added_tokens"], added("<x>", 2000), added("<x>y", 2001)]),
}


@pytest.mark.parametrize("value", SLOW.values(), ids=SLOW.keys())
def test_slow_road(value: dict[str, Any], tmp_path: Path) -> None:
    tokenizer = load_tokenizer(saved(value, tmp_path))
    assert tokenizer.engine == "tokenizers"
    assert "tokenizers encodes" in tokenizer.engine_note
    text = f"caf\u00e9 <x>y {SPECIAL} don't 12345"
    assert tokenizer.encode(text) == tokenizer.encode_array(text.encode()).tolist() == truth(value, text)
    if "space" not in tokenizer.engine_note and value is not SLOW["greedy added token"]:
        assert tokenizer.decode(tokenizer.encode(text)).endswith(b"don't 12345")
    assert tokenizer.last_cut(bytearray(text.encode()), 1) == 0
    with pytest.raises(GptprepError, match="at position 1 "):
        tokenizer.decode([1, 99999])


def test_a_token_that_merges_miss_is_exact_without_it(tmp_path: Path) -> None:
    """tiktoken would take the whole pre-token; `tokenizers` never makes it."""
    value = changed(model_vocab={**OURS["model"]["vocab"], "qzx": 2000})
    tokenizer = load_tokenizer(saved(value, tmp_path))
    assert tokenizer.engine != "tokenizers"
    assert tokenizer.encode("qzx") == truth(value, "qzx") != [2000]
    assert tokenizer.decode([2000]) == b"qzx"


def test_settings_that_are_set_aside(tmp_path: Path) -> None:
    cut = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    template = {"type": "BertProcessing", "sep": [SPECIAL, 1999], "cls": [SPECIAL, 1999]}
    for value in (changed(), SLOW["normalizer"]):
        path = saved({**value, "truncation": cut, "post_processor": template}, tmp_path)
        tokenizer = load_tokenizer(path)
        assert tokenizer.encode("one two three four five") == truth(value, "one two three four five")
        assert "truncation" in tokenizer.engine_note
        assert "left out" in tokenizer.engine_note


def test_words(tmp_path: Path) -> None:
    """No byte-level BPE at all: what comes back is what the file's decoder makes."""
    model = {"type": "WordLevel", "vocab": {"one": 0, "two": 1}, "unk_token": "?"}
    value = {**OURS, "added_tokens": [], "model": model, "decoder": None}
    value["pre_tokenizer"] = {"type": "Whitespace"}
    tokenizer = load_tokenizer(saved(value, tmp_path))
    assert tokenizer.encode("two  one") == [1, 0]
    assert tokenizer.decode([1, 0]) == b"two one"
    with pytest.raises(TextError, match="cannot encode"):
        tokenizer.encode("three")


def test_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    assert load_tokenizer(saved(OURS, tmp_path)).encode("Hello")
    with pytest.raises(MissingExtra, match="tokenizers"):
        load_tokenizer(saved(SLOW["normalizer"], tmp_path))


HOSTILE: dict[str, object] = {
    "empty model": changed() | {"model": {}},
    "no vocab": changed(model_vocab=None),
    "vocab of lists": changed(model_vocab=[["a", 1]]),
    "text id": changed(model_vocab={"a": "1"}),
    "negative id": changed(model_vocab={"a": -1}),
    "huge id": changed(model_vocab={**OURS["model"]["vocab"], "zzz": 1 << 40}),
    "same id": changed(model_vocab={**OURS["model"]["vocab"], "zzz": 5}),
    "merges missing": changed(model_merges=None),
    "merge of three": changed(model_merges=["a b c"]),
    "merge of numbers": changed(model_merges=[[1, 2]]),
    "merge of strangers": changed(model_merges=["qqq zzz"]),
    "wrong normalizer": changed(normalizer=7),
    "unknown model": changed(model_type="XXX"),
    "bad regex": changed(pre_tokenizer=split("(((")),
    "added not a list": changed(added_tokens=7),
    "added not whole": changed(added_tokens=[{"content": "x"}]),
    "deep": changed(pre_tokenizer=json.loads('{"type":"Sequence","pretokenizers":[' * 150 + "]}" * 150)),
    "surrogate": changed(normalizer={"type": "Prepend", "prepend": "\ud800"}),
    "list pattern": changed(pre_tokenizer={"type": "Sequence", "pretokenizers": [{"pattern": []}, 3]}),
    "empty charsmap": changed(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files(value: object, tmp_path: Path) -> None:
    with pytest.raises(DamagedData):
        load_tokenizer(saved(value, tmp_path)).encode("a")


@given(data=st.data())
@settings(max_examples=200)
def test_one_thing_wrong(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any value anywhere in a small file: ids, or an error of ours."""
    small = {
        **train({b"low": 5, b" lower": 2}, 262).vocabulary.to_json(),
        "post_processor": {"type": "ByteLevel"},
    }
    place: Any = json.loads(json.dumps(small))
    top = place
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    place[key] = data.draw(
        st.sampled_from([None, True, -1, 1 << 33, 1.5, "", "Ġ", "a b c", [], {}, [["a"]], {"type": "x"}])
    )
    try:
        tokenizer = load_tokenizer(saved(top, tmp_path_factory.getbasetemp()))
        tokenizer.decode(tokenizer.encode("low lower <|endoftext|>"))
    except GptprepError:
        pass
