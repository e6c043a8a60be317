"""How texts tokenize."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from gptprep.choices import SpecialPolicy
from gptprep.corpus.chunks import place, read_chunks
from gptprep.corpus.documents import ReadCounts
from gptprep.corpus.sources import text_source
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import TextError, UsageError
from gptprep.tokenizers import Tokenizer, load_tokenizer
from gptprep.tokenizers.visible import visible as visible

NO_TOKEN = "<none>"
"""Shown for an id that no token has."""


class TokenView(NamedTuple):
    """One token of a text."""

    id: int
    token: str
    """Made visible; see `visible`."""
    bytes: int
    special: bool


@dataclass(frozen=True)
class InspectReport:
    """How a text tokenizes."""

    tokenizer: str
    n_vocab: int
    bytes: int
    tokens: tuple[TokenView, ...]


@dataclass(frozen=True)
class Comparison:
    """How texts tokenize with several tokenizers; the reports of a text follow each other."""

    reports: tuple[InspectReport, ...]


def inspect_texts(
    texts: tuple[bytes, ...], tokenizers: tuple[str, ...], special: SpecialPolicy = "allow"
) -> tuple[tuple[InspectReport, ...], ...]:
    """Tokenize each text with each tokenizer.

    Raises:
        GptprepError: a text is not valid, a tokenizer cannot encode it, or there is no such tokenizer.
        CorruptDataError: the file of a tokenizer is damaged.
        UsageError: there is no text.
    """
    if not texts:
        raise UsageError("there is no text", fix="give one")
    loaded = [load_tokenizer(name, special) for name in tokenizers]
    return tuple(
        tuple(tokenize(text, tokenizer, number) for tokenizer in loaded)
        for number, text in enumerate(texts, 1)
    )


def tokenize(text: bytes, tokenizer: Tokenizer, number: int = 1) -> InspectReport:
    """The tokens of a text; raises as `inspect_texts`."""
    source, options, counts = text_source(text, number), TextOptions(), ReadCounts()
    tokens: list[TokenView] = []
    for chunk in read_chunks(source, options, tokenizer.split_points.last, counts):
        try:
            ids = tokenizer.encode(chunk.text.decode())
        except TextError as error:
            raise error.at(place(source, chunk, error.offset, options)) from None
        tokens += token_views(ids, tokenizer)
    return InspectReport(tokenizer.name, tokenizer.n_vocab, counts.bytes, tuple(tokens))


def token_views(ids: Iterable[int], tokenizer: Tokenizer | None) -> list[TokenView]:
    """The tokens of some ids; nothing without a tokenizer, and `<none>` for ids that it does not have."""
    special_ids = set(tokenizer.special_tokens.values()) if tokenizer else ()
    views = []
    for token_id in ids:
        try:
            token = tokenizer.token_bytes(token_id) if tokenizer else b""
        except KeyError:
            views.append(TokenView(token_id, NO_TOKEN, 0, False))
            continue
        views.append(TokenView(token_id, visible(token), len(token), token_id in special_ids))
    return views
