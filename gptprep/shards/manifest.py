"""The manifest: the JSON that makes a folder a dataset. It is written last; no manifest, no dataset.

It holds nothing of the machine or the moment: the same input and options give the same bytes anywhere.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from gptprep.errors import DamagedData, GptprepError
from gptprep.files import MANIFEST, is_own_folder, read_json

DTYPES = ("uint16", "uint32")
_FORMAT = "gptprep-shards"
_VERSION = 1
_SPLIT_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\.npy")


class TokenizerRecord(NamedTuple):
    """Which tokenizer made the ids."""

    name: str
    n_vocab: int
    eot: int | None
    fingerprint: str


class ArrayFile(NamedTuple):
    """One `.npy` file."""

    file: str
    """Relative to the folder, with `/`."""
    shape: tuple[int, ...]
    sha256: str


class Shard(NamedTuple):
    """Windows and their targets, both (N, L)."""

    inputs: ArrayFile
    targets: ArrayFile


class Split(NamedTuple):
    """One stretch of the stream and its windows."""

    ids: int
    windows: int
    dropped_tail: int
    """Ids after the last window."""
    dropped_gaps: int
    """Ids between windows, when the stride is larger than a window."""
    shards: tuple[Shard, ...]


class SourceRecord(NamedTuple):
    """What was read of one input."""

    path: str
    bytes: int
    documents: int
    ids: int
    literal_specials: int
    empty: int
    replaced: int
    skipped: int


@dataclass(frozen=True)
class Manifest:
    """Everything about a shard folder. Lengths are in ids, `val_fraction` as the user wrote it."""

    tokenizer: TokenizerRecord
    context_length: int
    stride: int
    boundary: str
    special: str
    encoding: str
    errors: str
    text_field: str
    separator: str | None
    split_by: str
    val_fraction: str
    dtype: str
    documents: int
    ids: int
    sources: tuple[SourceRecord, ...]
    splits: dict[str, Split]

    def to_json(self) -> dict[str, Any]:
        """What the file holds, for `json_bytes`."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            **{field.name: getattr(self, field.name) for field in fields(self)},
        }


def is_shard_folder(path: str) -> bool:
    """Whether a folder is the work of `window`, of any version, and nothing else lies in it."""
    return is_own_folder(path, _FORMAT, _named_files)


def _named_files(manifest: Any) -> list[str]:
    shards = (shard for split in manifest["splits"].values() for shard in split["shards"])
    return [shard[side]["file"] for shard in shards for side in ("inputs", "targets")]


def read_manifest(folder: str) -> Manifest:
    """Read the manifest of a shard folder that may hold anything.

    Raises:
        GptprepError: the folder has no manifest.
        DamagedData: the manifest is not whole, or names files outside the folder.
    """
    path = os.path.join(folder, MANIFEST)
    if not os.path.isfile(path):
        raise GptprepError(
            f"{folder} is not a shard folder",
            f"it has no {MANIFEST}" if os.path.isdir(folder) else "there is no such folder",
            "name a folder that `gptprep window` wrote",
        )
    value = read_json(path)
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        raise DamagedData(f"{path} is not the manifest of a shard folder")
    if value.get("version") != _VERSION:
        raise DamagedData(
            f"{path} has the version {value.get('version')!r}",
            f"this gptprep reads version {_VERSION}",
            "install a newer gptprep, or write the shards again",
        )
    if value.get("dtype") not in DTYPES:
        raise DamagedData(f"{path} is damaged", f"the dtype is {value.get('dtype')!r}")
    try:
        return _parse(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedData(f"{path} is damaged", f"{type(error).__name__}: {error}") from error


_TEXTS = ("boundary", "special", "encoding", "errors", "text_field", "split_by", "val_fraction", "dtype")


def _parse(value: dict[str, Any]) -> Manifest:
    tokenizer = value["tokenizer"]
    eot = tokenizer["eot"]
    return Manifest(
        tokenizer=TokenizerRecord(
            _text(tokenizer, "name"),
            _number(tokenizer, "n_vocab", 1),
            None if eot is None else _number(tokenizer, "eot"),
            _text(tokenizer, "fingerprint"),
        ),
        context_length=_number(value, "context_length", 1),
        stride=_number(value, "stride", 1),
        separator=None if value["separator"] is None else _text(value, "separator"),
        documents=_number(value, "documents"),
        ids=_number(value, "ids"),
        sources=tuple(
            SourceRecord(_text(source, "path"), *(_number(source, key) for key in SourceRecord._fields[1:]))
            for source in value["sources"]
        ),
        splits={
            name: _split(name, split, value["context_length"]) for name, split in value["splits"].items()
        },
        **{key: _text(value, key) for key in _TEXTS},
    )


def _split(name: str, value: dict[str, Any], context_length: int) -> Split:
    if not _SPLIT_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a split")
    shards = tuple(
        Shard(_array(name, shard, "inputs"), _array(name, shard, "targets")) for shard in value["shards"]
    )
    numbers = {key: _number(value, key) for key in ("ids", "windows", "dropped_tail", "dropped_gaps")}
    split = Split(shards=shards, **numbers)
    for shard in shards:
        for array in shard:
            if len(array.shape) != 2 or array.shape[1] != context_length:
                raise ValueError(f"the shape {array.shape} of {array.file} is not (N, {context_length})")
        if shard.inputs.shape != shard.targets.shape:
            raise ValueError(f"{shard.inputs.file} and {shard.targets.file} differ in shape")
    if sum(shard.inputs.shape[0] for shard in shards) != split.windows:
        raise ValueError("the windows of the shards do not add up")
    return split


def _array(split: str, value: dict[str, Any], key: str) -> ArrayFile:
    array = value[key]
    file = _text(array, "file")
    if not file.startswith(f"{split}/") or not _FILE_NAME.fullmatch(file[len(split) + 1 :]):
        raise ValueError(f"{file!r} is not a file of the split {split}")
    if not isinstance(array["shape"], list) or not all(type(n) is int and n >= 0 for n in array["shape"]):
        raise ValueError(f"the shape of {file} is {array['shape']!r}")
    return ArrayFile(file, tuple(array["shape"]), _text(array, "sha256"))


def _number(value: dict[str, Any], key: str, least: int = 0) -> int:
    number = value[key]
    if type(number) is not int or number < least:
        raise ValueError(f"{key} is {number!r}")
    return number


def _text(value: dict[str, Any], key: str) -> str:
    text = value[key]
    if not isinstance(text, str):
        raise ValueError(f"{key} is {text!r}")
    return text
