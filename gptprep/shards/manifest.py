"""The manifest of a shard folder, format version 4.

Version 3 has no `tokenizer_file`, no `made_from_sha256` and no `splits` of sources.

It has no times, host names or absolute paths: the same input and options give the same bytes anywhere.
"""

import re
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, get_args

import numpy as np

from gptprep.choices import Boundary, IdDtype, SplitBy
from gptprep.shards.arrays import ArrayFile, Shard, file_name
from gptprep.storage.sealed import SHARDS_FORMAT, SHARDS_VERSIONS, StoredFile, parse_tokenizer_file
from gptprep.tokens.provenance import TokenizerRecord as TokenizerRecord
from gptprep.windows.index import MAX_LENGTH, Dropped
from gptprep.windows.strided import StridedWindows

FORMAT, VERSIONS = SHARDS_FORMAT, SHARDS_VERSIONS
DTYPES = tuple(name for name in get_args(IdDtype) if name != "auto")
_SPLIT_NAME, _ROLE_NAME = re.compile(r"[A-Za-z0-9_]{1,64}"), re.compile(r"[a-z]{1,32}")


class Split(NamedTuple):
    """The ids of train or val, and its windows."""

    ids: int
    windows: int
    padding: int
    """How many inputs of all windows together are padding."""
    dropped_tail: int
    """Ids after the last window of the stream or of a document."""
    dropped_gaps: int
    """Ids between windows, if the stride is larger than a window."""
    shards: tuple[Shard, ...]
    table: tuple[Shard, ...]
    """Where each window is, if the layout needs it."""

    def series(self, name: str) -> tuple[Shard, ...]:
        """The shards of the series "shards" or "table"."""
        return self.table if name == "table" else self.shards

    @property
    def dropped(self) -> Dropped:
        """How many ids are in no window."""
        return Dropped(self.dropped_tail, self.dropped_gaps)


class SourceShare(NamedTuple):
    """What one split has of one source."""

    ids: int
    """With end-of-text ids."""
    windows: int
    """Those that start in its ids."""


class SourceRecord(NamedTuple):
    """What was read of one input; the counts are those of `SourceCounts`."""

    path: str
    bytes: int
    documents: int
    ids: int
    literal_specials: int
    empty: int
    replaced: int
    skipped: int
    splits: dict[str, SourceShare]
    """What each split has of it; nothing in version 3."""


class WindowFormat(NamedTuple):
    """The shape, dtype and padding of all windows of a folder."""

    context_length: int
    dtype: np.dtype[Any]
    """The dtype of ids."""
    has_lengths: bool
    """Whether windows may be shorter than the context length."""
    padding_id: int
    """The id that short windows are padded with."""


@dataclass(frozen=True)
class Manifest:
    """Everything about a shard folder. Lengths are in ids, `val_fraction` is as the user wrote it."""

    tokenizer: TokenizerRecord
    tokenizer_file: StoredFile | None
    """None if its name is enough."""
    context_length: int
    stride: int
    boundary: str
    layout: str
    shuffle: bool
    seed: int
    """The seed of the shuffle and of the split by document."""
    special: str
    encoding: str
    errors: str
    text_field: str
    separator: str | None
    split_by: str
    val_fraction: str
    dtype: str
    made_from_sha256: str | None
    """Of the inputs, options and tokenizer, if the run was to skip the work where they are the same."""
    documents: int
    ids: int
    sources: tuple[SourceRecord, ...]
    splits: dict[str, Split]

    def to_json(self) -> dict[str, Any]:
        """What the file holds."""
        entries = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"format": FORMAT, "version": VERSIONS[-1], **entries}

    @property
    def window_format(self) -> WindowFormat:
        """The shape, dtype and padding of all windows of a folder."""
        return window_format(self.context_length, np.dtype(self.dtype), self.boundary, self.tokenizer.eot)

    def strided_windows(self, split: Split) -> StridedWindows | None:
        """The windows that the ids of a split give; None if they depend on its documents."""
        if self.window_format.has_lengths:
            return None
        return StridedWindows(split.ids, self.context_length, self.stride)


def window_format(context_length: int, dtype: np.dtype[Any], boundary: str, eot: int | None) -> WindowFormat:
    """The format of windows; short ones are filled with the end-of-text id."""
    return WindowFormat(context_length, dtype.newbyteorder("<"), boundary == "document", eot or 0)


def named_files(manifest: Any) -> list[str]:
    """The files that the JSON of a manifest of any version names; may fail on a damaged one."""
    lists = (split["shards"] + split.get("table", []) for split in manifest["splits"].values())
    arrays = [array["file"] for shards in lists for shard in shards for array in shard.values()]
    stored = manifest.get("tokenizer_file")
    return [stored["file"], *arrays] if stored else arrays


