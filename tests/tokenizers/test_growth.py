"""Steps of a `tokenizer.json` that make a text much longer."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.tokenizers import load_tokenizer
from gptprep.tokenizers.growth import _growths, _steps, check_growth
from tests.helpers.hugging_face import reference_ids, saved, split_step, trained

Step = dict[str, Any]

LIGATURE = "صلى الله عليه وسلم"
"""What NFKC makes of U+FDFA: the longest string in sentencepiece's tables."""
METASPACE: Step = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}


def replace(pattern: str, content: str, kind: str = "String") -> Step:
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def sequence(*steps: Step, key: str = "normalizers") -> Step:
    return {"type": "Sequence", key: [*steps]}


def prepend(text: str) -> Step:
    return {"type": "Prepend", "prepend": text}


def precompiled(*strings: str) -> Step:
    """A table of sentencepiece with an empty trie and these strings."""
    data = bytes([4, 0, 0, 0]) + bytes(4) + b"".join(string.encode() + b"\0" for string in strings)
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(data).decode()}


def with_model(**settings: object) -> Step:
    return {"model": {**trained()["model"], "merges": [], **settings}}


WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
PUBLISHED: dict[str, Step] = {
    "llama 2": {
        "normalizer": sequence(prepend("▁"), replace(" ", "▁")),
        "decoder": sequence(replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"}, key="decoders"),
    },
    "llama 3": {"pre_tokenizer": split_step(r"\p{L}+")},
    "bert": {
        "normalizer": {"type": "BertNormalizer"},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "continuing_subword_prefix": "##"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    },
    "albert": {
        "normalizer": sequence(
            replace("``", '"'),
            replace("''", '"'),
            {"type": "NFKD"},
            {"type": "StripAccents"},
            {"type": "Lowercase"},
            precompiled(" ", LIGATURE),
            replace(" {2,}", " ", "Regex"),
        ),
        "pre_tokenizer": sequence({"type": "WhitespaceSplit"}, METASPACE, key="pretokenizers"),
    },
    "xlm": {
        "normalizer": sequence(precompiled(" ", LIGATURE), replace(" {2,}", "▁", "Regex")),
        "pre_tokenizer": METASPACE,
    },
    "clip": {
        "normalizer": sequence({"type": "NFC"}, replace(r"\s+", " ", "Regex"), {"type": "Lowercase"}),
        "pre_tokenizer": split_step(r"[\p{L}]+|[\p{N}]"),
        **with_model(end_of_word_suffix="</w>"),
    },
    "digits as words": {"normalizer": sequence(*(replace(str(n), word) for n, word in enumerate(WORDS)))},
    "letters made equal": {"normalizer": sequence(*(replace("[إأآ]", "ا", "Regex") for _ in range(20)))},
    "many replacements": {
        "normalizer": sequence(*(replace(chr(n), chr(n + 9000)) for n in range(0x100, 0x1000)))
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_steps_as_in_published_files_are_accepted(name: str) -> None:
    check_growth({**trained(), **PUBLISHED[name]}, "file")


REFUSED: dict[str, tuple[Step, str, int]] = {
    "replace": ({"normalizer": replace("a", "b" * 1_000_000)}, "Replace in its normalizer", 1_000_000),
    "replace without a type": (
        {"normalizer": {"pattern": {"Regex": "."}, "content": "é" * 1000}},
        "a step without a type in its normalizer",
        2000,
    ),
    "empty matches": (
        {"normalizer": replace("(?=a)", "b" * 5000, "Regex")},
        "Replace in its normalizer",
        5001,
    ),
    "replace what was made": (
        {"normalizer": sequence(replace("a", "b" * 999), replace("b", "c"), replace("c", "d" * 999))},
        "Replace in its normalizer",
        998_001,
    ),
    "made from another character": (
        {"normalizer": sequence(replace("a", "Ｂ" * 99), {"type": "NFKC"}, replace("B", "d" * 99))},
        "Replace in its normalizer",
        99 * 297,
    ),
    "many insertions": (
        {"normalizer": sequence(*(prepend("x" * 600) for _ in range(9)))},
        "Prepend in its normalizer",
        1201,
    ),
    "table": ({"normalizer": precompiled("x" * 5000)}, "Precompiled in its normalizer", 5000),
    "repeated byte level": (
        {"normalizer": sequence(*[{"type": "ByteLevel", "add_prefix_space": False}] * 30)},
        "ByteLevel in its normalizer",
        1024,
    ),
    "pre-tokenizer after normalizer": (
        {"normalizer": replace("a", " " * 900), "pre_tokenizer": METASPACE},
        "Metaspace in its pre_tokenizer",
        3600,
    ),
    "prefix": (
        with_model(continuing_subword_prefix="x" * 5000),
        "continuing_subword_prefix in its model",
        10_002,
    ),
    "suffix": (with_model(end_of_word_suffix="x" * 5000), "end_of_word_suffix in its model", 10_002),
    "decoder": (
        {"normalizer": {"type": "NFC"}, "decoder": sequence(replace("a", "b" * 5000), key="decoders")},
        "Replace in its decoder",
        5000,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_file_that_makes_texts_too_long_is_refused(name: str, tmp_path: Path) -> None:
    settings, step, growth = REFUSED[name]
    with pytest.raises(GptprepError) as caught:
        load_tokenizer(saved({**trained(), **settings}, tmp_path))
    assert caught.value.exit_code == 1
    assert f"can make a text {growth:,} times as long" in caught.value.what
    assert caught.value.why.startswith(f"{step} is ")


@pytest.mark.parametrize("normalizer", [[{"String": "a"}, "b" * 5000], [[replace("a", "b" * 5000)]]])
def test_step_that_is_no_object_is_refused(normalizer: object, tmp_path: Path) -> None:
    """`tokenizers` takes these lists for a `Replace` and a `Sequence`."""
    with pytest.raises(CorruptDataError, match="no object"):
        load_tokenizer(saved({**trained(), "normalizer": normalizer}, tmp_path))


def test_template_that_repeats_the_text_is_ignored(tmp_path: Path) -> None:
    text = {"Sequence": {"id": "A", "type_id": 0}}
    template = {"single": [text] * 1000, "pair": [text, {"Sequence": {"id": "B", "type_id": 0}}]}
    value = {**trained(), "normalizer": {"type": "NFC"}}
    step = {"type": "TemplateProcessing", "special_tokens": {}, **template}
    tokenizer = load_tokenizer(saved({**value, "post_processor": step}, tmp_path))
    assert tokenizer.encode("one two") == reference_ids({**value, "post_processor": None}, "one two")


TEXTS = st.text("abc ", max_size=4)
STEPS = st.one_of(
    st.builds(replace, st.text("abc ", min_size=1, max_size=2), TEXTS),
    st.builds(replace, st.sampled_from(["[ab]+", "b{2,}", "(?=a)", "c*", r"\s"]), TEXTS, st.just("Regex")),
    st.builds(prepend, TEXTS),
)


@given(steps=st.lists(STEPS, min_size=1, max_size=5), text=st.text("abc ", max_size=12))
@settings(max_examples=300)
def test_no_text_grows_more_than_the_bound(steps: list[Step], text: str) -> None:
    """Half the factor for empty matches, of which a text has one more than bytes."""
    value = sequence(*steps)
    bound = max(growth for _, growth in _growths([*_steps(value, "normalizer", "file")]))
    file = json.dumps({**trained(), "added_tokens": [], "normalizer": value})
    normalizer = tokenizers.Tokenizer.from_str(file).normalizer
    n_empty = sum("Regex" in step.get("pattern", {}) for step in steps)
    assert len(normalizer.normalize_str(text)) <= bound * (len(text) + 1) * 2**n_empty
