"""About how many ids sources have and how long it takes to encode them, measured on samples.

Samples are read and encoded as the run does it: decompressed, and only the text of JSON Lines and tables.
They are taken from several sources, and from several places of those that can be divided.
"""

import time
from collections.abc import Iterator, Sequence, Sized
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

from gptprep.corpus.batches import Batch, read_batches
from gptprep.corpus.blocks import BLOCK_BYTES
from gptprep.corpus.documents import ReadCounts
from gptprep.corpus.ranges import FirstSplitPoint, exact_range, plan_ranges
from gptprep.corpus.sources import Source, is_compact
from gptprep.corpus.streams import is_stream
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError
from gptprep.tokenizers import Tokenizer
from gptprep.tokens.encoder import Encodes
from gptprep.tokens.reference_first import ReferenceFirst, as_they_are, reference_bytes
from gptprep.units import KIB, MIB

_PLACES = 8
"""Places of the sources of one kind where samples are taken."""
_RANGE_BYTES = 16 * MIB
"""One place may be in each such range of a large source."""
_COMPACT_BLOCKS = 4
"""Blocks that are read of a compressed source. One is too few: what it takes is known to a buffer's size."""
_STEP_BYTES = 64 * KIB
"""Text that is encoded at a time."""
_LEAST_STEPS = 8
_LITTLE_BYTES, _FEW = _LEAST_STEPS * _STEP_BYTES, 64
"""Sources that are no larger together, and no more, are sampled whole."""
_WARM_UP = b"The first text starts the engine."


