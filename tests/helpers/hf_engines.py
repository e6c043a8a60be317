"""Both engines of a `tokenizer.json` that gigatoken encodes to the ids of `tokenizers`."""

from __future__ import annotations

import json
from typing import Any

import tokenizers

from gptprep.choices import SpecialPolicy
from gptprep.tokenizers.hf_exact import exact_file
from gptprep.tokenizers.hf_gigatoken import GigatokenHfTokenizer
from tests.helpers.hugging_face import added, pattern_file

DEEPSEEK_LIKE = [
    added("<｜start｜>", 0),
    added("<｜User｜>", 0, special=False, normalized=True),
    added("｜DSML｜", 0, special=False, normalized=True),
    added("<｜/table>｜", 0, special=False),
    added("<think>", 0, special=False),
    added("<|im_start|>", 0, lstrip=True, rstrip=True),
]


def with_added(tokens: list[dict[str, Any]], **changes: object) -> dict[str, Any]:
    value = pattern_file("deepseek_v3")
    first = len(value["model"]["vocab"])
    numbered = [{**token, "id": first + n} for n, token in enumerate(tokens)]
    return {**value, "added_tokens": [*value["added_tokens"], *numbered], **changes}


def fast(value: dict[str, Any], policy: SpecialPolicy = "allow") -> GigatokenHfTokenizer:
    """The tokenizer of a file that gigatoken encodes."""
    return GigatokenHfTokenizer("file", value, "file", policy, exact_file(value, "file"))


def library_of(value: dict[str, Any], policy: SpecialPolicy = "allow") -> Any:
    """What Hugging Face's library makes of a file."""
    library = tokenizers.Tokenizer.from_str(json.dumps(value))
    library.encode_special_tokens = policy != "allow"
    return library


class Pair:
    """Both engines of one file."""

    def __init__(self, value: dict[str, Any], policy: SpecialPolicy = "allow") -> None:
        self.fast, self._library = fast(value, policy), library_of(value, policy)

    def library_ids(self, text: str) -> list[int]:
        ids: list[int] = self._library.encode(text, add_special_tokens=False).ids
        return ids

    def check(self, text: str) -> None:
        """Compare the ids; the chunk goes to `tokenizers` if the tokenizer wants that."""
        assert self.fast.encode_array(text.encode()).tolist() == self.library_ids(text), text[:40]
