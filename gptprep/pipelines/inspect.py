"""`inspect`: how a text tokenizes."""

from dataclasses import dataclass
from typing import NamedTuple

from gptprep.choices import SpecialPolicy
from gptprep.corpus.chunks import place, read_chunks
from gptprep.corpus.documents import ReadCounts, TextOptions
from gptprep.corpus.sources import text_source
from gptprep.errors import TextError
from gptprep.progress import Progress, no_progress
from gptprep.tokenizers import Tokenizer, load_tokenizer
from gptprep.tokenizers.visible import visible as visible


@dataclass(frozen=True)
class InspectOptions:
    """What to inspect."""

    text: bytes
    tokenizer: str = "gpt2"
    special: SpecialPolicy = "allow"


@dataclass(frozen=True)
class InspectPlan:
    """What a run will tokenize."""

    options: InspectOptions
    tokenizer: Tokenizer


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


def plan(options: InspectOptions) -> InspectPlan:
    """Load the tokenizer; raises as `load_tokenizer`."""
    return InspectPlan(options, load_tokenizer(options.tokenizer, options.special))


def run(plan: InspectPlan, progress: Progress = no_progress) -> InspectReport:
    """Tokenize the text.

    Raises:
        GptprepError: the text is not valid, or the tokenizer cannot encode it.
    """
    tokenizer, text = plan.tokenizer, plan.options.text
    special_ids = set(tokenizer.special_tokens.values())
    source, options, counts = text_source(text, 1), TextOptions(), ReadCounts()
    tokens: list[TokenView] = []
    for chunk in read_chunks(source, options, tokenizer.split_points.last, counts):
        try:
            ids = tokenizer.encode(chunk.text.decode())
        except TextError as error:
            raise error.at(place(source, chunk, error.offset, options)) from None
        for token_id in ids:
            token = tokenizer.token_bytes(token_id)
            tokens.append(TokenView(token_id, visible(token), len(token), token_id in special_ids))
        progress("encoding", counts.bytes, len(text), "bytes")
    return InspectReport(tokenizer.name, tokenizer.n_vocab, counts.bytes, tuple(tokens))
