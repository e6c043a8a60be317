"""Encoding the documents of sources in order, and counting what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from gptprep.corpus.blocks import OnRead
from gptprep.corpus.chunks import place, read_chunks
from gptprep.corpus.documents import ReadCounts, TextOptions
from gptprep.corpus.sources import Selection, Source, check_unchanged
from gptprep.errors import GptprepError, TextError
from gptprep.progress import Report
from gptprep.tokenizers import Tokenizer
from gptprep.tokenizers.base import END_OF_TEXT_TOKENS
from gptprep.units import MIB

if TYPE_CHECKING:
    from gptprep.tokens.id_file import IdWriter

Ids = TypeVar("Ids", bound=Sized)
_CROSS_CHECK_EVERY = 64 * MIB
"""One chunk is compared with the reference per this many bytes of text."""
_BLOCK_IDS = 1 << 19
"""Ids read from a file of ids at a time."""


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
    """What some of the ids were compared with: "tiktoken" or "tokenizers"."""
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


class CrossChecker:
    """Compares the engine with the reference on the first chunk, and then on one in every 64 MiB.

    Args:
        enabled: whether anything is compared.
        min_bytes: the smallest chunk that the faster engine encodes; smaller ones need no comparison.

    Attributes:
        compared: bytes whose ids were compared.
    """

    def __init__(self, tokenizer: Tokenizer, *, enabled: bool = True, min_bytes: int = 0) -> None:
        self._tokenizer, self._enabled, self._min_bytes = tokenizer, enabled, min_bytes
        self._since_last = _CROSS_CHECK_EVERY
        self.compared = 0

    def check(self, text: bytes) -> None:
        """Compare a chunk if it is time to.

        Raises:
            TextError: the ids differ; says where.
        """
        self._since_last += len(text)
        if self._enabled and self._since_last > _CROSS_CHECK_EVERY and len(text) >= self._min_bytes:
            compared = self._tokenizer.cross_check(text)
            self.compared += compared
            self._since_last = 0 if compared else _CROSS_CHECK_EVERY


class EncodedChunk(NamedTuple, Generic[Ids]):
    """The ids of a chunk."""

    source: Source
    ids: Ids
    last: bool
    """Whether the document ends here."""


class CorpusEncoder(Generic[Ids]):
    """Encodes the documents of sources in order, and counts what it reads.

    Args:
        encode: turns valid UTF-8 into ids: `Tokenizer.encode_array`, or a list for small output.
        report: called with what was read of the sources, as it is on disk, and the ids of it.

    Attributes:
        counts: one for each source that was started.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        tokenizer: Tokenizer,
        text: TextOptions,
        encode: Callable[[bytes], Ids],
        cross_checker: CrossChecker,
        report: Report,
    ) -> None:
        self._sources, self._tokenizer, self._text = sources, tokenizer, text
        self._encode, self._cross_checker, self._report = encode, cross_checker, report
        self.counts: list[SourceCounts] = []
        self._read = self._ids = 0

    def __iter__(self) -> Iterator[EncodedChunk[Ids]]:
        """The ids of each chunk, in order.

        Raises:
            GptprepError: a source cannot be read or encoded; says where.
            CorruptDataError: a source is not what its format says.
        """
        for source in self._sources:
            counts = SourceCounts(path=source.name)
            self.counts.append(counts)
            for chunk in self._encoded(source, counts):
                counts.ids += len(chunk.ids)
                self._ids += len(chunk.ids)
                yield chunk
                if self._read:  # a block can have many short documents
                    self._report_all()
            self._report_all()

    def _on_read(self, n_bytes: int) -> None:
        self._read += n_bytes

    def _report_all(self) -> None:
        read, ids = self._read, self._ids
        self._read = self._ids = 0
        if read or ids:
            self._report(read, ids)

    def _encoded(self, source: Source, counts: SourceCounts) -> Iterator[EncodedChunk[Any]]:
        if source.kind == "ids":
            yield from _stored_ids(source, self._tokenizer, counts, self._on_read)
            return
        last_split_point = self._tokenizer.split_points.last
        for chunk in read_chunks(source, self._text, last_split_point, counts, on_read=self._on_read):
            try:
                ids = self._encode(chunk.text)
                self._cross_checker.check(chunk.text)
            except TextError as error:
                raise error.at(place(source, chunk, error.offset, self._text)) from None
            counts.add_specials(Counter(token for _, token in self._tokenizer.specials(chunk.text)))
            yield EncodedChunk(source, ids, chunk.last)


def _stored_ids(
    source: Source, tokenizer: Tokenizer, counts: SourceCounts, on_read: OnRead
) -> Iterator[EncodedChunk[Any]]:
    """A file of ids, or a range of one, checked against the vocabulary."""
    from gptprep.tokens.id_file import check_range, open_ids

    with open_ids(source) as file:
        stop = len(file) if source.stop is None else source.stop
        if source.start == 0 and source.size:
            on_read(source.size - len(file) * file.dtype.itemsize)  # the header
        for start in range(source.start, stop, _BLOCK_IDS):
            ids = file.read(start, min(start + _BLOCK_IDS, stop))
            check_range(ids, tokenizer.n_vocab, start, source.path)
            last = source.stop is None and start + _BLOCK_IDS >= stop
            counts.documents += last and int(ids[-1]) != tokenizer.eot
            counts.documents += 0 if tokenizer.eot is None else int((ids == tokenizer.eot).sum())
            counts.bytes += ids.nbytes
            on_read(ids.nbytes)
            yield EncodedChunk(source, ids, last)
    check_unchanged(source)


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


def write_stream(encoded: Iterable[EncodedChunk[Any]], tokenizer: Tokenizer, writer: IdWriter) -> None:
    """Append all documents as one stream, with the end-of-text id between them.

    It is not added after a document that has it as its last id.

    Raises:
        GptprepError: there are several documents and the tokenizer has no end-of-text token.
    """
    import numpy as np

    end_of_text = None if tokenizer.eot is None else np.array([tokenizer.eot], np.uint32)
    is_between, last_id = False, None
    for _, ids, last in encoded:
        if is_between:
            if last_id is None or last_id != tokenizer.eot:
                if end_of_text is None:
                    raise no_end_of_text(tokenizer)
                writer.append(end_of_text)
            last_id = None
        writer.append(ids)
        last_id = ids[-1] if len(ids) else last_id
        is_between = last


def no_end_of_text(tokenizer: Tokenizer) -> GptprepError:
    """The error for several documents and no token to put between them."""
    fix = f"give one document, or a tokenizer that has one of {' '.join(END_OF_TEXT_TOKENS)}"
    if tokenizer.kind in ("word", "char"):
        fix = "build the vocabulary with <|endoftext|> (the default), or give one document"
    what = f"the tokenizer {tokenizer.name} has no end-of-text token"
    return GptprepError(what, "there are several documents, and that token separates them", fix)
