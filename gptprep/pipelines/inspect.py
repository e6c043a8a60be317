"""`inspect -t`: how a text tokenizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gptprep.corpus import Tally, TextOptions, place, read_pieces, text_source
from gptprep.errors import TextError
from gptprep.pipelines.visible import visible
from gptprep.tokenizers import SpecialPolicy, load_tokenizer


class TokenView(NamedTuple):
    """One token of a text."""

    id: int
    token: str
    """Made visible, see `visible`."""
    bytes: int
    special: bool


@dataclass(frozen=True)
class TextReport:
    """How a text tokenizes."""

    tokenizer: str
    n_vocab: int
    bytes: int
    tokens: tuple[TokenView, ...]


def inspect_text(text: bytes, tokenizer_name: str, special: SpecialPolicy = "allow") -> TextReport:
    """Tokenize a text.

    Raises:
        GptprepError: the text is not valid, or the tokenizer cannot encode it.
    """
    tokenizer = load_tokenizer(tokenizer_name, special)
    special_ids = set(tokenizer.special_tokens.values())
    source, options, tally = text_source(text, 1), TextOptions(), Tally()
    tokens: list[TokenView] = []
    for piece in read_pieces(source, options, tokenizer.last_cut, tally):
        try:
            ids = tokenizer.encode(piece.text.decode())
        except TextError as error:
            raise error.at(place(source, piece, error.offset, options)) from None
        for token_id in ids:
            token = tokenizer.token_bytes(token_id)
            tokens.append(TokenView(token_id, visible(token), len(token), token_id in special_ids))
    return TextReport(tokenizer.name, tokenizer.n_vocab, tally.bytes, tuple(tokens))
