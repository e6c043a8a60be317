"""Receipts: JSON files beside the parts, which let a later run use a part that is already there.

A receipt is written when its part is complete. It has a fingerprint of the inputs, the options and the
tokenizer, and checksums of the part. If the fingerprint or a checksum differs, the part is written again.
"""

import hashlib
import os
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from gptprep.corpus.sources import Source
from gptprep.errors import GptprepError
from gptprep.storage import npy
from gptprep.storage.files import read_regular, unique_name
from gptprep.storage.json_files import json_bytes, parse_json
from gptprep.storage.sealed import check_seal, sealed_json
from gptprep.storage.workdir import remove
from gptprep.tokens.counts import SourceCounts
from gptprep.units import MIB

_VERSION = 5
PART_ENDING = ".npy"
"""Of the file of a part. The shards of the layout `tokens` are such files, too."""


class Part(NamedTuple):
    """A file of ids that one task wrote, a flat `.npy`."""

    path: str
    ids: int
    documents: int
    """Documents that end in this part."""
    counts: tuple[SourceCounts, ...]
    """What was read of each byte range of the task."""
    owners: tuple[int, ...]
    """The number of the source that each byte range belongs to."""
    range_ids: tuple[int, ...]
    """The ids of each byte range, with the end-of-text ids that were added."""
    cross_checked: int
    """Bytes whose ids were compared with the reference."""
    adds_eot: bool
    """Whether its last id is an end-of-text id that was added."""
    by_reference: bool
    """Whether the reference encoded all of its text."""
    resumed: bool = False
    """Whether an earlier run wrote it."""


def ends_path(part_path: str) -> str:
    """The file of the document ends of a part: uint64, in ids from the start of the part."""
    return part_path.removesuffix(PART_ENDING) + ".ends"


def receipt_path(part_path: str) -> str:
    """The receipt of a part."""
    return part_path.removesuffix(PART_ENDING) + ".json"


def write(sources: Sequence[Source], settings: Sequence[Any], part: Part, checksums: tuple[int, int]) -> None:
    """Write the receipt of a complete part, unless a source cannot be read again (a pipe).

    Args:
        checksums: the CRC-32 of the ids and that of the document ends: a power failure can truncate files
            that are not flushed.
    """
    if (fingerprint := _fingerprint(sources, settings)) is None:
        return
    value = {"fingerprint": fingerprint, "checksums": checksums, **part._asdict()}
    temporary = unique_name(receipt_path(part.path))
    with open(temporary, "wb") as file:
        file.write(sealed_json(value))
    os.replace(temporary, receipt_path(part.path))


def read(
    part_path: str,
    sources: Sequence[Source],
    settings: Sequence[Any],
    owners: tuple[int, ...],
    dtype: np.dtype[Any],
) -> Part | None:
    """The part of an earlier run, if this run can use it; otherwise None.

    Args:
        settings: everything else that the ids depend on.
        dtype: that of the ids.
    """
    with suppress(GptprepError, OSError, KeyError, TypeError):
        data = read_regular(receipt_path(part_path))
        check_seal(data, part_path)
        value: dict[str, Any] = parse_json(data, part_path)
        fingerprint = _fingerprint(sources, settings)
        if fingerprint is None or value["fingerprint"] != fingerprint:
            return None
        numbers = [value[name] for name in ("ids", "documents", "cross_checked")]
        flags = [value[name] for name in ("adds_eot", "by_reference")]
        if any(type(n) is not int for n in numbers) or any(type(flag) is not bool for flag in flags):
            return None
        header = npy.header((value["ids"],), dtype)
        if os.path.getsize(part_path) != len(header) + value["ids"] * dtype.itemsize:
            return None
        if value["checksums"] != _checksums(part_path, header):
            return None
        counts = tuple(SourceCounts(**count) for count in value["counts"])
        range_ids = tuple(value["range_ids"])
        n_ids, documents, cross_checked = numbers
        if sum(range_ids) != n_ids or len(range_ids) != len(owners):
            return None
        part = Part(part_path, n_ids, documents, counts, owners, range_ids, cross_checked, *flags)
        return part._replace(resumed=True)
    return None


def any_in(folder: str) -> bool:
    """Whether a folder has the receipt of any part."""
    return os.path.isdir(folder) and any(name.endswith(".json") for name in os.listdir(folder))


def remove_others(folder: str, parts: Iterable[str]) -> None:
    """Remove what is in the folder and belongs to none of these parts, or is not a plain file."""
    kept = {os.path.basename(part).removesuffix(PART_ENDING) for part in parts}
    for entry in list(os.scandir(folder)):
        stem, ending = os.path.splitext(entry.name)
        if entry.is_dir(follow_symlinks=False):
            remove(entry.path)
        elif (
            {stem, stem.rpartition("-")[0]}.isdisjoint(kept)  # streams have several, with a number each
            or ending not in (PART_ENDING, ".ends", ".json")
            or not entry.is_file(follow_symlinks=False)
            or entry.stat(follow_symlinks=False).st_nlink > 1
        ):
            os.unlink(entry.path)


def _fingerprint(sources: Sequence[Source], settings: Sequence[Any]) -> str | None:
    ranges = [(source.kind, source.ids_dtype, source.start, source.stop, source.stamp) for source in sources]
    if any(source.stamp is None for source in sources):
        return None
    return hashlib.sha256(json_bytes([_VERSION, ranges, list(settings)])).hexdigest()


def _checksums(part_path: str, header: bytes) -> list[int] | None:
    """Those that `write` was given, if the files are as they were written; None if the header is another."""
    ids, ends = _checksum(part_path, header), _checksum(ends_path(part_path), b"")
    return None if ids is None or ends is None else [ids, ends]


def _checksum(path: str, header: bytes) -> int | None:
    checksum = 0
    with open(path, "rb", buffering=0) as file:
        if file.read(len(header)) != header:
            return None
        while block := file.read(MIB):
            checksum = zlib.crc32(block, checksum)
    return checksum
