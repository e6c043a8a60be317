"""`tokenizer.json` files as others write them, and the ids that Hugging Face's library gives."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import tokenizers

from gptprep.tokenizers.train.bpe import train
from gptprep.tokenizers.train.pretokens import PretokenCounter
from tests.helpers.bpe import EOT
from tests.helpers.paths import SAMPLES


@cache
def trained(size: int = 2000) -> dict[str, Any]:
    """A tokenizer that gptprep trains on the samples."""
    counter = PretokenCounter((EOT,))
    for path in sorted(SAMPLES.iterdir()):
        counter.add(path.read_bytes())
    return train(counter.counts(), size).vocabulary.to_json()


def without_line_end_tokens(value: dict[str, Any]) -> dict[str, Any]:
    """The same without tokens of a line end and white space after it, which tiktoken's cl100k separates."""
    bad = re.compile("[Ċč][Ġĉ]")
    tokens = [token for token in value["model"]["vocab"] if not bad.search(token)]
    merges = [merge for merge in value["model"]["merges"] if not bad.search(merge.replace(" ", ""))]
    vocab = {token: token_id for token_id, token in enumerate(tokens)}
    special = [{**value["added_tokens"][0], "id": vocab[EOT]}]
    return {**value, "added_tokens": special, "model": {**value["model"], "vocab": vocab, "merges": merges}}


def split_step(regex: str) -> dict[str, Any]:
    """A pre-tokenizer as newer files have it."""
    step = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"type": "Sequence", "pretokenizers": [step, byte_level]}


def added(token: str, token_id: int, **other: object) -> dict[str, Any]:
    """An entry of `added_tokens`."""
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": token_id, "content": token, **plain, **other}


def saved(value: object, folder: Path) -> str:
    """The path of a `tokenizer.json` with these contents."""
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(value))
    return str(path)


def reference_ids(value: dict[str, Any], text: str, *, specials: bool = True) -> list[int]:
    """The ids that Hugging Face's library gives."""
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(value))
    tokenizer.encode_special_tokens = not specials
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids
