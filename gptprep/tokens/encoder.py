"""Encoding the documents of sources in order, and counting what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, cast

from gptprep.corpus.batches import Batch, read_batches
from gptprep.corpus.blocks import OnRead
from gptprep.corpus.chunks import Chunk, place, read_chunks
from gptprep.corpus.sources import Source, check_unchanged
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError, TextError
from gptprep.progress import Report
from gptprep.tokenizers import Tokenizer
from gptprep.tokenizers.base import END_OF_TEXT_TOKENS, EncodedDocuments
from gptprep.tokens.counts import SourceCounts
from gptprep.tokens.cross_check import CrossChecker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gptprep.tokens.id_file import IdWriter

Ids = TypeVar("Ids", bound=Sized)
IdsOfChunk = TypeVar("IdsOfChunk", bound=Sized, covariant=True)
_BLOCK_IDS = 1 << 19
"""Ids read from a file of ids at a time."""


class EncodedChunk(NamedTuple, Generic[Ids]):
    """The ids of a chunk."""

    source: Source
    ids: Ids
    last: bool
    """Whether the document ends here."""
    text: bytes
    """Nothing if the source is one of ids."""

    @property
    def n_ids(self) -> int:
        """The ids of the text."""
        return len(self.ids)

    @property
    def n_bytes(self) -> int:
        """The bytes of the text."""
        return len(self.text)


class EncodedBatch(NamedTuple):
    """Several documents and their ids."""

    source: Source
    texts: list[bytes]
    encoded: EncodedDocuments

    @property
    def ids(self) -> NDArray[Any]:
        """The ids of each document, and after them the end-of-text id."""
        return self.encoded.ids

    @property
    def ends(self) -> NDArray[Any]:
        """Where each document ends in `ids`, after the end-of-text id."""
        return self.encoded.ends

    @property
    def n_ids(self) -> int:
        """The ids of the texts, without the end-of-text ids."""
        return len(self.ids) - len(self.ends)

    @property
    def n_bytes(self) -> int:
        """The bytes of the texts."""
        return sum(map(len, self.texts))


class Encodes(Protocol[IdsOfChunk]):
    """What encodes texts: a tokenizer, or what chooses among its ways to do it."""

    def encode_array(self, text: bytes) -> IdsOfChunk:
        """The ids of a chunk; see `Tokenizer.encode_array`."""

    def encode_documents(self, texts: Sequence[bytes]) -> EncodedDocuments | None:
        """The ids of a batch, or None; see `Tokenizer.encode_documents`."""


class CorpusEncoder(Generic[Ids]):
    """Encodes the documents of sources in order, and counts what it reads.

    Args:
        engine: turns valid UTF-8 into ids: the tokenizer, or what gives lists for small output.
        report: called with what was read of the sources, as it is on disk, and the ids of it.

    Attributes:
        counts: one for each source that was started.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        tokenizer: Tokenizer,
        text: TextOptions,
        engine: Encodes[Ids],
        cross_checker: CrossChecker,
        report: Report,
    ) -> None:
        self._sources, self._tokenizer, self._text = sources, tokenizer, text
        self._engine, self._cross_checker, self._report = engine, cross_checker, report
        self.counts: list[SourceCounts] = []
        self._read = self._ids = 0

    def __iter__(self) -> Iterator[EncodedChunk[Ids]]:
        """The ids of each chunk, in order.

        Raises:
            GptprepError: a source cannot be read or encoded; says where.
            CorruptDataError: a source is not what its format says.
        """
        for encoded in self._all(self._in_chunks):
            yield cast("EncodedChunk[Ids]", encoded)

    def in_batches(self) -> Iterator[EncodedChunk[Ids] | EncodedBatch]:
        """The same, with small documents in batches, which is faster; raises as `__iter__`."""
        return self._all(self._in_batches)

    def _all(
        self, read: Callable[[Source, SourceCounts], Iterator[EncodedChunk[Ids] | EncodedBatch]]
    ) -> Iterator[EncodedChunk[Ids] | EncodedBatch]:
        for source in self._sources:
            counts = SourceCounts(path=source.name)
            self.counts.append(counts)
            is_ids = source.kind == "ids"
            for encoded in (
                _stored_ids(source, self._tokenizer, counts, self._on_read)
                if is_ids
                else read(source, counts)
            ):
                counts.ids += encoded.n_ids
                self._ids += encoded.n_ids
                yield encoded
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

    def _in_chunks(self, source: Source, counts: SourceCounts) -> Iterator[EncodedChunk[Ids]]:
        last_split_point = self._tokenizer.split_points.last
        for chunk in read_chunks(source, self._text, last_split_point, counts, on_read=self._on_read):
            yield self._encoded_chunk(source, chunk, counts)

    def _in_batches(self, source: Source, counts: SourceCounts) -> Iterator[EncodedChunk[Ids] | EncodedBatch]:
        last_split_point = self._tokenizer.split_points.last
        for read in read_batches(source, self._text, last_split_point, counts, on_read=self._on_read):
            if isinstance(read, Chunk):
                yield self._encoded_chunk(source, read, counts)
            elif encoded := self._encoded_batch(source, read):
                yield encoded
            else:
                for chunk in read.chunks():
                    yield self._encoded_chunk(source, chunk, counts)

    def _encoded_chunk(self, source: Source, chunk: Chunk, counts: SourceCounts) -> EncodedChunk[Ids]:
        try:
            ids = self._engine.encode_array(chunk.text)
            self._cross_checker.check(chunk.text)
        except TextError as error:
            raise error.at(place(source, chunk, error.offset, self._text)) from None
        counts.add_specials(Counter(token for _, token in self._tokenizer.specials(chunk.text)))
        return EncodedChunk(source, ids, chunk.last, chunk.text)

    def _encoded_batch(self, source: Source, batch: Batch) -> EncodedBatch | None:
        """The ids of a batch; None if its documents must be encoded one by one."""
        try:
            encoded = self._engine.encode_documents(batch.texts)
        except TextError:  # one by one, the error names the place
            return None
        if encoded is None:
            return None
        for number in self._cross_checker.due(batch.texts):
            try:
                self._cross_checker.compare(batch.texts[number], encoded.ids_of(number))
            except TextError as error:
                chunk = next(islice(batch.chunks(), number, None))
                raise error.at(place(source, chunk, error.offset, self._text)) from None
        return EncodedBatch(source, batch.texts, encoded)


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
            yield EncodedChunk(source, ids, last, b"")
    check_unchanged(source)