class Effort(NamedTuple):
    """How much is encoded of the sources of one kind, at all places together."""

    steps: int = _LEAST_STEPS
    seconds: float = 0.0
    """After so much time no more than `_LEAST_STEPS` are encoded."""

    def of_one(self, n_places: int) -> "Effort":
        """The effort for one of some places."""
        return Effort(-(-self.steps // n_places), self.seconds / n_places)


QUICK, THOROUGH = Effort(), Effort(128, 0.5)
"""For a run, which should start soon, and for a plan that is all that is wanted."""


class Estimate(NamedTuple):
    """What is expected of some sources."""

    ids: int = 0
    least_ids: int = 0
    """There are hardly fewer: if all text were like the sample with the fewest. 0 for compressed sources."""
    seconds: float = 0.0
    """For one process to read and encode everything."""
    longest: float = 0.0
    """For what one process must do alone: a task, or reading a stream."""


class _NoTextError(Exception):
    """Raised to end a sample that has empty documents only."""


class _Sample(NamedTuple):
    """What one place of a source has."""

    stored: int
    """Bytes on disk."""
    ids: float
    """The ids of these bytes, with the end-of-text ids between lines and rows."""
    reading: float
    """Seconds to read them."""
    encoding: float
    """Seconds to encode them."""


def estimate(
    sources: Sequence[Source], tokenizer: Tokenizer, text: TextOptions, effort: Effort = QUICK
) -> Estimate | None:
    """An estimate from samples; None if the size of a source is unknown before it is read (a pipe)."""
    if any(source.size is None for source in sources):
        return None
    total = sum(source.size or 0 for source in sources)
    found = Estimate(ids=(between := max(0, len(sources) - 1)), least_ids=between)
    for kind, group in groupby(sorted(sources, key=_kind), key=_kind):
        same = list(group)
        one = _of_ids(same) if kind[0] == "ids" else _of_texts(same, tokenizer, text, effort, total)
        found = Estimate(
            found.ids + one.ids,
            found.least_ids + one.least_ids,
            found.seconds + one.seconds,
            max(found.longest, one.longest),
        )
    return found


def _kind(source: Source) -> tuple[str, str]:
    """Sources of one kind have about the same number of ids per byte on disk."""
    return source.kind, source.path.lower().rpartition(".")[2] if source.is_compressed else ""


def _of_ids(sources: Sequence[Source]) -> Estimate:
    """The ids of files of ids are known; copying them takes hardly any time."""
    from gptprep.tokens.id_file import open_ids

    n_ids = 0
    for source in sources:
        with open_ids(source) as file:
            n_ids += len(file)
    return Estimate(n_ids, n_ids)


def _of_texts(
    sources: Sequence[Source], tokenizer: Tokenizer, text: TextOptions, effort: Effort, total: int
) -> Estimate:
    """The estimate for sources of one kind; `total` is the size of all sources."""
    ranges = [
        one
        for one in plan_ranges(sources, text, _RANGE_BYTES, has_split_points=tokenizer.split_points.exist)
        if one.range_bytes
    ]
    engine = ReferenceFirst(tokenizer, reference_bytes(sources, tokenizer), as_they_are)
    with suppress(GptprepError):  # a vocabulary need not have these words
        engine.encode_array(_WARM_UP)
    samples, places = list[_Sample](), list(_places(ranges))
    for place in places:
        try:
            encoding = _Encoding(engine, effort.of_one(len(places)), QUICK.of_one(len(places)))
            samples.append(_sample(place, text, tokenizer.split_points.first, encoding))
        except (GptprepError, OSError):  # the run itself says where
            continue
    samples = [sample for sample in samples if sample.stored]
    if not samples:
        return Estimate()
    size, stored = sum(one.range_bytes for one in ranges), sum(sample.stored for sample in samples)
    reading = _median([sample.reading / sample.stored for sample in samples])
    seconds = reading + _median([sample.encoding / sample.stored for sample in samples])
    in_one_task = (
        one.range_bytes * (reading if is_stream(one, text, total, tokenizer.split_points.exist) else seconds)
        for one in ranges
    )
    least = 0 if is_compact(sources[0]) else min(sample.ids / sample.stored for sample in samples)
    return Estimate(
        ids=round(size * sum(sample.ids for sample in samples) / stored),
        least_ids=int(size * least),
        seconds=size * seconds,
        longest=max(in_one_task),
    )


def _places(ranges: Sequence[Source]) -> Iterator[Source]:
    """All ranges if there is little text, otherwise the first one and others at equal distances."""
    size, start, wanted = sum(one.range_bytes for one in ranges), 0, 0
    if size <= _LITTLE_BYTES and len(ranges) <= _FEW:
        yield from ranges
        return
    for one in ranges:
        start += one.range_bytes
        if start * _PLACES > size * wanted:
            yield one
            wanted = start * _PLACES // size + 1


def _sample(
    place: Source, text: TextOptions, first_split_point: FirstSplitPoint, encoding: "_Encoding"
) -> _Sample:
    """Read a few blocks from the start of a range on, and encode some of their text.

    Raises:
        GptprepError: they cannot be read or encoded.
    """
    source = exact_range(place._replace(stop=None), text, first_split_point)
    most, reads = (_COMPACT_BLOCKS if is_compact(source) else 1), list[int]()

    stored, n_text, n_ends, started, counts = 0, 0, 0, time.process_time(), ReadCounts()

    def on_read(n_bytes: int) -> None:
        if n_bytes:
            reads.append(n_bytes)
        if len(reads) > most and counts.empty and not n_text:
            raise _NoTextError

    has_lines = source.has_lines or text.separator is not None
    with suppress(_NoTextError):
        for read in read_batches(source, text, _anywhere, counts, on_read=on_read):
            is_whole = n_text > most * BLOCK_BYTES if source.kind == "parquet" else len(reads) > most
            if is_whole and n_text:  # the text is of a block that is not part of the sample
                break
            stored = sum(reads)
            texts = read.texts if isinstance(read, Batch) else [read.text]
            n_text += sum(map(len, texts))
            n_ends += has_lines and (len(texts) if isinstance(read, Batch) else read.last)
            encoding.add(texts, n_text / (most * BLOCK_BYTES))
    stored = stored or sum(reads)
    reading, share = time.process_time() - started - encoding.seconds, n_text / max(1, encoding.bytes)
    return _Sample(stored, encoding.ids * share + n_ends, reading, n_text * encoding.seconds_per_byte())


def _median(numbers: list[float]) -> float:
    return sorted(numbers)[len(numbers) // 2] if numbers else 0.0


def _anywhere(text: bytearray, _start: int) -> int:
    """A split point for samples, which need not give exact ids."""
    return len(text)


class _Encoding:
    """Encodes some of the text of a sample and takes the time.

    Args:
        effort: for all of the sample.
        least: what is encoded however long it takes.
    """

    def __init__(self, engine: Encodes[Sized], effort: Effort, least: Effort) -> None:
        self._engine, self._effort, self._least = engine, effort, least
        self.bytes = self.ids = 0
        self.seconds, self._rates = 0.0, list[float]()

    def add(self, texts: Sequence[bytes], share: float) -> None:
        """Encode some of a chunk or of documents, evenly distributed over it.

        Args:
            share: how much of the sample is read with it.
        """
        size = sum(map(len, texts))
        steps = self._effort.steps if self.seconds < self._effort.seconds else self._least.steps
        wanted = int(min(1.0, share) * steps * _STEP_BYTES) or size
        n_left = -(-min(wanted - self.bytes, size) // _STEP_BYTES)
        for number in range(n_left):
            if len(texts) == 1:
                start, stop = number * size // n_left, (number + 1) * size // n_left
                self._encode(
                    [texts[0][start : min(start + _STEP_BYTES, stop)].decode(errors="ignore").encode()]
                )
            else:
                start, stop = number * len(texts) // n_left, (number + 1) * len(texts) // n_left
                most = max(1, len(texts) * _STEP_BYTES // size)
                self._encode(texts[start : min(start + most, stop)])

    def _encode(self, texts: Sequence[bytes]) -> None:
        started = time.process_time()
        encoded = self._engine.encode_documents(texts) if len(texts) > 1 else None
        if encoded is None:
            self.ids += sum(len(self._engine.encode_array(text)) for text in texts)
        else:
            self.ids += len(encoded.ids) - len(encoded.ends)
        took, size = time.process_time() - started, sum(map(len, texts))
        self.seconds += took
        self.bytes += size
        self._rates.append(took / max(1, size))

    def seconds_per_byte(self) -> float:
        """The median of all steps: an engine is slow until it has met the words of a text."""
        return _median(self._rates)
