"""Phase 1 of `window` and of a large `encode`: sources to parts, files of ids that make up one stream.

The plan cuts by size alone, so the parts are the same however many workers there are. Each document is
followed by the end-of-text id in its part; the stream leaves out the last. Beside the ids a part keeps where
its documents end, and a receipt that lets a later run take it as it is.
"""

from __future__ import annotations

import os
import shutil
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from gptprep.corpus import Source, TextOptions
from gptprep.executors import local
from gptprep.pipelines import receipts
from gptprep.pipelines.encoding import (
    CorpusEncoder,
    SourceCounts,
    check_not_empty,
    no_end_of_text,
    total_bytes,
)
from gptprep.pipelines.progress import Progress, no_progress
from gptprep.pipelines.sharing import add_counts, id_stretches, read_share, shares
from gptprep.pipelines.tokenizing import shared_tokenizer
from gptprep.tokenizers import Engine, SpecialPolicy, Tokenizer
from gptprep.tokenstore import IdsFile, IdsWriter, TokenStream, id_dtype

PART_BYTES = 1 << 24
"""Text of one part: large enough to be worth a task, small enough to be shared evenly."""
KEPT = "parts"
"""The folder in OUT.partial for the parts: a run that fails leaves it to the next one."""
_PART_IDS = 1 << 22
"""Ids of one part, of inputs that are ids already."""


@dataclass(frozen=True)
class EncodeTask:
    """What a worker needs to write one part: sources or stretches of them, and how to encode them."""

    sources: tuple[Source, ...]
    owners: tuple[int, ...]
    """Which of all sources each belongs to."""
    part: str
    text: TextOptions
    tokenizer: str
    special: SpecialPolicy
    engine: Engine
    cross_check: bool
    receipt: bool
    """Whether to leave a receipt, and to look for that of an earlier run."""


class Part(NamedTuple):
    """What a worker says of the part that it wrote."""

    path: str
    ids: int
    documents: int
    """Those that end in this part."""
    counts: tuple[SourceCounts, ...]
    """Of each source or stretch of the task."""
    owners: tuple[int, ...]
    cross_checked: int
    resumed: bool = False
    """An earlier run wrote it."""

    @property
    def ends_path(self) -> str:
        """Where the documents end that end in this part, in ids from its begin: uint64."""
        return _ends_path(self.path)


def _ends_path(part: str) -> str:
    return part.removesuffix(".bin") + ".ends"


class EncodedCorpus(NamedTuple):
    """The parts, and what was read of each source."""

    parts: list[Part]
    n_ids: int
    """Of all parts, with the end-of-text id after each document."""
    counts: list[SourceCounts]
    n_vocab: int
    ends: bool
    """Whether the end-of-text id follows each document."""

    @property
    def stream_ids(self) -> int:
        """How many ids are in the stream of all documents: no end-of-text id follows the last."""
        return self.n_ids - self.ends

    @property
    def cross_checked(self) -> int:
        """Bytes of text whose ids were compared with the truth's."""
        return sum(part.cross_checked for part in self.parts)

    @property
    def resumed(self) -> int:
        """How many parts an earlier run had written."""
        return sum(part.resumed for part in self.parts)

    def stream(self, n_ids: int) -> TokenStream:
        """The first ids of all parts, one after the other."""
        return TokenStream([(part.path, part.ids) for part in self.parts], id_dtype(self.n_vocab), n_ids)


class EncodingOptions(Protocol):
    """What the options of several verbs say of how to encode."""

    @property
    def text(self) -> TextOptions: ...
    @property
    def tokenizer(self) -> str: ...
    @property
    def special(self) -> SpecialPolicy: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def cross_check(self) -> bool: ...


def plan_tasks(
    sources: Sequence[Source], folder: str, loaded: Tokenizer, options: EncodingOptions
) -> list[EncodeTask]:
    """Tasks of about `PART_BYTES` bytes each, in the order of the stream.

    Args:
        loaded: the tokenizer that the tasks will load.

    Raises:
        GptprepError: a file of ids cannot be read.
        DamagedData: a file of ids is not what its header says.
    """

    def stored_ids(source: Source) -> Iterator[Source]:
        with IdsFile(source.path, id_dtype(loaded.n_vocab)) as file:
            return id_stretches(source, len(file), _PART_IDS)

    planned = list(shares(sources, options.text, PART_BYTES, loaded.can_cut, stored_ids))
    return [
        EncodeTask(
            sources=tuple(source for _, source in share),
            owners=tuple(owner for owner, _ in share),
            part=os.path.join(folder, f"part-{number:06d}.bin"),
            text=options.text,
            tokenizer=options.tokenizer,
            special=options.special,
            engine=options.engine,
            cross_check=options.cross_check,
            receipt=len(planned) > 1,
        )
        for number, share in enumerate(planned)
    ]


