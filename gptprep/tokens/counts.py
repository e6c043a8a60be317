"""What was read of sources and encoded, and what reports say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from gptprep.corpus.documents import ReadCounts
from gptprep.corpus.selection import Selection
from gptprep.corpus.sources import Source
from gptprep.errors import GptprepError
from gptprep.tokenizers import Tokenizer


@dataclass
class SourceCounts(ReadCounts):
    """What was read of one source, and its ids."""

    path: str = ""
    ids: int = 0
    """The ids of its documents, without the end-of-text ids between them."""
    literal_specials: int = 0
    """Literal special tokens in the text, under every policy."""
    special_tokens: dict[str, int] = field(default_factory=dict)
    """How often each of them is in the text."""

    def add(self, other: SourceCounts) -> None:
        """Add the counts of a byte range to those of its source."""
        for number in fields(ReadCounts):
            setattr(self, number.name, getattr(self, number.name) + getattr(other, number.name))
        self.ids += other.ids
        self.add_specials(other.special_tokens)

    def add_specials(self, found: dict[str, int]) -> None:
        """Add literal special tokens and how often each is in the text."""
        for token, count in found.items():
            self.literal_specials += count
            self.special_tokens[token] = self.special_tokens.get(token, 0) + count


@dataclass(frozen=True)
class LiteralSpecial:
    """A special token that is in the text."""

    token: str
    count: int
    source: str
    """The first source that has it."""
    id: int | None
    """The id that it became; None if it was read as ordinary text."""


def literal_specials(counts: Sequence[SourceCounts], tokenizer: Tokenizer) -> tuple[LiteralSpecial, ...]:
    """The special tokens in the text of all sources, the most frequent first."""
    total, first = Counter[str](), dict[str, str]()
    for source in counts:
        total.update(source.special_tokens)
        first = dict.fromkeys(source.special_tokens, source.path) | first
    is_text = tokenizer.policy == "text"
    return tuple(
        LiteralSpecial(token, n, first[token], None if is_text else tokenizer.special_tokens[token])
        for token, n in sorted(total.items(), key=lambda item: (-item[1], item[0]))
    )


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What was read of all sources. Ids are not here: those between documents belong to no source."""

    documents: int
    bytes: int
    literal_specials: int
    empty: int
    replaced: int
    skipped: int
    passed_over: dict[str, int]
    """Files of folders and globs that were not read, by reason; see `FileFilter.reason`."""
    repeated: tuple[str, ...]
    """Files that were named, and read, more than once."""


@dataclass(frozen=True, kw_only=True)
class EncodingReport(Totals):
    """How the documents were encoded."""

    engine: str
    engine_note: str
    reference: str
    """What defines the right ids, and some were compared with: "tiktoken", "tokenizers" or "python"."""
    cross_checked: int
    """Bytes whose ids were compared with the reference."""
    resumed: int
    """Parts that an earlier run had written."""
    special_tokens: tuple[LiteralSpecial, ...]
    """Those that are in the text."""


def totals(counts: Sequence[SourceCounts], selection: Selection) -> dict[str, Any]:
    """The fields of `Totals`."""
    sums = ("documents", "bytes", "literal_specials", "empty", "replaced", "skipped")
    return {
        **{name: sum(getattr(count, name) for count in counts) for name in sums},
        "passed_over": selection.passed_over,
        "repeated": selection.repeated,
    }


def check_not_empty(sources: Sequence[Source], counts: Sequence[ReadCounts]) -> None:
    """Refuse sources that have no document among them.

    Raises:
        GptprepError: says whether they are empty or were skipped.
    """
    if any(count.documents for count in counts):
        return
    what = sources[0].label if len(sources) == 1 else f"any of {len(sources)} inputs"
    why, fix = "it is empty" if len(sources) == 1 else "all are empty", "give some text"
    if skipped := sum(count.skipped for count in counts):
        documents = "1 document was" if skipped == 1 else f"{skipped:,} documents were"
        why, fix = f"{documents} skipped as invalid", "give --errors replace"
    raise GptprepError(f"no text in {what}", why, fix)
