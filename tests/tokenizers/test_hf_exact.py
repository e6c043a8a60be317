"""Files that gigatoken encodes to the ids of `tokenizers`, and those that it does not."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
import tokenizers
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gptprep.choices import SpecialPolicy
from gptprep.errors import CorruptDataError, TextError
from gptprep.tokenizers.hf_exact import exact_file
from gptprep.tokenizers.hf_to_tiktoken import NotExactError
from tests.helpers.characters import rows
from tests.helpers.hf_engines import DEEPSEEK_LIKE, Pair, fast, with_added
from tests.helpers.hugging_face import (
    added,
    pair_file,
    pattern_file,
    split_step,
    trained,
)

# Merges: random vocabularies, most of which no trainer would make


@st.composite
def vocabularies(draw: st.DrawFn) -> dict[str, Any]:
    base = trained()
    tokens, merges = list("ab"), list[list[str]]()
    longest = draw(st.sampled_from([8, 40]))
    for _ in range(draw(st.integers(0, 12))):
        merge = [draw(st.sampled_from(tokens)), draw(st.sampled_from(tokens))]
        if len("".join(merge)) <= longest and merge not in merges:
            merges.append(merge)
            tokens = list(dict.fromkeys([*tokens, "".join(merge)]))
    unmade = draw(st.lists(st.text("ab", min_size=2, max_size=20), max_size=2))
    single = [token for token in base["model"]["vocab"] if len(token) == 1]
    texts = list(dict.fromkeys([*single, *tokens, *unmade]))
    if draw(st.booleans()):
        texts = draw(st.permutations(texts))
    if draw(st.booleans()):
        merges = list(draw(st.permutations(merges)))
    gap = draw(st.sampled_from([1, 3]))
    vocab = {token: gap * n for n, token in enumerate(texts)}
    changes = {"vocab": vocab, "merges": merges, "ignore_merges": draw(st.booleans())}
    return base | {"added_tokens": [], "model": base["model"] | changes}


@pytest.mark.slow
@given(value=vocabularies(), texts=st.lists(st.text("ab", max_size=40), min_size=20, max_size=20))
@settings(max_examples=600)
def test_merges_happen_as_in_the_library(value: dict[str, Any], texts: list[str]) -> None:
    pair = Pair(value)
    for text in [*texts, "ab" * 300, *(token for token in value["model"]["vocab"] if {*token} <= {*"ab"})]:
        pair.check(text)


# Added tokens


CONTENTS = st.sampled_from(
    [
        *(token["content"] for token in DEEPSEEK_LIKE),
        "<｜",
        "｜>",
        "｜",
        "<",
        " ",
        "\n",
        "a",
        "DSML",
        "1",
        "中",
    ]
)


@pytest.mark.parametrize("policy", ["allow", "text"])
@given(text=st.lists(CONTENTS, max_size=8).map("".join))
def test_added_tokens(policy: SpecialPolicy, text: str) -> None:
    pair = _added_pair(policy)
    pair.check(text)
    assert pair.fast.encode(text) == pair.library_ids(text)
    assert pair.fast.decode(pair.library_ids(text)).decode().replace(" ", "") == text.replace(" ", "") or (
        "<|im_start|>" in text
    )


_PAIRS: dict[str, Pair] = {}


def _added_pair(policy: SpecialPolicy) -> Pair:
    if policy not in _PAIRS:
        _PAIRS[policy] = Pair(with_added(DEEPSEEK_LIKE), policy)
    return _PAIRS[policy]


def test_special_tokens_are_refused() -> None:
    tokenizer = fast(with_added(DEEPSEEK_LIKE), "error")
    assert tokenizer.encode_array("<｜User｜>".encode()).size == 1
    for encode in (tokenizer.encode_array, lambda data: tokenizer.encode(data.decode())):
        with pytest.raises(TextError, match="special token"):
            encode("a<｜start｜>".encode())


def test_token_that_takes_white_space_along_has_no_split_point_after_it() -> None:
    greedy = [added("END", 0, rstrip=True)]
    assert not fast(with_added(greedy)).split_points.exist
    assert fast(with_added([added("<end>", 0, rstrip=True)])).split_points.exist


# NFC

MARKS = st.text(
    st.one_of(
        st.sampled_from(
            list("aeo \n\u0301\u0327\u0958\u212b\u1100\u1161\u11a8\u0344\u0f73\u09c7\u09be\u1abf\u0898")
        ),
        st.characters(min_codepoint=0x300, max_codepoint=0x3FF),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=20,
)


def nfc_pair(name: str) -> Pair:
    return Pair({**pair_file(name), "normalizer": {"type": "NFC"}})


@pytest.fixture(scope="module", params=["qwen2", "qwen35", "deepseek_v3"])
def nfc(request: pytest.FixtureRequest) -> Pair:
    return nfc_pair(request.param)


@given(text=MARKS, tail=st.integers(0, 10))
@example(text="a\u0958\nb", tail=0)
def test_normalized_text(nfc: Pair, text: str, tail: int) -> None:
    nfc.check(text)
    data = text.encode()
    seen = bytearray(text[: len(text) - tail].encode()) or bytearray(data)
    point = nfc.fast.split_points.last(seen, 0)
    left, right = data[:point].decode(), data[point:].decode()
    assert nfc.library_ids(left) + nfc.library_ids(right) == nfc.library_ids(text)


@given(text=MARKS)
@example(text="a\u1abf\u0301")
def test_text_that_python_finds_normalized_is_not_changed_by_the_library(text: str) -> None:
    normal = unicodedata.normalize("NFC", text)
    assume(unicodedata.is_normalized("NFC", normal))
    assert tokenizers.normalizers.NFC().normalize_str(normal) == normal


@pytest.mark.slow
def test_library_knows_no_newer_combining_characters_than_python() -> None:
    """What NFC does not change for Python, it does not change for the library."""
    library = tokenizers.normalizers.NFC()
    for row in rows(0, 1, 2, 14):
        for character in row:
            for text in (
                f"a{character}",
                f"a{character}\u0301",
                f"b{character}\u0334",
                f"b\u0301{character}",
            ):
                if unicodedata.is_normalized("NFC", text):
                    assert library.normalize_str(text) == text, hex(ord(character))


# Files that are just not exact


def changed(**settings: Any) -> dict[str, Any]:
    """An exact file with other settings of the model."""
    value = pattern_file("deepseek_v3")
    return {**value, "model": {**value["model"], **settings}}


def vocab_with(*tokens: str, leave_out: str = "") -> dict[str, int]:
    vocab = {token: n for token, n in changed()["model"]["vocab"].items() if token != leave_out}
    return vocab | {token: 5000 + n for n, token in enumerate(tokens)}


NOT_EXACT: dict[str, Callable[[], dict[str, Any]]] = {
    "pre-tokenizer": lambda: {**changed(), "pre_tokenizer": split_step(r"\w+")},
    "normalizer": lambda: {**changed(), "normalizer": {"type": "NFKC"}},
    "WordPiece": lambda: changed(type="WordPiece"),
    "dropout": lambda: changed(dropout=0.5),
    "some bytes": lambda: changed(vocab=vocab_with(leave_out="!")),
    "same bytes": lambda: changed(vocab=vocab_with("€", "âĤ¬")),
    "same id": lambda: changed(vocab=changed()["model"]["vocab"] | {"zzz": 5}),
    "merge is there twice": lambda: changed(
        merges=[*changed()["model"]["merges"], changed()["model"]["merges"][0]]
    ),
    "no list of merges": lambda: changed(merges=[*changed()["model"]["merges"], "a b"]),
    "a merge is not two tokens": lambda: changed(merges=[[[], []]]),
    "decoder": lambda: {**changed(), "decoder": None},
    "incomplete": lambda: {**changed(), "added_tokens": [{"content": ""}]},
    "setting of the added token": lambda: {**changed(), "added_tokens": [{"content": "x", "id": 1500}]},
    "not the next one": lambda: {**changed(), "added_tokens": [added("<x>", 9000)]},
    "changes an added token": lambda: with_added([added("e\u0301", 0)], normalizer={"type": "NFC"}),
    "<x> and x>y can overlap": lambda: with_added([added("<x>", 0, normalized=True), added("x>y", 0)]),
    "x# and #y can overlap": lambda: with_added([added("x#", 0), added("#y", 0, special=False)]),
}


@pytest.mark.parametrize("merge", [["qqq", "zzz"], ["t", "h", "e"], ["t"], [1, 2], "qqq zzz", "t  h", "th"])
def test_merge_that_the_library_refuses_is_damaged_data(merge: object) -> None:
    """gigatoken would pass over some of them."""
    merges = changed()["model"]["merges"]
    if isinstance(merge, str):
        merges = [" ".join(pair) for pair in merges]
    tokenizer = fast(changed(merges=[*merges, merge]))
    for encode in (lambda: tokenizer.encode_array(b"a"), lambda: tokenizer.encode("a")):
        with pytest.raises(CorruptDataError):
            encode()


@pytest.mark.parametrize("why", NOT_EXACT)
def test_file_that_is_not_exact(why: str) -> None:
    with pytest.raises(NotExactError, match=why.replace("WordPiece", "not BPE")):
        exact_file(NOT_EXACT[why](), "file")


def test_token_of_other_characters_is_not_given_for_its_bytes() -> None:
    """gigatoken would take the whole pre-token for it."""
    pair = Pair(changed(vocab=vocab_with("€"), ignore_merges=True))
    pair.check("a €")
    assert pair.fast.decode([5000]) == "€".encode()


@pytest.mark.parametrize("policy", ["allow", "text"])
def test_tokens_that_hide_others_as_in_the_library(policy: SpecialPolicy) -> None:
    """Longer ones first, those that start earlier first."""
    tokens = [added("<a>", 0), added("<a>b", 0), added(">c", 0, special=False, normalized=True)]
    pair = Pair(with_added(tokens), policy)
    for text in ("<a>b<a>", "<a>c", "<a>bb<a>", ">c<a>>c", "<a>b>c"):
        pair.check(text)
