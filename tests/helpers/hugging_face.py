"""`tokenizer.json` files as others write them, and the ids that Hugging Face's library gives."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import tokenizers

from gptprep.tokenizers.byte_level import to_text
from gptprep.tokenizers.hf_patterns import BYTE_LEVEL_REGEX, HF_PATTERNS
from gptprep.tokenizers.train.bpe import train
from gptprep.tokenizers.train.pretokens import PretokenCounter
from tests.helpers.bpe import EOT, pair_ranks
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


def pattern_steps(regexes: tuple[str, ...]) -> dict[str, Any]:
    """A pre-tokenizer with these expressions, as published files have it."""
    if regexes == (BYTE_LEVEL_REGEX,):
        return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    splits = [split_step(regex)["pretokenizers"][0] for regex in regexes]
    return {"type": "Sequence", "pretokenizers": [*splits, split_step("")["pretokenizers"][1]]}


@cache
def pair_file(name: str) -> dict[str, Any]:
    """One of `HF_PATTERNS` over `pair_ranks`, with an end-of-text token: every boundary shows in the ids."""
    vocab = {to_text(token): rank for token, rank in pair_ranks().items()}
    merges = [" ".join(token) for token in vocab if len(token) == 2]
    model = {**trained()["model"], "vocab": vocab, "merges": merges}
    steps = pattern_steps(HF_PATTERNS[name].regexes)
    return {**trained(), "pre_tokenizer": steps, "model": model, "added_tokens": [added(EOT, len(vocab))]}


@cache
def pattern_file(name: str) -> dict[str, Any]:
    """One of `HF_PATTERNS` over a vocabulary that `tokenizers` trains with it on the samples."""
    steps = tokenizers.Tokenizer.from_str(json.dumps(pair_file(name))).pre_tokenizer
    library = tokenizers.Tokenizer(tokenizers.models.BPE())
    library.pre_tokenizer = steps
    alphabet = [to_text(bytes([byte])) for byte in range(256)]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=1500, initial_alphabet=alphabet, special_tokens=[EOT], show_progress=False
    )
    library.train_from_iterator([path.read_bytes().decode() for path in SAMPLES.iterdir()], trainer)
    library.decoder = tokenizers.decoders.ByteLevel()
    value: dict[str, Any] = json.loads(library.to_str())
    return value
