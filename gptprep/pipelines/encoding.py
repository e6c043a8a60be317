"""Sources through a tokenizer: what `encode` and `window` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from gptprep.corpus import Source, Tally, TextOptions, check_unchanged, place, read_pieces
from gptprep.errors import GptprepError, TextError
from gptprep.pipelines.progress import Progress
from gptprep.tokenizers import Tokenizer
from gptprep.tokenizers.base import ENDS_OF_TEXT

if TYPE_CHECKING:
    from gptprep.tokenstore import IdsWriter

Ids = TypeVar("Ids", bound=Sized)
_CHECK_EVERY = 1 << 26
"""Bytes of text of which a stretch is compared with the truth."""
_IDS_BLOCK = 1 << 19
"""Ids read from a file of ids at a time."""


@dataclass
class SourceCounts(Tally):
    """What was read of one source and what became of it."""

    path: str = ""
    ids: int = 0
    """Of its documents, without the end-of-text ids between them."""
    literal_specials: int = 0
    """Literal special tokens met in the text, whatever the policy made of them."""


class Encoded(NamedTuple, Generic[Ids]):
    """The ids of a stretch of one document."""

    source: Source
    ids: Ids
    last: bool
    """The document ends here."""


@dataclass
class CorpusEncoder(Generic[Ids]):
    """Encodes the documents of some sources in order, and counts.

    Args:
        encode: bytes of valid UTF-8 to ids; `Tokenizer.encode_array`, or a list for small output.
    """

    sources: Sequence[Source]
    tokenizer: Tokenizer
    text: TextOptions
    encode: Callable[[bytes], Ids]
    progress: Progress
    cross_check: bool = True
    check_from: int = 0
    """Bytes of text from which on the faster engine encodes, so that there is something to compare."""
    counts: list[SourceCounts] = field(default_factory=list)
    cross_checked: int = 0
    """Bytes whose ids were compared with the truth's."""
    _unchecked: int = _CHECK_EVERY

    def __iter__(self) -> Iterator[Encoded[Ids]]:
        """Each stretch of ids, in order.

        Raises:
            GptprepError: a source cannot be read or encoded; says where.
            DamagedData: a source is not what its format says.
        """
        total = total_bytes(self.sources)
        done = 0
        for source in self.sources:
            counts = SourceCounts(path=source.name)
            self.counts.append(counts)
            for encoded in self._source(source, counts):
                counts.ids += len(encoded.ids)
                yield encoded
                self.progress("encoding", done + counts.bytes, total, "bytes")
            done += counts.bytes

    def _source(self, source: Source, counts: SourceCounts) -> Iterator[Encoded[Any]]:
        if source.kind == "ids":
            yield from _stored_ids(source, self.tokenizer, counts)
            return
        for piece in read_pieces(source, self.text, self.tokenizer.last_cut, counts):
            try:
                ids = self.encode(piece.text)
                self._check(piece.text)
            except TextError as error:
                raise error.at(place(source, piece, error.offset, self.text)) from None
            counts.literal_specials += sum(1 for _ in self.tokenizer.specials(piece.text))
            yield Encoded(source, ids, piece.last)

    def _check(self, text: bytes) -> None:
        """Compare a stretch of the first text, and then one in so many bytes."""
        self._unchecked += len(text)
        if self.cross_check and self._unchecked > _CHECK_EVERY and len(text) >= self.check_from:
            compared = self.tokenizer.cross_check(text)
            self.cross_checked += compared
            self._unchecked = 0 if compared else _CHECK_EVERY


def _stored_ids(source: Source, tokenizer: Tokenizer, counts: SourceCounts) -> Iterator[Encoded[Any]]:
    """A file of ids, or a stretch of one, each checked against the vocabulary."""
    from gptprep.tokenstore import IdsFile, check_range, id_dtype

    with IdsFile(source.path, id_dtype(tokenizer.n_vocab)) as file:
        end = len(file) if source.end is None else source.end
        for start in range(source.begin, end, _IDS_BLOCK):
            ids = file.read(start, min(start + _IDS_BLOCK, end))
            check_range(ids, tokenizer.n_vocab, start, source.path)
            last = source.end is None and start + _IDS_BLOCK >= end
            counts.documents += last and int(ids[-1]) != tokenizer.eot
            counts.documents += 0 if tokenizer.eot is None else int((ids == tokenizer.eot).sum())
            counts.bytes += ids.nbytes
            yield Encoded(source, ids, last)
    check_unchanged(source)


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The sums over all sources; the ids aside, for what stands between documents belongs to no source."""

    documents: int
    bytes: int
    literal_specials: int
    empty: int
    replaced: int
    skipped: int


def totals(counts: Sequence[SourceCounts]) -> dict[str, int]:
    """The fields of `Totals`."""
    return {field.name: sum(getattr(count, field.name) for count in counts) for field in fields(Totals)}


def total_bytes(sources: Iterable[Source]) -> int | None:
    """The size of all sources on disk; None where only reading tells (pipes, compressed files)."""
    total = 0
    for source in sources:
        if source.size is None or source.kind == "parquet" or source.path.lower().endswith((".gz", ".zst")):
            return None
        total += source.size
    return total


def check_not_empty(sources: Sequence[Source], counts: Sequence[Tally]) -> None:
    """Refuse sources that have no document between them.

    Raises:
        GptprepError: says whether they are empty or were skipped.
    """
    if any(count.documents for count in counts):
        return
    what = sources[0].label if len(sources) == 1 else f"any of {len(sources)} inputs"
    skipped = sum(count.skipped for count in counts)
    if skipped:
        raise GptprepError(
            f"no text in {what}", f"{skipped} documents were skipped as invalid", "give --errors replace"
        )
    raise GptprepError(
        f"no text in {what}", "it is empty" if len(sources) == 1 else "all are empty", "give some text"
    )


def write_stream(encoded: Iterable[Encoded[Any]], tokenizer: Tokenizer, writer: IdsWriter) -> None:
    """Append all documents as one stream, with the end-of-text id between them.

    Raises:
        GptprepError: there are several documents and the tokenizer has no end-of-text token.
    """
    import numpy as np

    end_of_text = None if tokenizer.eot is None else np.array([tokenizer.eot], np.uint32)
    between = False
    for _, ids, last in encoded:
        if between:
            if end_of_text is None:
                raise no_end_of_text(tokenizer)
            writer.append(end_of_text)
        writer.append(ids)
        between = last


def no_end_of_text(tokenizer: Tokenizer) -> GptprepError:
    """The error for several documents and no token to put between them."""
    return GptprepError(
        f"the tokenizer {tokenizer.name} has no end-of-text token",
        "there are several documents, and it stands between them",
        "build the vocabulary with <|endoftext|> (the default), or give one document"
        if tokenizer.kind in ("word", "char")
        else f"give one document, or a tokenizer that has one of {' '.join(ENDS_OF_TEXT)}",
    )