# Reading untrusted JSON

_STRINGS = ("special", "encoding", "errors", "text_field", "val_fraction")
_CHOICES = {"boundary": get_args(Boundary), "split_by": get_args(SplitBy), "dtype": DTYPES}


def parse_manifest(value: dict[str, Any]) -> Manifest:
    """The manifest in a JSON object. What its layout says of shards is checked elsewhere.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not a manifest.
    """
    tokenizer = value["tokenizer"]
    n_vocab = _number(tokenizer, "n_vocab", 1)
    eot = None if tokenizer["eot"] is None else _number(tokenizer, "eot", limit=n_vocab)
    largest = np.iinfo(_choice(value, "dtype", DTYPES)).max
    if n_vocab - 1 > largest:
        raise ValueError(f"n_vocab is {n_vocab}, and the dtype {value['dtype']}")
    return Manifest(
        tokenizer=TokenizerRecord(
            _string(tokenizer, "name"), n_vocab, eot, _string(tokenizer, "fingerprint")
        ),
        tokenizer_file=parse_tokenizer_file(value.get("tokenizer_file")),
        context_length=_number(value, "context_length", 1, MAX_LENGTH + 1),
        stride=_number(value, "stride", 1, MAX_LENGTH + 1),
        layout=_string(value, "layout"),
        separator=_optional_string(value, "separator"),
        made_from_sha256=_optional_string(value, "made_from_sha256"),
        documents=_number(value, "documents"),
        ids=_number(value, "ids"),
        sources=tuple(_source(source) for source in value["sources"]),
        shuffle=_typed(value, "shuffle", bool),
        seed=_number(value, "seed", limit=1 << 64),
        splits={name: _split(name, split) for name, split in value["splits"].items()},
        **{key: _string(value, key) for key in _STRINGS},
        **{key: _choice(value, key, choices) for key, choices in _CHOICES.items()},
    )


def _source(value: dict[str, Any]) -> SourceRecord:
    splits = value.get("splits", {})
    return SourceRecord(
        path=_string(value, "path"),
        splits={
            name: SourceShare(_number(share, "ids"), _number(share, "windows"))
            for name, share in splits.items()
        },
        **{key: _number(value, key) for key in SourceRecord._fields[1:-1]},
    )


def _split(name: str, value: dict[str, Any]) -> Split:
    return Split(
        shards=tuple(_shard(name, number, shard) for number, shard in enumerate(value["shards"])),
        table=tuple(_shard(name, number, shard) for number, shard in enumerate(value["table"])),
        **{key: _number(value, key) for key in Split._fields[:5]},
    )


def _shard(split: str, number: int, value: dict[str, Any]) -> Shard:
    """A shard of at least one file, each with the same number of rows, which is not 0."""
    shard = Shard({role: parse_array_file(split, role, number, array) for role, array in value.items()})
    if not shard.files:
        raise ValueError(f"shard {number} of {split} has no files")
    for array in shard.files.values():
        if not array.shape or array.shape[0] != shard.rows or not shard.rows:
            raise ValueError(f"the shape of {array.file} is {array.shape}")
    return shard


def parse_array_file(split: str, role: str, number: int, array: dict[str, Any]) -> ArrayFile:
    """The file that an untrusted entry of a manifest describes.

    Raises:
        KeyError, TypeError, ValueError: it is not that of the split, role and number.
    """
    file, shape, expected = _string(array, "file"), array["shape"], file_name(split, role, number)
    if not _SPLIT_NAME.fullmatch(split) or not _ROLE_NAME.fullmatch(role) or file != expected:
        raise ValueError(f"{file!r} is not {expected}")
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 1 << 62 for n in shape):
        raise ValueError(f"the shape of {file} is {shape!r}")
    return ArrayFile(file, tuple(shape), _string(array, "sha256"))


def _number(value: dict[str, Any], key: str, least: int = 0, limit: int = 1 << 62) -> int:
    number: int = _typed(value, key, int)
    if not least <= number < limit:
        raise ValueError(f"{key} is {number}")
    return number


def _choice(value: dict[str, Any], key: str, choices: tuple[str, ...]) -> str:
    choice = _string(value, key)
    if choice not in choices:
        raise ValueError(f"{key} is {choice!r}")
    return choice


def _string(value: dict[str, Any], key: str) -> str:
    return str(_typed(value, key, str))


def _optional_string(value: dict[str, Any], key: str) -> str | None:
    return None if value.get(key) is None else _string(value, key)


def _typed(value: dict[str, Any], key: str, kind: type) -> Any:
    if type(value[key]) is not kind:
        raise ValueError(f"{key} is {value[key]!r}")
    return value[key]
