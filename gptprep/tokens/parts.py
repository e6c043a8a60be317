"""Phase 1 of `window` and of a large `encode`: sources to parts, files of ids that make up one stream.

The plan depends on sources and options alone, so the parts are the same for any number of workers. In its
part each document ends with the end-of-text id: it is added to those that do not have it as their last id.
The stream leaves it out after the last document if it was added. Beside its ids a part has the ends of its
documents, and a receipt with which a later run can take it as it is.
"""

import os
import zlib
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from gptprep.corpus.sources import Source, estimated_text_bytes, is_compact, stored_bytes
from gptprep.parallel import processes
from gptprep.progress import Progress, Report, SharedProgress, no_report
from gptprep.storage.files import unique_name
from gptprep.storage.workdir import remove
from gptprep.storage.writers import start_writeback
from gptprep.tokenizers import Tokenizer
from gptprep.tokens import receipts
from gptprep.tokens.counts import SourceCounts, check_not_empty
from gptprep.tokens.cross_check import CrossChecker
from gptprep.tokens.encoder import CorpusEncoder, EncodedBatch, no_end_of_text
from gptprep.tokens.id_file import IdWriter, id_dtype
from gptprep.tokens.planning import (
    Streams,
    TaskSources,
    divided_ids,
    plan_task_sources,
    read_ranges,
    remove_spools,
    usable_workers,
)
from gptprep.tokens.receipts import PART_ENDING
from gptprep.tokens.receipts import Part as Part
from gptprep.tokens.reference_first import ReferenceFirst, as_array, reference_bytes
from gptprep.tokens.spec import EncodingSpec
from gptprep.tokens.stream import TokenStream
from gptprep.units import KIB, MIB

PART_BYTES = 16 * MIB
"""Text of a part of most corpora: large enough to be worth a task, small enough to divide the work evenly."""
_MOST_PARTS = 2048
"""About how many parts a corpus of known size has at most: a folder should not have more shards."""
_TEXT_OF_ID = 4
"""Bytes of text that an id stands for, about."""
PARTS_FOLDER = "parts"
"""In OUT.partial: a run that fails keeps it for the next one."""
SHARED_SUFFIX = ".parts"
"""OUT.parts has this folder if the processes of a job array write the parts."""
_PART_IDS = 1 << 22
"""Ids of one part of most corpora, for inputs that are ids already."""


@dataclass(frozen=True)
class EncodeTask:
    """What a worker needs to write one part."""

    sources: TaskSources
    path: str
    """The file of the part."""
    spec: EncodingSpec
    identity: str
    """Of the tokenizer that the plan was made with."""
    has_receipt: bool
    """Whether to write a receipt, and to look for that of an earlier run."""
    starts_writeback: bool = False
    """Whether the system writes the part to the disk while the others are encoded: it will be flushed."""
    reference_bytes: int = 0
    """How much of the text the reference encodes."""


class EncodedCorpus(NamedTuple):
    """All parts, and what was read of each source."""

    parts: list[Part]
    n_ids: int
    """The ids of all parts, with the end-of-text id at the end of each document."""
    counts: list[SourceCounts]
    n_vocab: int
    has_eot: bool
    """Whether documents end with the end-of-text id."""

    @property
    def stream_ids(self) -> int:
        """How many ids the stream of all documents has: no end-of-text id is added to the last."""
        return self.n_ids - next((part.adds_eot for part in reversed(self.parts) if part.ids), False)

    def divided(self, n_sources: int) -> tuple[Self, Self]:
        """The corpus of the first `n_sources` sources, and that of the others; no part has both."""
        first = [part for part in self.parts if part.owners[0] < n_sources]
        return self._of_parts(first), self._of_parts(self.parts[len(first) :])

    def _of_parts(self, parts: list[Part]) -> Self:
        return self._replace(parts=parts, n_ids=sum(part.ids for part in parts))

    @property
    def cross_checked(self) -> int:
        """Bytes of text whose ids were compared with the reference."""
        return sum(part.cross_checked for part in self.parts)

    @property
    def by_reference(self) -> bool:
        """Whether the reference encoded all text."""
        return all(part.by_reference for part in self.parts)

    @property
    def resumed(self) -> int:
        """How many parts an earlier run wrote."""
        return sum(part.resumed for part in self.parts)

    def stream(self, n_ids: int) -> TokenStream:
        """The first `n_ids` ids of all parts."""
        return TokenStream([(part.path, part.ids) for part in self.parts], id_dtype(self.n_vocab), n_ids)


def plan_tasks(
    sources: Sequence[Source],
    folder: str,
    tokenizer: Tokenizer,
    spec: EncodingSpec,
    divide_at: int = 0,
) -> list[EncodeTask]:
    """Tasks in stream order; each makes a part.

    Args:
        tokenizer: the one that `spec` loads.
        divide_at: the number of a source that starts a new part.

    Raises:
        GptprepError: a file of ids cannot be read.
        CorruptDataError: a file of ids is not what its header says.
    """
    part_bytes, can_divide = text_of_part(sources, tokenizer), tokenizer.split_points.exist
    part_ids = divided_ids(ids_of_part(sources, tokenizer))
    planned = list(plan_task_sources(sources, spec.text, part_bytes, can_divide, part_ids, divide_at))
    paths = [os.path.join(folder, f"part-{number:06d}{PART_ENDING}") for number in range(len(planned))]
    has_receipt = len(planned) > 1 or any(task.is_stream for task in planned)
    n_bytes = reference_bytes(sources, tokenizer, len(planned))
    return [
        EncodeTask(*task, spec, tokenizer.identity, has_receipt, reference_bytes=n_bytes)
        for task in zip(planned, paths, strict=True)
    ]


def text_of_part(sources: Sequence[Source], tokenizer: Tokenizer) -> int:
    """Bytes of text of one part: less for a slow tokenizer, and more if there would be too many parts.

    It is doubled, so that most parts stay the same when a file is added to a large corpus.
    """
    total, size = sum(map(estimated_text_bytes, sources)), tokenizer.task_bytes(PART_BYTES)
    while total > size * _MOST_PARTS:
        size *= 2
    return size


def ids_of_part(sources: Sequence[Source], tokenizer: Tokenizer) -> int:
    """About how many ids one part has."""
    return max(_PART_IDS, text_of_part(sources, tokenizer) // _TEXT_OF_ID)


def estimated_id_bytes(sources: Sequence[Source], tokenizer: Tokenizer) -> int:
    """About how large the files of all ids are."""
    n_ids = sum(map(estimated_text_bytes, sources)) // _TEXT_OF_ID
    return n_ids * id_dtype(tokenizer.n_vocab).itemsize


def clear_others(tasks: Sequence[EncodeTask]) -> None:
    """Make the folder of the parts, and remove what is in it and belongs to none of them."""
    folder = os.path.dirname(tasks[0].path)
    os.makedirs(folder, exist_ok=True)
    receipts.remove_others(folder, [task.path for task in tasks])


def encode_parts(
    sources: Sequence[Source],
    tasks: Sequence[EncodeTask],
    workers: int,
    progress: Progress,
    divide_at: int = 0,
    on_part: Callable[[Part], None] | None = None,
) -> EncodedCorpus:
    """Write all parts, to a folder that is there.

    Args:
        divide_at: the number of a source that starts another stream.
        on_part: called with each part, in order, while workers write the ones after it.

    Raises:
        GptprepError: a source cannot be read or encoded, or there is no text; says where.
        CorruptDataError: a source is not what its format says.
    """
    tokenizer = tasks[0].spec.load_tokenizer()
    counts = [SourceCounts(path=source.name) for source in sources]
    parts: list[Part] = []
    report = SharedProgress(progress, "encoding", stored_bytes(sources), "bytes").add
    with closing(write_parts(tasks, workers, report, text_of_part(sources, tokenizer))) as written:
        for part in written:
            parts.append(part)
            for owner, count in zip(part.owners, part.counts, strict=True):
                counts[owner].add(count)
            if tokenizer.eot is None:
                for of_stream in (counts[:divide_at], counts[divide_at:]):
                    if sum(count.documents for count in of_stream) > 1:
                        raise no_end_of_text(tokenizer)
            if on_part:
                on_part(part)
    check_not_empty(sources, counts)
    n_ids = sum(part.ids for part in parts)
    return EncodedCorpus(parts, n_ids, counts, tokenizer.n_vocab, tokenizer.eot is not None)


def write_parts(
    tasks: Sequence[EncodeTask], workers: int, report: Report, part_bytes: int
) -> Generator[Part, None, None]:
    """Write the parts of some tasks of a plan, and give each, in order; raises as `encode_parts`.

    Args:
        part_bytes: that of `text_of_part`, for streams.
    """
    workers, spec = usable_workers(tasks, workers), tasks[0].spec
    spec.load_shared(workers)
    streams = Streams(spec.text, part_bytes, spec.load_tokenizer().split_points.first, _of_range)
    with streams.divided(tasks, os.path.dirname(tasks[0].path)) as divided:
        yield from processes.run_reporting(encode_part, divided, workers, report)


def _of_range(task: EncodeTask, sources: TaskSources, number: int) -> EncodeTask:
    stem = task.path.removesuffix(PART_ENDING)
    path, tokenizer = f"{stem}-{number:06d}{PART_ENDING}", task.spec.load_unchanged(task.identity)
    n_bytes = reference_bytes(sources.ranges, tokenizer)
    return replace(task, sources=sources, path=path, reference_bytes=n_bytes)


def encode_part(task: EncodeTask, report: Report = no_report) -> Part:
    """Encode the sources of one task into its part; raises as `encode_parts`."""
    tokenizer, (ranges, owners, _) = task.spec.load_unchanged(task.identity), task.sources
    # The engines give the same ids. Should one be found wrong, the other must not use its parts.
    settings = [task.identity, tokenizer.n_vocab, tokenizer.engine, task.spec.special, task.spec.text]
    dtype = id_dtype(tokenizer.n_vocab)
    if task.has_receipt and (part := receipts.read(task.path, ranges, settings, owners, dtype)):
        read = sum(
            (byte_range.size or 0) if is_compact(byte_range) else count.bytes
            for byte_range, count in zip(ranges, part.counts, strict=True)
        )
        report(read, sum(count.ids for count in part.counts), read)
        remove_spools(ranges)
        return part

    def write(exact: tuple[Source, ...]) -> tuple[Part, tuple[int, int]]:
        return _write_part(task, tokenizer, exact, report)

    part, checksums = read_ranges(ranges, task.spec.text, tokenizer.split_points.first, write)
    if task.has_receipt:
        receipts.write(ranges, settings, part, checksums)
    return part


def _write_part(
    task: EncodeTask, tokenizer: Tokenizer, ranges: tuple[Source, ...], report: Report
) -> tuple[Part, tuple[int, int]]:
    """Write the files of a part; returns it, and their checksums for its receipt.

    They get their names when they are complete: another process may write the same part.
    """
    new = unique_name(task.path)
    engine = ReferenceFirst(tokenizer, task.reference_bytes, as_array)
    cross_checker = CrossChecker(tokenizer, enabled=task.spec.cross_check, engine=engine)
    encoder = CorpusEncoder(ranges, tokenizer, task.spec.text, engine, cross_checker, report)
    end_of_text = np.array([] if tokenizer.eot is None else [tokenizer.eot], np.uint32)
    ends, document_start, adds_eot = array("Q"), 0, False
    range_ids = [0] * len(ranges)
    with open(new, "wb", buffering=64 * KIB) as file:
        writer = IdWriter(file, tokenizer.n_vocab, npy_header=True, has_checksum=task.has_receipt)
        for chunk in encoder.in_batches():
            chunk_start = len(writer)
            if isinstance(chunk, EncodedBatch):
                ends.frombytes((chunk.ends + chunk_start).astype(np.uint64).tobytes())
                writer.append(chunk.ids)
                document_start, adds_eot = len(writer), True
                range_ids[len(encoder.counts) - 1] += len(chunk.ids)
                continue
            may_hold_eot = chunk.source.kind == "ids" or encoder.counts[-1].literal_specials
            if may_hold_eot and tokenizer.eot is not None:
                ends_inside = (chunk.ids == tokenizer.eot).nonzero()[0] + len(writer) + 1
                ends.frombytes(ends_inside.astype(np.uint64).tobytes())
            writer.append(chunk.ids)
            adds_eot = False
            if chunk.last:
                if not (ends and ends[-1] == len(writer) > document_start):
                    adds_eot = tokenizer.eot is not None
                    writer.append(end_of_text)
                    ends.append(len(writer))
                document_start = len(writer)
            range_ids[len(encoder.counts) - 1] += len(writer) - chunk_start
        writer.finish()
        if task.starts_writeback:
            file.flush()
            start_writeback(file.fileno(), 0, file.tell())
    with open(new_ends := unique_name(receipts.ends_path(task.path)), "wb") as file:
        file.write(ends)
    os.replace(new_ends, receipts.ends_path(task.path))
    os.replace(new, task.path)
    counts, owners = tuple(encoder.counts), task.sources.owners
    compared = cross_checker.compared
    numbers, flags = (len(writer), len(ends)), (adds_eot, engine.by_reference)
    part = Part(task.path, *numbers, counts, owners, tuple(range_ids), compared, *flags)
    return part, (writer.checksum, zlib.crc32(ends))


@contextmanager
def kept_parts(folder: str) -> Iterator[str]:
    """The folder for the parts in a working folder. If the block fails, parts with receipts are kept."""
    parts = os.path.join(folder, PARTS_FOLDER)
    try:
        yield parts
    except BaseException:
        if not receipts.any_in(parts):
            with suppress(OSError):
                remove(parts)
        raise
