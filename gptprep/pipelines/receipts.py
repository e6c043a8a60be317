"""Receipts: what lets a run take the parts that an earlier one wrote before it was killed.

A receipt is written when its part is whole. It names the inputs as they were, how they were encoded, and the
check sums of the part: a part whose input, options or tokenizer have changed is written again, and so is one
of which the disk has lost something.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gptprep.corpus import Source
from gptprep.errors import GptprepError
from gptprep.files import json_bytes, parse_json, read_regular
from gptprep.leftovers import remove
from gptprep.manifests import check_seal, sealed_json

if TYPE_CHECKING:
    from gptprep.pipelines.parts import Part

_VERSION = 1
_BLOCK = 1 << 20


def path_of(part: str) -> str:
    """The receipt of a part."""
    return part.removesuffix(".bin") + ".json"


def write(part_path: str, sources: Sequence[Source], how: Sequence[Any], part: Part) -> None:
    """Leave the receipt of a part that is whole; there is none for what cannot be known again, as a pipe."""
    if (fingerprint := _fingerprint(sources, how)) is None:
        return
    value = {"fingerprint": fingerprint, "checksums": _checksums(part_path), **part._asdict()}
    temporary = path_of(part_path) + ".new"
    with open(temporary, "wb") as file:
        file.write(sealed_json(value))
    os.replace(temporary, path_of(part_path))


def read(
    part_path: str, sources: Sequence[Source], how: Sequence[Any], id_bytes: int
) -> dict[str, Any] | None:
    """What the receipt of a part says of it, if the part is what this run would write.

    Args:
        id_bytes: the size of an id.
    """
    with suppress(GptprepError, OSError, KeyError, TypeError):
        data = read_regular(path_of(part_path))
        check_seal(data, part_path)
        value: dict[str, Any] = parse_json(data, part_path)
        fingerprint = _fingerprint(sources, how)
        if fingerprint is not None and value["fingerprint"] == fingerprint:
            numbers = [value[name] for name in ("ids", "documents", "cross_checked")]
            is_whole = value["checksums"] == _checksums(part_path) and all(type(n) is int for n in numbers)
            return value if is_whole and os.path.getsize(part_path) == value["ids"] * id_bytes else None
    return None


def left_in(folder: str) -> bool:
    """Whether the receipt of any part lies in a folder."""
    return os.path.isdir(folder) and any(name.endswith(".json") for name in os.listdir(folder))


def remove_others(folder: str, parts: Iterable[str]) -> None:
    """Remove what lies in the folder of the parts and belongs to none of these, or is no plain file."""
    kept = {os.path.basename(part).removesuffix(".bin") for part in parts}
    for entry in list(os.scandir(folder)):
        stem, ending = os.path.splitext(entry.name)
        if entry.is_dir(follow_symlinks=False):
            remove(entry.path)
        elif (
            stem not in kept
            or ending not in (".bin", ".ends", ".json")
            or not entry.is_file(follow_symlinks=False)
            or entry.stat(follow_symlinks=False).st_nlink > 1
        ):
            os.unlink(entry.path)


def _fingerprint(sources: Sequence[Source], how: Sequence[Any]) -> str | None:
    stretches = [(source.kind, source.begin, source.end, source.stamp) for source in sources]
    if any(source.stamp is None for source in sources):
        return None
    return hashlib.sha256(json_bytes([_VERSION, stretches, list(how)])).hexdigest()


def _checksums(part: str) -> list[int]:
    """Of its ids and of where its documents end: a kill loses nothing that was written, a power cut may."""
    return [_checksum(part), _checksum(part.removesuffix(".bin") + ".ends")]


def _checksum(path: str) -> int:
    checksum = 0
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum
