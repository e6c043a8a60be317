"""A `tokenizer.json` that only Hugging Face's library encodes, and files that are not tokenizers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptprep.choices import Engine
from gptprep.errors import CorruptDataError, GptprepError, MissingDependencyError, TextError
from gptprep.tokenizers import gigatoken, load_tokenizer
from gptprep.tokenizers.published import CL100K_PATTERN, O200K_PATTERN
from gptprep.tokenizers.train.bpe import train
from tests.helpers.bpe import EOT
from tests.helpers.hugging_face import added, reference_ids, saved, split_step, trained

Make = Callable[[], dict[str, Any]]


def changed(**settings: object) -> dict[str, Any]:
    """Our file with other settings; `model_` in front of a name means the model's."""
    model = {name[6:]: value for name, value in settings.items() if name.startswith("model_")}
    rest = {name: value for name, value in settings.items() if not name.startswith("model_")}
    return {**trained(), **rest, "model": {**trained()["model"], **model}}


def with_vocab(**more: object) -> dict[str, Any]:
    """Our file with more tokens."""
    return changed(model_vocab={**trained()["model"]["vocab"], **more})


def with_added(*tokens: dict[str, Any]) -> dict[str, Any]:
    """Our file with more added tokens."""
    return changed(added_tokens=[*trained()["added_tokens"], *tokens])


def with_normalizer() -> dict[str, Any]:
    return changed(normalizer={"type": "NFKC"})


def inverted(steps: dict[str, Any]) -> dict[str, Any]:
    """The pre-tokenizer in another way: what is between the matches is removed."""
    split, byte_level = steps["pretokenizers"]
    return {**steps, "pretokenizers": [{**split, "behavior": "Removed", "invert": True}, byte_level]}


EMPTY_SEQUENCE: dict[str, Any] = {"type": "Sequence", "normalizers": []}
LIBRARY_ONLY: dict[str, Make] = {
    "normalizer": with_normalizer,
    "prefix space": lambda: changed(pre_tokenizer={**trained()["pre_tokenizer"], "add_prefix_space": True}),
    "cl100k": lambda: changed(pre_tokenizer=split_step(CL100K_PATTERN)),
    "other pattern": lambda: changed(pre_tokenizer=split_step(r"\w+|\W+")),
    "overlapping added tokens": lambda: with_added(
        added("<x>", 2000, normalized=True), added("x>y", 2001, special=False)
    ),
}

GIGATOKEN_TOO: dict[str, Make] = {
    "NFC": lambda: changed(normalizer={"type": "NFC"}),
    "no steps": lambda: with_added(added("<x>", 2000, special=False)) | {"normalizer": EMPTY_SEQUENCE},
    "inverted": lambda: changed(pre_tokenizer=inverted(split_step(O200K_PATTERN))),
    "plain added token": lambda: with_added(added("<x>", 2000, special=False)),
    "greedy added token": lambda: changed(added_tokens=[added(EOT, 1999, lstrip=True)]),
    "added tokens with the same start": lambda: with_added(added("<x>", 2000), added("<x>y", 2001)),
}


@pytest.mark.parametrize("name", LIBRARY_ONLY)
def test_library_encodes_what_tiktoken_would_encode_differently(name: str, tmp_path: Path) -> None:
    value = LIBRARY_ONLY[name]()
    tokenizer = load_tokenizer(saved(value, tmp_path))
    assert tokenizer.engine == "tokenizers"
    assert "tokenizers encodes" in tokenizer.engine_note
    text = f"caf\u00e9 <x>y {EOT} don't 12345"
    ids = reference_ids(value, text)
    assert tokenizer.encode(text) == tokenizer.encode_array(text.encode()).tolist() == ids
    assert tokenizer.decode(ids).endswith(b"don't 12345")
    assert tokenizer.split_points.last(bytearray(text.encode()), 1) == 0
    with pytest.raises(GptprepError, match="at position 1 "):
        tokenizer.decode([1, 99999])


@pytest.mark.parametrize("name", GIGATOKEN_TOO)
def test_gigatoken_encodes_what_tiktoken_would_encode_differently(name: str, tmp_path: Path) -> None:
    value = GIGATOKEN_TOO[name]()
    path = saved(value, tmp_path)
    tokenizer = load_tokenizer(path)
    assert (tokenizer.engine, tokenizer.engine_note) == ("gigatoken", "")
    assert load_tokenizer(path, engine="gigatoken").engine == "gigatoken"
    for text in ("don't 12345\n", "cafe\u0301 \u212b", f"<x>y {EOT} <x> ", f"a  {EOT}  b"):
        ids = reference_ids(value, text)
        assert tokenizer.encode(text) == tokenizer.encode_array(text.encode()).tolist() == ids


