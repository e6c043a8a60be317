"""The merges of a BPE, as its file lists them or as the order of its ranks implies them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gptprep.storage.json_files import read_json
from gptprep.tokenizers.visible import visible

if TYPE_CHECKING:
    from gptprep.tokenizers import Tokenizer


class Merge(NamedTuple):
    """Two tokens that become one; all made visible."""

    left: str
    right: str
    token: str
    id: int | None
    """None if no token is what the two together are, as where tokens have a prefix inside words."""


class Merges(NamedTuple):
    """The merges of a BPE."""

    total: int
    first: Iterator[Merge]
    """In order, as far as they are read."""


def merges_of(tokenizer: Tokenizer, tokens: Sequence[bytes | None]) -> Merges | None:
    """The merges of a tokenizer; None if it is not a BPE.

    Args:
        tokens: the bytes of the token of each id.
    """
    path = tokenizer.file[0]
    if os.path.splitext(path)[1] == ".json" and tokenizer.kind in ("bpe", "hf"):
        return _listed(read_json(path), tokens)
    if tokenizer.kind != "bpe":
        return None
    special_ids = set(tokenizer.special_tokens.values())
    ranks = {token: i for i, token in enumerate(tokens) if token is not None and i not in special_ids}
    return Merges(sum(len(token) > 1 for token in ranks), _implied(ranks))


def _listed(value: Any, tokens: Sequence[bytes | None]) -> Merges | None:
    """The merges in a tokenizer.json, each "left right" or [left, right]."""
    model = value.get("model") if isinstance(value, dict) else None
    merges = model.get("merges") if isinstance(model, dict) else None
    vocab = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(merges, list) or not isinstance(vocab, dict):
        return None

    def shown(token: str) -> str:
        token_id = vocab.get(token)
        stored = tokens[token_id] if isinstance(token_id, int) and 0 <= token_id < len(tokens) else None
        return visible(token.encode(errors="replace") if stored is None else stored)

    def first() -> Iterator[Merge]:
        for merge in merges:
            left, right = merge.split(" ") if isinstance(merge, str) else merge
            yield Merge(shown(left), shown(right), shown(left + right), vocab.get(left + right))

    return Merges(len(merges), first())


def _implied(ranks: Mapping[bytes, int]) -> Iterator[Merge]:
    """The merges of a rank file: each token of several bytes is made of two of lower ranks."""
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) > 1:
            pair = _divided(token, ranks, rank)
            if len(pair) == 2:
                yield Merge(visible(pair[0]), visible(pair[1]), visible(token), rank)


def _divided(token: bytes, ranks: Mapping[bytes, int], below: int) -> list[bytes]:
    """What a BPE with only the ranks below one makes of a token."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 1:
        rank, i = min((ranks.get(parts[i] + parts[i + 1], below), i) for i in range(len(parts) - 1))
        if rank >= below:
            break
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return parts
