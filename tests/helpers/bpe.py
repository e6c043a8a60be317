"""BPE vocabularies and texts that show every difference between pre-tokenizers."""

from __future__ import annotations

import base64
import itertools

from hypothesis import strategies as st

from gptprep.tokenizers.bpe import BpeSpec
from gptprep.tokenizers.published import CL100K_PATTERN, GPT2_PATTERN, O200K_PATTERN

PATTERNS = {"gpt2": GPT2_PATTERN, "cl100k": CL100K_PATTERN, "o200k": O200K_PATTERN}
BYTES = [bytes([byte]) for byte in range(256)]
EOT = "<|endoftext|>"

_DIFFICULT = st.text(
    st.one_of(
        st.sampled_from(list(" \t\n\r\x0b\x0c\x1c\x85\xa0\u2003\u3000")),
        st.sampled_from(list("'’sStTrReEvVlLdDmM")),
        st.sampled_from(list("abcXYZ019.,;!?-_/^<|>、。，\u0301\u0663\u4e2d\u3042\ud55c\U0001f468\u200d")),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)
TEXTS = st.lists(st.one_of(_DIFFICULT, st.just(EOT)), max_size=5).map("".join)
"""Texts with many characters that pre-tokenization patterns treat specially."""


def pair_ranks() -> dict[bytes, int]:
    """A vocabulary in which every pair of bytes is a token: every pre-token boundary shows in the ids.

    Pairs across the boundary of two characters merge first, because pre-tokens start there.
    """
    pairs = [bytes(pair) for pair in itertools.product(range(256), repeat=2)]
    pairs.sort(key=lambda pair: (0x80 <= pair[1] < 0xC0, pair))
    return {token: rank for rank, token in enumerate([*BYTES, *pairs])}


def pair_spec(name: str, special_tokens: dict[str, int]) -> BpeSpec:
    """One of `PATTERNS` over `pair_ranks`."""
    return BpeSpec(name, pair_ranks(), "", PATTERNS[name], special_tokens)


def rank_lines(tokens: list[bytes]) -> bytes:
    """A rank file."""
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens))