def encode_parts(
    sources: Sequence[Source],
    tasks: Sequence[EncodeTask],
    tokenizer: Tokenizer,
    workers: int,
    progress: Progress,
) -> EncodedCorpus:
    """Write all parts; their ids are one stream.

    Raises:
        GptprepError: a source cannot be read or encoded, or there is no text; says where.
        DamagedData: a source is not what its format says.
    """
    if any(source.size is None for source in sources):
        workers = 1  # a pipe can be read only by the process that has it
    counts = [SourceCounts(path=source.name) for source in sources]
    parts: list[Part] = []
    total, done = total_bytes(sources), 0
    os.makedirs(os.path.dirname(tasks[0].part), exist_ok=True)
    receipts.remove_others(os.path.dirname(tasks[0].part), [task.part for task in tasks])
    one = len(tasks) == 1
    for part in [encode_part(tasks[0], progress)] if one else local.run(encode_part, tasks, workers):
        parts.append(part)
        for owner, count in zip(part.owners, part.counts, strict=True):
            add_counts(counts[owner], count)
            done += count.bytes
        if tokenizer.eot is None and sum(count.documents for count in counts) > 1:
            raise no_end_of_text(tokenizer)
        progress("encoding", done, total, "bytes")
    check_not_empty(sources, counts)
    n_ids = sum(part.ids for part in parts)
    return EncodedCorpus(parts, n_ids, counts, tokenizer.n_vocab, tokenizer.eot is not None)


def encode_part(task: EncodeTask, progress: Progress = no_progress) -> Part:
    """Encode the sources of one task into its part; raises as `encode_parts`."""
    tokenizer = shared_tokenizer(task.tokenizer, task.special, task.engine)
    # The engines give the same ids; if one is ever found not to, the other must not take over its parts.
    how = [tokenizer.fingerprint, tokenizer.n_vocab, tokenizer.engine, task.special, task.text]
    id_bytes = id_dtype(tokenizer.n_vocab).itemsize
    if task.receipt and (value := receipts.read(task.part, task.sources, how, id_bytes)):
        counts = tuple(SourceCounts(**count) for count in value["counts"])
        return Part(
            task.part, value["ids"], value["documents"], counts, task.owners, value["cross_checked"], True
        )
    with suppress(FileNotFoundError):
        os.unlink(receipts.path_of(task.part))
    part = read_share(
        task.sources,
        task.text,
        tokenizer.first_cut,
        lambda sources: _encode_part(task, tokenizer, sources, progress),
    )
    if task.receipt:
        receipts.write(task.part, task.sources, how, part)
    return part


def _encode_part(
    task: EncodeTask, tokenizer: Tokenizer, sources: tuple[Source, ...], progress: Progress
) -> Part:
    encoder = CorpusEncoder(
        sources, tokenizer, task.text, tokenizer.encode_array, progress, cross_check=task.cross_check
    )
    end_of_text = np.array([] if tokenizer.eot is None else [tokenizer.eot], np.uint32)
    ends = array("Q")
    with open(task.part, "wb", buffering=1 << 16) as file:
        writer = IdsWriter(file, tokenizer.n_vocab, npy_header=False)
        for encoded in encoder:
            may_end_within = encoded.source.kind == "ids" or encoder.counts[-1].literal_specials
            if may_end_within and tokenizer.eot is not None:
                within = (encoded.ids == tokenizer.eot).nonzero()[0] + len(writer) + 1
                ends.frombytes(within.astype(np.uint64).tobytes())
            writer.append(encoded.ids)
            if encoded.last:
                writer.append(end_of_text)
                ends.append(len(writer))
    with open(_ends_path(task.part), "wb") as file:
        file.write(ends)
    return Part(task.part, len(writer), len(ends), tuple(encoder.counts), task.owners, encoder.cross_checked)


@contextmanager
def parts_kept(folder: str) -> Iterator[str]:
    """A folder for parts, which goes if the block fails, but for parts with receipts."""
    try:
        yield folder
    except BaseException:
        if not receipts.left_in(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def kept_bytes(output: str) -> int:
    """What the parts of an earlier run to an output take up on the disk."""
    folder = os.path.join(os.path.realpath(output) + ".partial", KEPT)
    return sum(entry.stat().st_size for entry in os.scandir(folder)) if os.path.isdir(folder) else 0
