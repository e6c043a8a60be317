"""What a tokenizer is: its size, special tokens, the lengths of its tokens, merges, and its entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from gptprep.errors import TextError, UsageError
from gptprep.pipelines.inspect.merges import Merge, merges_of
from gptprep.tokenizers.visible import visible

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.coverage import Coverage
    from gptprep.tokenizers import Tokenizer

DEFAULT_ENTRIES = 20
"""How many entries are shown if nobody says."""
_LONGEST, _FIRST_MERGES, _MAX_GAPS = 10, 10, 10


class Entry(NamedTuple):
    """A token of a vocabulary."""

    id: int
    token: str | None
    """Made visible; None if no token has the id."""
    bytes: int
    """How many it has."""
    hex: str
    """What they are."""
    special: bool


class Gap(NamedTuple):
    """Ids without a token, one after the other."""

    start: int
    stop: int


class Length(NamedTuple):
    """How many tokens have a length."""

    bytes: int
    tokens: int


@dataclass(frozen=True)
class Found:
    """The entries that contain a string, the string itself first, then the shortest."""

    string: str
    """Made visible."""
    ids: tuple[int, ...] | None
    """What the string itself encodes to; None if the tokenizer cannot encode it."""
    count: int
    """How many entries there are."""
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class TokenizerReport:
    """What a tokenizer is."""

    tokenizer: str
    kind: str
    n_vocab: int
    tokens: int
    """How many of the ids have a token."""
    missing: int
    """How many have none."""
    gaps: tuple[Gap, ...]
    """The first of them, in ranges."""
    special_tokens: dict[str, int]
    """Made visible, with their ids."""
    eot: int | None
    engine: str
    engine_note: str
    fingerprint: str
    lengths: tuple[Length, ...]
    """Of ordinary tokens."""
    longest: tuple[Entry, ...]
    """Ordinary tokens, the longest first."""
    merges: int | None
    """How many a BPE has; None if the tokenizer is none."""
    first_merges: tuple[Merge, ...]
    entries: tuple[Entry, ...] | None
    """Those that were asked for."""
    found: Found | None
    coverage: Coverage | None


@dataclass(frozen=True)
class TokenizerOptions:
    """What to show of a tokenizer beside its description."""

    start: int | None = None
    """The first of `number` entries; None for no entries."""
    number: int | None = None
    """How many entries are shown, also of those with `find`; None for 20."""
    find: bytes | None = None

    @property
    def shown(self) -> int:
        """How many entries are shown.

        Raises:
            UsageError: none.
        """
        if self.number is not None and self.number < 1:
            raise UsageError(f"-n is {self.number}", fix="give 1 or more")
        return DEFAULT_ENTRIES if self.number is None else self.number


def inspect_tokenizer(
    tokenizer: Tokenizer, options: TokenizerOptions, coverage: Coverage | None = None
) -> TokenizerReport:
    """Describe a tokenizer.

    Raises:
        UsageError: the entries that are asked for do not exist, or there is nothing to find.
        CorruptDataError: the file of the tokenizer changed.
    """
    number = options.shown
    tokens = _tokens(tokenizer)
    special_ids = set(tokenizer.special_tokens.values())
    gaps = list(_gaps(tokens))
    ordinary = [i for i, token in enumerate(tokens) if token is not None and i not in special_ids]
    lengths = Counter(len(tokens[i] or b"") for i in ordinary)
    longest = sorted(ordinary, key=lambda i: (-len(tokens[i] or b""), i))[:_LONGEST]
    merges = merges_of(tokenizer, tokens)
    missing = sum(gap.stop - gap.start for gap in gaps)

    def entries(ids: Sequence[int]) -> tuple[Entry, ...]:
        return tuple(_entry(i, tokens[i], special=i in special_ids) for i in ids)

    return TokenizerReport(
        tokenizer=tokenizer.name,
        kind=tokenizer.kind,
        n_vocab=tokenizer.n_vocab,
        tokens=len(tokens) - missing,
        missing=missing,
        gaps=tuple(gaps[:_MAX_GAPS]),
        special_tokens={visible(token.encode()): i for token, i in tokenizer.special_tokens.items()},
        eot=tokenizer.eot,
        engine=tokenizer.engine,
        engine_note=tokenizer.engine_note,
        fingerprint=tokenizer.fingerprint,
        lengths=tuple(Length(*item) for item in sorted(lengths.items())),
        longest=entries(longest),
        merges=None if merges is None else merges.total,
        first_merges=() if merges is None else tuple(islice(merges.first, _FIRST_MERGES)),
        entries=None if (ids := _asked_for(tokenizer, options, coverage)) is None else entries(ids),
        found=None if options.find is None else _find(tokenizer, tokens, options.find, number, special_ids),
        coverage=coverage,
    )


def _tokens(tokenizer: Tokenizer) -> list[bytes | None]:
    """The bytes of the token of each id, or None."""
    tokens: list[bytes | None] = []
    for token_id in range(tokenizer.n_vocab):
        try:
            tokens.append(tokenizer.token_bytes(token_id))
        except KeyError:
            tokens.append(None)
    return tokens


def _gaps(tokens: Sequence[bytes | None]) -> Iterator[Gap]:
    start = None
    for token_id, token in enumerate(tokens):  # the last id has a token
        if token is None and start is None:
            start = token_id
        elif token is not None and start is not None:
            yield Gap(start, token_id)
            start = None


def _entry(token_id: int, token: bytes | None, *, special: bool) -> Entry:
    stored = token or b""
    return Entry(token_id, None if token is None else visible(stored), len(stored), stored.hex(), special)


def _asked_for(
    tokenizer: Tokenizer, options: TokenizerOptions, coverage: Coverage | None
) -> Sequence[int] | None:
    """The ids of the entries that are asked for; a number alone may be one of other entries."""
    is_of_others = options.find is not None or coverage is not None
    if options.start is None and (options.number is None or is_of_others):
        return None
    start, n_vocab = options.start or 0, tokenizer.n_vocab
    if not 0 <= start < n_vocab:
        why = f"the ids of {tokenizer.name} are 0 to {n_vocab - 1:,}"
        raise UsageError(f"--from is {start:,}", why, "give one of them")
    return range(start, min(start + options.shown, n_vocab))


def _find(
    tokenizer: Tokenizer, tokens: Sequence[bytes | None], string: bytes, number: int, special_ids: set[int]
) -> Found:
    """The entries that contain a string, as bytes."""
    if not string:
        raise UsageError("--find is empty", fix="give the string that entries contain")
    ids = [token_id for token_id, token in enumerate(tokens) if token is not None and string in token]
    ids.sort(key=lambda token_id: (len(tokens[token_id] or b""), token_id))
    entries = (_entry(i, tokens[i], special=i in special_ids) for i in ids[:number])
    return Found(visible(string), encoded(tokenizer, string), len(ids), tuple(entries))


def encoded(tokenizer: Tokenizer, text: bytes) -> tuple[int, ...] | None:
    """The ids of a text; None if it is not valid UTF-8, or the tokenizer cannot encode it."""
    try:
        return tuple(tokenizer.encode(text.decode()))
    except (UnicodeDecodeError, TextError):
        return None