def write_stream(
    encoded: Iterable[EncodedChunk[Any] | EncodedBatch], tokenizer: Tokenizer, writer: IdWriter
) -> None:
    """Append all documents as one stream, with the end-of-text id between them.

    It is not added after a document that has it as its last id.

    Raises:
        GptprepError: there are several documents and the tokenizer has no end-of-text token.
    """
    import numpy as np

    end_of_text = None if tokenizer.eot is None else np.array([tokenizer.eot], np.uint32)
    is_between, last_id = False, None
    for one in encoded:
        if is_between:
            if last_id is None or last_id != tokenizer.eot:
                if end_of_text is None:
                    raise no_end_of_text(tokenizer)
                writer.append(end_of_text)
            last_id = None
        ids = one.ids[:-1] if isinstance(one, EncodedBatch) else one.ids
        writer.append(ids)
        if isinstance(one, EncodedBatch):  # none of its documents ends with an end-of-text id of its own
            is_between, last_id = True, None
        else:
            is_between, last_id = one.last, ids[-1] if len(ids) else last_id


def no_end_of_text(tokenizer: Tokenizer) -> GptprepError:
    """The error for several documents and no token to put between them."""
    fix = f"give one document, or a tokenizer that has one of {' '.join(END_OF_TEXT_TOKENS)}"
    if tokenizer.kind in ("word", "char"):
        fix = "build the vocabulary with <|endoftext|> (the default), or give one document"
    what = f"the tokenizer {tokenizer.name} has no end-of-text token"
    return GptprepError(what, "there are several documents, and that token separates them", fix)