def test_library_encodes_if_gigatoken_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gigatoken, "is_installed", lambda: False)
    path = saved(GIGATOKEN_TOO["NFC"](), tmp_path)
    assert "gigatoken is not installed" in load_tokenizer(path).engine_note
    with pytest.raises(MissingDependencyError, match="gigatoken"):
        load_tokenizer(path, engine="gigatoken")


@pytest.mark.parametrize("engine", ["tiktoken", "gigatoken"])
def test_engine_that_would_give_other_ids_is_refused(tmp_path: Path, engine: Engine) -> None:
    path = saved(with_normalizer(), tmp_path)
    with pytest.raises(GptprepError, match=f"{engine} does not give the ids of"):
        load_tokenizer(path, engine=engine)


@pytest.mark.parametrize("make", [changed, with_normalizer])
def test_truncation_and_template_are_ignored_and_named(tmp_path: Path, make: Make) -> None:
    truncation = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    template = {"type": "BertProcessing", "sep": [EOT, 1999], "cls": [EOT, 1999]}
    path = saved({**make(), "truncation": truncation, "post_processor": template}, tmp_path)
    tokenizer = load_tokenizer(path)
    text = "one two three four five"
    assert tokenizer.encode(text) == reference_ids(make(), text)
    assert "the file's truncation and padding are ignored" in tokenizer.engine_note
    assert "left out" in tokenizer.engine_note


def test_words_without_a_decoder_come_back_as_the_library_joins_them(tmp_path: Path) -> None:
    model = {"type": "WordLevel", "vocab": {"one": 0, "two": 1}, "unk_token": "?"}
    value = {**trained(), "added_tokens": [], "model": model, "decoder": None}
    value["pre_tokenizer"] = {"type": "Whitespace"}
    tokenizer = load_tokenizer(saved(value, tmp_path))
    assert tokenizer.encode("two  one") == [1, 0]
    assert tokenizer.decode([1, 0]) == b"two one"
    with pytest.raises(TextError, match="cannot encode"):
        tokenizer.encode("three")


def test_missing_library_is_named_if_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert load_tokenizer(saved(trained(), tmp_path)).encode("Hello")
    with pytest.raises(MissingDependencyError, match="tokenizers"):
        load_tokenizer(saved(with_normalizer(), tmp_path))


def nested_pre_tokenizers() -> dict[str, Any]:
    deep = '{"type":"Sequence","pretokenizers":[' * 150 + "]}" * 150
    return changed(pre_tokenizer=json.loads(deep))


HOSTILE: dict[str, Make] = {
    "empty model": lambda: changed() | {"model": {}},
    "no vocab": lambda: changed(model_vocab=None),
    "vocab of lists": lambda: changed(model_vocab=[["a", 1]]),
    "text id": lambda: changed(model_vocab={"a": "1"}),
    "negative id": lambda: changed(model_vocab={"a": -1}),
    "huge id": lambda: with_vocab(zzz=1 << 40),
    "id far above the others": lambda: with_vocab(zzz=2_000_000_000),
    "id far above the words": lambda: (
        changed() | {"model": {"type": "WordLevel", "vocab": {"a": 2_000_000_000}, "unk_token": "a"}}
    ),
    "same id": lambda: with_vocab(zzz=5),
    "merges missing": lambda: changed(model_merges=None),
    "merge of three": lambda: changed(model_merges=["a b c"]),
    "merge of numbers": lambda: changed(model_merges=[[1, 2]]),
    "merge of unknown tokens": lambda: changed(model_merges=["qqq zzz"]),
    "wrong normalizer": lambda: changed(normalizer=7),
    "unknown model": lambda: changed(model_type="XXX"),
    "bad regex": lambda: changed(pre_tokenizer=split_step("(((")),
    "added not a list": lambda: changed(added_tokens=7),
    "added incomplete": lambda: changed(added_tokens=[{"content": "x"}]),
    "deep": nested_pre_tokenizers,
    "surrogate": lambda: changed(normalizer={"type": "Prepend", "prepend": "\ud800"}),
    "list pattern": lambda: changed(
        pre_tokenizer={"type": "Sequence", "pretokenizers": [{"pattern": []}, 3]}
    ),
    "empty charsmap": lambda: changed(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_damaged_data(name: str, tmp_path: Path) -> None:
    with pytest.raises(CorruptDataError):
        load_tokenizer(saved(HOSTILE[name](), tmp_path)).encode("a")


@cache
def small_file() -> str:
    """A file of 262 ids."""
    value = train({b"low": 5, b" lower": 2}, 262).vocabulary.to_json()
    return json.dumps(value | {"post_processor": {"type": "ByteLevel"}})


@given(data=st.data())
@settings(max_examples=200)
def test_one_wrong_value_anywhere_gives_ids_or_an_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place: Any = json.loads(small_file())
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
