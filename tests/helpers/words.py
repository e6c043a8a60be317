"""Vocabularies of words or characters, and texts that show where words are divided."""

from typing import Any

from hypothesis import strategies as st

from gptprep.tokenizers.train.words import TokenCounter, WordVocabulary, build_vocabulary
from gptprep.tokenizers.vocabulary import DEFAULT_SPECIAL_TOKENS, Kind, Vocabulary

TEXTS = st.text(
    st.one_of(
        st.sampled_from(list(" \t\n\r\x0b\x1c\x85\xa0\u3000,.:;?_!\"()'--abAB9")),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)
"""Texts with much white space and punctuation."""


def built(kind: Kind, text: str, special_tokens: tuple[str, ...] = (), **choice: Any) -> WordVocabulary:
    """What `vocab` builds from a text; `choice` is the size or the least count."""
    counter = TokenCounter(kind, special_tokens)
    counter.add(text.encode())
    return build_vocabulary(kind, special_tokens, counter.counts(), **choice)


def vocabulary(kind: Kind, text: str, special_tokens: tuple[str, ...] = DEFAULT_SPECIAL_TOKENS) -> Vocabulary:
    """The vocabulary of all tokens of a text."""
    return built(kind, text, special_tokens).vocabulary
