"""The manifest: the JSON that makes a folder a dataset. It is written last; no manifest, no dataset.

It holds nothing of the machine or the moment: the same input and options give the same bytes anywhere.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple, get_args

from gptprep import windows
from gptprep.errors import DamagedData, GptprepError
from gptprep.files import is_file
from gptprep.manifests import MANIFEST, is_own_folder, read_manifest_json

_LARGEST = {"uint16": (1 << 16) - 1, "uint32": (1 << 32) - 1, "int32": (1 << 31) - 1, "int64": (1 << 63) - 1}
DTYPES = tuple(_LARGEST)
STARTS_DTYPE, LENGTHS_DTYPE = "<i8", "<u4"
Boundary = Literal["stream", "document"]
Layout = Literal["pairs", "tokens"]
SplitBy = Literal["tail", "document"]
_FORMAT = "gptprep-shards"
_VERSION = 3
_SPLIT_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


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


Shard = dict[str, ArrayFile]
"""Files of as many rows, by role.

Pairs: inputs and targets (N, L), and lengths (N,) where windows do not cross documents. Tokens: tokens (n,).
"""


class Split(NamedTuple):
    """One stretch of the stream and its windows."""

    ids: int
    windows: int
    padding: int
    """Of the ids of all inputs, those that only fill up short windows."""
    dropped_tail: int
    """Ids after the last window of the stream or of a document."""
    dropped_gaps: int
    """Ids between windows, when the stride is larger than a window."""
    shards: tuple[Shard, ...]
    table: tuple[Shard, ...]
    """Of stored tokens whose windows do not cross documents: where they start, and lengths, both (N,)."""


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
    layout: str
    shuffle: bool
    seed: int
    """Of the shuffle and of the split by document."""
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
    shards = (
        shard for split in manifest["splits"].values() for shard in split["shards"] + split.get("table", [])
    )
    return [array["file"] for shard in shards for array in shard.values()]


def read_manifest(folder: str) -> Manifest:
    """Read the manifest of a shard folder that may hold anything.

    Raises:
        GptprepError: the folder has no manifest.
        DamagedData: the manifest is not whole or not as it was written, or names files outside the folder.
    """
    path = os.path.join(folder, MANIFEST)
    if not is_file(path):
        raise GptprepError(
            f"{folder} is not a shard folder",
            f"it has no {MANIFEST}" if os.path.isdir(folder) else "there is no such folder",
            "name a folder that `gptprep window` wrote",
        )
    value = read_manifest_json(folder, _FORMAT, _VERSION)
    try:
        return _parse(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedData(f"{path} is damaged", f"{type(error).__name__}: {error}") from error


_TEXTS = ("special", "encoding", "errors", "text_field", "val_fraction")
_CHOICES = {
    "boundary": get_args(Boundary),
    "layout": get_args(Layout),
    "split_by": get_args(SplitBy),
    "dtype": DTYPES,
}


def _parse(value: dict[str, Any]) -> Manifest:
    tokenizer = value["tokenizer"]
    eot, n_vocab = tokenizer["eot"], _number(tokenizer, "n_vocab", 1)
    if n_vocab - 1 > _LARGEST[_choice(value, "dtype", DTYPES)] or (eot is not None and eot >= n_vocab):
        raise ValueError(f"n_vocab is {n_vocab} and eot is {eot}")
    return Manifest(
        tokenizer=TokenizerRecord(
            _text(tokenizer, "name"),
            n_vocab,
            None if eot is None else _number(tokenizer, "eot"),
            _text(tokenizer, "fingerprint"),
        ),
        context_length=_number(value, "context_length", 1, windows.MAX_LENGTH + 1),
        stride=_number(value, "stride", 1, windows.MAX_LENGTH + 1),
        separator=None if value["separator"] is None else _text(value, "separator"),
        documents=_number(value, "documents"),
        ids=_number(value, "ids"),
        sources=tuple(
            SourceRecord(_text(source, "path"), *(_number(source, key) for key in SourceRecord._fields[1:]))
            for source in value["sources"]
        ),
        shuffle=_flag(value, "shuffle"),
        seed=_number(value, "seed", limit=1 << 64),
        splits={name: _split(name, split, value) for name, split in value["splits"].items()},
        **{key: _text(value, key) for key in _TEXTS},
        **{key: _choice(value, key, choices) for key, choices in _CHOICES.items()},
    )


def _split(name: str, value: dict[str, Any], manifest: dict[str, Any]) -> Split:
    if not _SPLIT_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a split")
    by_document, length = manifest["boundary"] == "document", _number(manifest, "context_length", 1)
    lengths: dict[str, tuple[int, ...]] = {"lengths": ()} if by_document else {}
    table: dict[str, tuple[int, ...]] = {}
    if manifest["layout"] == "pairs":
        roles = {"inputs": (length,), "targets": (length,), **lengths}
    else:
        roles = {"tokens": ()}
        table = {"starts": (), **lengths} if by_document else {}
    split = Split(
        shards=tuple(_shard(name, number, shard, roles) for number, shard in enumerate(value["shards"])),
        table=tuple(_shard(name, number, shard, table) for number, shard in enumerate(value["table"])),
        **{key: _number(value, key) for key in Split._fields[:5]},
    )
    stride = _number(manifest, "stride", 1)
    if not by_document and split.windows != windows.count(split.ids, length, stride):
        raise ValueError(f"{split.ids} ids do not give {split.windows} windows")
    if manifest["layout"] == "pairs" and _rows(split.shards) != split.windows:
        raise ValueError("the windows of the shards do not add up")
    if manifest["layout"] == "tokens" and _rows(split.shards) != split.ids:
        raise ValueError("the ids of the shards do not add up")
    if _rows(split.table) != (split.windows if table else 0):
        raise ValueError("the windows of the table do not add up")
    return split


def _rows(shards: tuple[Shard, ...]) -> int:
    return sum(next(iter(shard.values())).shape[0] for shard in shards)


def _shard(split: str, number: int, value: dict[str, Any], roles: dict[str, tuple[int, ...]]) -> Shard:
    """A shard that has just these roles, each with rows of a shape."""
    if set(value) != set(roles) or not roles:
        raise ValueError(f"a shard of {split} has {', '.join(value) or 'nothing'}")
    shard = {role: array_file(split, role, number, value[role]) for role in roles}
    n_rows = next(iter(shard.values())).shape[:1]
    for role, array in shard.items():
        if not n_rows or not n_rows[0] or array.shape != (*n_rows, *roles[role]):
            raise ValueError(f"the shape of {array.file} is {array.shape}")
    return shard


def array_file(split: str, role: str, number: int, array: dict[str, Any]) -> ArrayFile:
    """The file that a value of a manifest describes, which may hold anything.

    Raises:
        KeyError, TypeError, ValueError: it is not that of the split, role and number.
    """
    file = _text(array, "file")
    if not _SPLIT_NAME.fullmatch(split) or file != f"{split}/{role}-{number:05d}.npy":
        raise ValueError(f"{file!r} is not {split}/{role}-{number:05d}.npy")
    if not isinstance(array["shape"], list) or not all(
        type(n) is int and 0 <= n < 1 << 62 for n in array["shape"]
    ):
        raise ValueError(f"the shape of {file} is {array['shape']!r}")
    return ArrayFile(file, tuple(array["shape"]), _text(array, "sha256"))


def _number(value: dict[str, Any], key: str, least: int = 0, limit: int = 1 << 62) -> int:
    number = value[key]
    if type(number) is not int or not least <= number < limit:
        raise ValueError(f"{key} is {number!r}")
    return number


def _flag(value: dict[str, Any], key: str) -> bool:
    flag = value[key]
    if not isinstance(flag, bool):
        raise ValueError(f"{key} is {flag!r}")
    return flag


def _choice(value: dict[str, Any], key: str, choices: tuple[str, ...]) -> str:
    choice = value[key]
    if choice not in choices:
        raise ValueError(f"{key} is {choice!r}")
    return str(choice)


def _text(value: dict[str, Any], key: str) -> str:
    text = value[key]
    if not isinstance(text, str):
        raise ValueError(f"{key} is {text!r}")
    return text
