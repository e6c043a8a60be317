"""Texts to train a BPE on, and the counts of their pre-tokens."""

from collections import Counter

from hypothesis import strategies as st

from gptprep.tokenizers.train.pretokens import PretokenCounter
from tests.helpers.bpe import EOT

TEXTS = st.lists(
    st.one_of(
        st.text(st.sampled_from(list("aaabbc 1'\n")), max_size=30),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.just(EOT),
    ),
    max_size=8,
).map("".join)
"""Texts with repeated words, in which some pairs are equally frequent."""


def counted(*texts: str, special_tokens: tuple[str, ...] = (EOT,)) -> Counter[bytes]:
    """How often each pre-token occurs."""
    counter = PretokenCounter(special_tokens)
    for text in texts:
        counter.add(text.encode())
    return counter.counts()
