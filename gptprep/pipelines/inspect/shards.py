"""What a shard folder holds: its numbers, and single windows as text with the files that they come from."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from gptprep.errors import GptprepError, UsageError
from gptprep.pipelines.folder_tokenizer import folder_tokenizer
from gptprep.pipelines.inspect.text import TokenView, token_views
from gptprep.shards.folder import ShardFolder, open_shards
from gptprep.shards.manifest import Manifest, SourceRecord, TokenizerRecord
from gptprep.storage.files import read_regular
from gptprep.storage.json_files import parse_json
from gptprep.storage.sealed import MANIFEST
from gptprep.tokenizers import Tokenizer
from gptprep.windows.epochs import EpochBatches, Order, check_batches, check_ranks
from gptprep.windows.shuffle import permute

_MOST_WINDOWS = 10_000
"""Windows that are shown at once: more are read with Python."""
_OPTIONS = (
    *("context_length", "stride", "boundary", "layout", "shuffle", "seed", "split_by", "val_fraction"),
    *("dtype", "special", "encoding", "errors", "text_field", "separator"),
)


_OPTION_NAMES = {
    "batch_size": "--batch-size",
    "rank": "--rank",
    "world_size": "--world-size",
    "seed": "--seed",
    "drop_last=False": "--no-drop-last",
}
"""The options that stand for arguments of `create_dataloader`."""


class SplitView(NamedTuple):
    """The numbers of a split."""

    windows: int
    ids: int
    padding: int
    dropped_tail: int
    dropped_gaps: int
    files: int
    bytes: int


@dataclass(frozen=True)
class ShardsReport:
    """What a shard folder says of itself."""

    path: str
    bytes: int
    """Of all files that the manifest names."""
    tokenizer: TokenizerRecord
    tokenizer_file: str | None
    options: dict[str, Any]
    """Those of `window` that made it."""
    documents: int
    ids: int
    splits: dict[str, SplitView]
    n_sources: int
    sources: tuple[SourceRecord, ...]
    """Those with the most ids."""


@dataclass(frozen=True)
class WindowView:
    """One window as text."""

    split: str
    number: int
    """As the data loader counts."""
    text_number: int
    """In text order; another one if the windows are shuffled."""
    sources: tuple[str, ...]
    """Where its inputs come from; none in version 3 of the format."""
    length: int
    """How many inputs are not padding."""
    inputs: tuple[TokenView, ...]
    targets: tuple[TokenView, ...]


class StepView(NamedTuple):
    """A batch of a training run."""

    step: int
    """Batches before it, of all epochs."""
    epoch: int
    batch: int
    """Batches before it in its epoch."""
    batches: int
    """Of each epoch."""


@dataclass(frozen=True)
class WindowsReport:
    """Some windows of a split."""

    path: str
    split: str
    n_windows: int
    """Of the split."""
    tokenizer: str
    note: str
    """Why tokens are not shown as text, or nothing."""
    step: StepView | None
    windows: tuple[WindowView, ...]


@dataclass(frozen=True)
class StepOptions:
    """A batch of a training run, by what was given to `create_dataloader`."""

    step: int
    batch_size: int = 4
    seed: int | None = None
    shuffle: bool = True
    drop_last: bool = True
    rank: int = 0
    world_size: int = 1


@dataclass(frozen=True)
class WindowsOptions:
    """Which windows to show: `windows`, some random ones, or those of a step; otherwise the first `first`."""

    path: str
    split: str | None = None
    """None for train, or the only split."""
    windows: str | None = None
    """A number, or first and last as 5..9."""
    random: int | None = None
    """How many, chosen by `seed`."""
    seed: int | None = None
    step: StepOptions | None = None
    first: int = 1
    tokenizer: str | None = None
    """None for the one that made the shards."""


def inspect_shards(path: str, split: str | None = None, top: int = 5) -> ShardsReport:
    """The numbers of a shard folder; nothing but the manifest is read.

    Args:
        split: one that it must have.
        top: how many sources are reported.

    Raises:
        UsageError: there is no such split.
        GptprepError: it is not a shard folder.
        CorruptDataError: its manifest is damaged.
    """
    folder = open_shards(path)
    if split is not None:
        folder.require_split(split)
    manifest = folder.manifest
    stored = manifest.tokenizer_file
    splits = {name: _split_view(path, manifest, name) for name in manifest.splits}
    largest = sorted(manifest.sources, key=lambda source: -source.ids)[:top]
    n_bytes = sum(split.bytes for split in splits.values()) + (stored.bytes if stored else 0)
    return ShardsReport(
        path=path,
        bytes=n_bytes,
        tokenizer=manifest.tokenizer,
        tokenizer_file=stored.file if stored else None,
        options={name: getattr(manifest, name) for name in _OPTIONS},
        documents=manifest.documents,
        ids=manifest.ids,
        splits=splits,
        n_sources=len(manifest.sources),
        sources=tuple(largest),
    )


def _split_view(path: str, manifest: Manifest, name: str) -> SplitView:
    split = manifest.splits[name]
    files = [array.file for shard in (*split.shards, *split.table) for array in shard.files.values()]
    n_bytes = 0
    for file in files:
        with suppress(OSError):  # `verify` says what is missing
            n_bytes += os.path.getsize(os.path.join(path, file))
    unused = split.dropped
    return SplitView(split.windows, split.ids, split.padding, unused.tail, unused.gaps, len(files), n_bytes)


def inspect_windows(options: WindowsOptions) -> WindowsReport:
    """Some windows as text.

    Raises:
        UsageError: there is no such split, window or step.
        GptprepError: the folder or the tokenizer cannot be used.
        CorruptDataError: a file is not what the manifest says.
    """
    folder = open_shards(options.path)
    manifest = folder.manifest
    split = options.split or ("train" if "train" in manifest.splits else next(iter(manifest.splits)))
    folder.require_split(split)
    n_windows = manifest.splits[split].windows
    step, numbers = _chosen(options, split, n_windows)
    tokenizer, note = _tokenizer(folder, options.tokenizer)
    windows = _views(folder, split, numbers, tokenizer)
    return WindowsReport(options.path, split, n_windows, manifest.tokenizer.name, note, step, windows)


def _chosen(options: WindowsOptions, split: str, n_windows: int) -> tuple[StepView | None, list[int]]:
    """The step, if one is asked for, and the numbers of the windows."""
    if options.step is not None:
        return _of_step(options.step, f"{split} of {options.path}", n_windows)
    if options.windows is not None:
        return None, _parsed_range(options.windows, split, n_windows)
    if options.random is None:
        return None, list(range(min(options.first, n_windows)))
    if not 1 <= options.random <= _MOST_WINDOWS:
        raise UsageError(f"--random is {options.random}", fix=f"give 1 to {_MOST_WINDOWS:,}")
    seed = options.seed or 0
    if not 0 <= seed < 1 << 64:
        raise UsageError(f"--seed is {seed}", fix="give a number of at least 0 and below 2**64")
    count = min(options.random, n_windows)
    return None, permute(np.arange(count), n_windows, seed).tolist() if count else []


def _parsed_range(text: str, split: str, n_windows: int) -> list[int]:
    """The numbers of `5` or `5..9`, both ends included."""
    first, dots, last = text.partition("..")
    parts = [first, last] if dots else [first]
    if not all(part.isascii() and part.isdecimal() and len(part) < 30 for part in parts):
        raise UsageError(f"--window is {text[:40]!r}", fix="give a number such as 5, or a range such as 5..9")
    start, stop = int(first), int(last if dots else first)
    if start > stop or stop >= n_windows:
        outside = start if start >= n_windows else stop
        why = f"{split} has the windows 0 to {n_windows - 1}" if n_windows else f"{split} has none"
        if start > stop:
            raise UsageError(
                f"--window is {text}", "the first number is the larger one", f"give {stop}..{start}"
            )
        raise UsageError(f"there is no window {outside}", why, f"give 0 to {n_windows - 1}")
    if stop - start >= _MOST_WINDOWS:
        what, why = f"--window {text} is too many", f"at most {_MOST_WINDOWS:,} are shown"
        raise UsageError(what, why, f"give {start}..{start + _MOST_WINDOWS - 1}")
    return list(range(start, stop + 1))


def _of_step(options: StepOptions, windows: str, n_windows: int) -> tuple[StepView, list[int]]:
    if options.step < 0 or options.step >= 1 << 62:
        raise UsageError(f"--step is {options.step}", fix="give 0 or more; steps are counted from 0")
    if options.shuffle and options.seed is None:
        what, why = "the order of the windows is not known", "without a seed it comes from torch's own state"
        raise UsageError(what, why, "give the --seed of create_dataloader, or --no-shuffle")
    order = Order(options.shuffle, options.seed, options.drop_last, options.world_size)
    check_ranks(options.batch_size, options.seed, options.rank, options.world_size, _OPTION_NAMES.__getitem__)
    check_batches(n_windows, options.batch_size, order, windows, _OPTION_NAMES.__getitem__)
    batches = EpochBatches(n_windows, options.batch_size, order, options.rank)
    epoch, batch, numbers = batches.of_step(options.step)
    return StepView(options.step, epoch, batch, len(batches)), numbers.tolist()


def _tokenizer(folder: ShardFolder, name: str | None) -> tuple[Tokenizer | None, str]:
    """The tokenizer of the shards, and why it cannot be used if none was named."""
    try:
        return folder_tokenizer(folder, name), ""
    except GptprepError as error:
        if name is not None:
            raise
        return None, "; ".join(filter(None, [error.what, error.why, "give --tokenizer to see text"]))


def _views(
    folder: ShardFolder, split: str, numbers: Sequence[int], tokenizer: Tokenizer | None
) -> tuple[WindowView, ...]:
    reader, manifest = folder.windows(split), folder.manifest
    wanted = np.array(numbers, np.int64)
    in_text = permute(wanted, len(reader), manifest.seed) if manifest.shuffle and len(wanted) else wanted
    found = reader.take(wanted)
    views = cache(lambda token_id: token_views([token_id], tokenizer)[0])
    sources = _SourceFinder(manifest, split)
    return tuple(
        WindowView(
            split=split,
            number=number,
            text_number=int(text_number),
            sources=sources.of(int(text_number)),
            length=int(length),
            inputs=tuple(map(views, inputs.tolist())),
            targets=tuple(map(views, targets.tolist())),
        )
        for number, text_number, inputs, targets, length in zip(
            numbers, in_text, found.inputs, found.targets, found.lengths, strict=True
        )
    )


class _SourceFinder:
    """Finds the sources of a window by its number in text order."""

    def __init__(self, manifest: Manifest, split: str) -> None:
        self._manifest = manifest
        self._sources = [source for source in manifest.sources if split in source.splits]
        shares = [source.splits[split] for source in self._sources]
        self._id_stops = np.cumsum([share.ids for share in shares])
        self._window_stops = np.cumsum([share.windows for share in shares])

    def of(self, number: int) -> tuple[str, ...]:
        """The sources that its inputs come from."""
        if not self._sources:
            return ()
        first = last = int(np.searchsorted(self._window_stops, number, "right"))
        if not self._manifest.window_format.has_lengths:
            last_id = number * self._manifest.stride + self._manifest.context_length - 1
            last = int(np.searchsorted(self._id_stops, last_id, "right"))
        return tuple(source.path for source in self._sources[first : last + 1])


def readable_entries(path: str) -> dict[str, Any]:
    """What can still be read in a damaged manifest: its plain entries, and the splits' numbers."""
    found: dict[str, Any] = {}
    with suppress(GptprepError, OSError):
        manifest = os.path.join(path, MANIFEST)
        value = parse_json(read_regular(manifest), manifest)
        if isinstance(value, dict):
            found = {key: item for key, item in value.items() if isinstance(item, str | int | bool)}
            splits = value.get("splits")
            for name, split in splits.items() if isinstance(splits, dict) else ():
                if isinstance(split, dict):
                    found[f"{name} windows"], found[f"{name} ids"] = split.get("windows"), split.get("ids")
    return found
