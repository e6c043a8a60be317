"""About how many ids sources have and how long it takes to encode them, measured on samples.

Samples are read and encoded as the run does it: decompressed, and only the text of JSON Lines and tables.
They are taken from several sources, and from several places of those that can be divided.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

from gptprep.corpus.blocks import BLOCK_BYTES
from gptprep.corpus.chunks import read_chunks
from gptprep.corpus.documents import ReadCounts
from gptprep.corpus.ranges import exact_range, plan_ranges
from gptprep.corpus.sources import Source, is_compact
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError
from gptprep.tokenizers import Tokenizer
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
    """For the task that takes the longest: a compressed source is one task."""


class _Sample(NamedTuple):
    """What one place of a source has."""

    stored: int
    """Bytes on disk."""
    ids: float
    """The ids of these bytes, with the end-of-text ids between lines and rows."""
    seconds: float
    """To read and encode them."""


def estimate(
    sources: Sequence[Source], tokenizer: Tokenizer, text: TextOptions, effort: Effort = QUICK
) -> Estimate | None:
    """An estimate from samples; None if the size of a source is unknown before it is read (a pipe)."""
    if any(source.size is None for source in sources):
        return None
    found = Estimate(ids=(between := max(0, len(sources) - 1)), least_ids=between)
    for kind, group in groupby(sorted(sources, key=_kind), key=_kind):
        same = list(group)
        one = _of_ids(same) if kind[0] == "ids" else _of_texts(same, tokenizer, text, effort)
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


def _of_texts(sources: Sequence[Source], tokenizer: Tokenizer, text: TextOptions, effort: Effort) -> Estimate:
    ranges = [
        one
        for one in plan_ranges(sources, text, _RANGE_BYTES, has_split_points=tokenizer.split_points.exist)
        if _size(one)
    ]
    with suppress(GptprepError):  # a vocabulary need not have these words
        tokenizer.encode_array(_WARM_UP)
    samples, places = list[_Sample](), list(_places(ranges))
    for place in places:
        try:
            encoding = _Encoding(tokenizer, effort.of_one(len(places)), QUICK.of_one(len(places)))
            samples.append(_sample(place, text, encoding))
        except (GptprepError, OSError):  # the run itself says where
            continue
    samples = [sample for sample in samples if sample.stored]
    if not samples:
        return Estimate()
    size, stored = sum(map(_size, ranges)), sum(sample.stored for sample in samples)
    seconds = _median([sample.seconds / sample.stored for sample in samples])
    least = 0 if is_compact(sources[0]) else min(sample.ids / sample.stored for sample in samples)
    return Estimate(
        ids=round(size * sum(sample.ids for sample in samples) / stored),
        least_ids=int(size * least),
        seconds=size * seconds,
        longest=max(map(_size, ranges)) * seconds,
    )


def _places(ranges: Sequence[Source]) -> Iterator[Source]:
    """All ranges if there is little text, otherwise the first one and others at equal distances."""
    size, start, wanted = sum(map(_size, ranges)), 0, 0
    if size <= _LITTLE_BYTES and len(ranges) <= _FEW:
        yield from ranges
        return
    for one in ranges:
        start += _size(one)
        if start * _PLACES > size * wanted:
            yield one
            wanted = start * _PLACES // size + 1


def _size(byte_range: Source) -> int:
    stop = byte_range.size if byte_range.stop is None else byte_range.stop
    return (stop or 0) - byte_range.start


def _sample(place: Source, text: TextOptions, encoding: "_Encoding") -> _Sample:
    """Read a few blocks from the start of a range on, and encode some of their text.

    Raises:
        GptprepError: they cannot be read or encoded.
    """
    source = exact_range(place._replace(stop=None), text, encoding.tokenizer.split_points.first)
    most, reads = (_COMPACT_BLOCKS if is_compact(source) else 1), list[int]()

    def on_read(n_bytes: int) -> None:
        if n_bytes:
            reads.append(n_bytes)

    has_lines = source.has_lines or text.separator is not None
    stored, n_text, n_ends, started = 0, 0, 0, time.process_time()
    for chunk in read_chunks(source, text, _anywhere, ReadCounts(), on_read=on_read):
        is_whole = n_text > most * BLOCK_BYTES if source.kind == "parquet" else len(reads) > most
        if is_whole and n_text:  # the chunk is of a block that is not part of the sample
            break
        stored = sum(reads)
        n_text += len(chunk.text)
        n_ends += chunk.last and has_lines
        encoding.add(chunk.text, n_text / (most * BLOCK_BYTES))
    reading, share = time.process_time() - started - encoding.seconds, n_text / max(1, encoding.bytes)
    return _Sample(stored, encoding.ids * share + n_ends, reading + n_text * encoding.seconds_per_byte())


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

    def __init__(self, tokenizer: Tokenizer, effort: Effort, least: Effort) -> None:
        self.tokenizer, self._effort, self._least = tokenizer, effort, least
        self.bytes = self.ids = 0
        self.seconds, self._rates = 0.0, list[float]()

    def add(self, text: bytes, share: float) -> None:
        """Encode some of a text, evenly distributed over it, after which `share` of the sample is read."""
        steps = self._effort.steps if self.seconds < self._effort.seconds else self._least.steps
        wanted = int(min(1.0, share) * steps * _STEP_BYTES) or len(text)
        n_left = -(-min(wanted - self.bytes, len(text)) // _STEP_BYTES)
        for number in range(n_left):
            start = number * len(text) // n_left
            self._encode(text[start : min(start + _STEP_BYTES, (number + 1) * len(text) // n_left)])

    def _encode(self, text: bytes) -> None:
        step = text.decode(errors="ignore").encode()
        started = time.process_time()
        self.ids += len(self.tokenizer.encode_array(step))
        took = time.process_time() - started
        self.seconds += took
        self.bytes += len(step)
        self._rates.append(took / max(1, len(step)))

    def seconds_per_byte(self) -> float:
        """The median of all steps: an engine is slow until it has met the words of a text."""
        return _median(self._rates)
