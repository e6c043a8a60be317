"""Planning `embed`: the tables, the windows and the sizes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gptprep.choices import FloatDtype, Init, Position
from gptprep.corpus.selection import one_source
from gptprep.corpus.sources import Source
from gptprep.errors import GptprepError, MissingDependencyError, UsageError
from gptprep.parallel.signals import deferred
from gptprep.parallel.workers import usable_cores
from gptprep.pipelines.embed.inputs import stamped
from gptprep.pipelines.up_to_date import compare
from gptprep.progress import Progress, no_progress
from gptprep.shards.embeddings_folder import (
    VERSION,
    not_only_embeddings,
    read_embeddings_manifest,
)
from gptprep.shards.folder import ShardFolder, open_shards
from gptprep.shards.verify import VerifyOptions, require_intact
from gptprep.shards.verify import plan as plan_verify
from gptprep.shards.verify import run as verify
from gptprep.storage.files import free_bytes, require_free_space
from gptprep.storage.publish import check_folder_output
from gptprep.storage.sealed import MANIFEST
from gptprep.storage.writers import seconds_per_byte
from gptprep.units import size

if TYPE_CHECKING:
    from gptprep.training.checkpoints import Tables

_DEFAULT_DIM = 768
"""The width of GPT-2 small."""


@dataclass(frozen=True)
class EmbedOptions:
    """What to embed and how."""

    shards: str
    output: str
    dim: int | None = None
    """None for the width of `weights`, or 768."""
    position: Position = "learned"
    init: Init | None = None
    """How random tables are made; None for "normal"."""
    seed: int = 0
    weights: str | None = None
    """A checkpoint that has the tables."""
    token_table: str | None = None
    position_table: str | None = None
    """Names of the tables in `weights`, if they are not the usual ones."""
    device: str = "auto"
    dtype: FloatDtype = "float32"
    split: str | None = None
    """None for all."""
    limit: int | None = None
    """Windows of each split; None for all."""
    batch_size: int | None = None
    force: bool = False
    if_changed: bool = False
    """Whether an output that was made from the same is left as it is, and any other of ours replaced."""


class Size(NamedTuple):
    """The sizes that determine how many bytes a run writes."""

    context_length: int
    dim: int
    table_rows: int
    """The rows of the token and the position table together."""

    def bytes(self, n_windows: int, dtype: FloatDtype) -> int:
        """The size of all files for a number of windows."""
        numbers = n_windows * self.context_length * self.dim
        return numbers * np.dtype(dtype).itemsize + self.table_rows * self.dim * 4


@dataclass(frozen=True)
class EmbedPlan:
    """What a run will read and write."""

    options: EmbedOptions
    folder: ShardFolder
    tables: Tables | None
    """Those of `options.weights`."""
    windows: dict[str, int]
    """How many of each split."""
    size: Size
    inputs: tuple[Source, ...] = ()
    """The files that are read besides the manifest of the shards, as they were before."""
    made_from_sha256: str | None = None
    """Of what the output follows from, if `if_changed`."""
    up_to_date: bool = False
    """Whether the output was made from the same; there is then no need to run the plan."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, L, D) of all windows together."""
        return sum(self.windows.values()), self.size.context_length, self.size.dim

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return self.size.bytes(self.shape[0], self.options.dtype)

    @property
    def estimated_seconds(self) -> float:
        """About how long a run takes that writes as fast as it can."""
        return self.bytes * seconds_per_byte() / usable_cores()

    def to_json(self) -> dict[str, Any]:
        """The plan as `--json` shows it."""
        options, windows = self.options, self.windows
        what = {"output": options.output, "windows": windows, "shape": self.shape, "dtype": options.dtype}
        return {**what, "bytes": self.bytes, "estimated_seconds": round(self.estimated_seconds, 1)}


def plan(options: EmbedOptions, progress: Progress = no_progress) -> EmbedPlan:
    """Check everything that can be checked before the work; loads torch only if there are `weights`.

    Raises:
        UsageError: an option gives no embeddings.
        GptprepError: the shards, the weights or the output cannot be used, the tables do not fit the shards,
            or the disk is too small.
        CorruptDataError: the manifest or the file of weights is damaged.
        MissingDependencyError: there are weights to read, and torch or safetensors is not installed.
    """
    _check_options(options)
    folder = open_shards(options.shards)
    manifest, reads = folder.manifest, filter(None, [options.shards, options.weights])
    options = replace(options, force=options.force or options.if_changed)
    check_output = partial(
        check_folder_output,
        options.output,
        force=options.force,
        not_ours=not_only_embeddings,
        inputs=list(reads),
    )
    if not options.if_changed:
        check_output()
    if options.split is not None:
        folder.require_split(options.split)
    counts = {name: split.windows for name, split in manifest.splits.items()}
    names = counts if options.split is None else [options.split]
    windows = {name: min(counts[name], options.limit or counts[name]) for name in names}
    inputs = stamped(folder, windows, options.weights)
    tables = _pretrained(options, folder, options.weights) if options.weights is not None else None
    n_vocab, dim = manifest.tokenizer.n_vocab, options.dim or _DEFAULT_DIM
    n_positions = 0 if options.position == "none" else manifest.context_length
    if tables:
        n_vocab, dim = tables.token.rows, tables.token.dim
        n_positions = tables.position.rows if tables.position else n_positions
    size = Size(manifest.context_length, dim, n_vocab + n_positions)
    plan = EmbedPlan(options, folder, tables, windows, size, inputs)
    if options.if_changed:
        made_from, up_to_date = _compare(options, progress)
        plan = replace(plan, made_from_sha256=made_from, up_to_date=up_to_date)
        if not up_to_date:
            check_output()
    if not plan.up_to_date:
        require_free_space(options.output, plan.bytes, _ways_to_save(plan))
    return plan


def _compare(options: EmbedOptions, progress: Progress) -> tuple[str, bool]:
    """As `compare`, for the manifest of the shards, which has their sha256, and the file of weights."""
    inputs = [os.path.join(options.shards, MANIFEST), *filter(None, [options.weights])]
    sources = [one_source(path) for path in inputs]
    not_settings = {"shards": "", "output": "", "weights": None, "batch_size": None}
    settings = replace(options, **not_settings, force=False, if_changed=False)  # type: ignore[arg-type]
    return compare(sources, [VERSION, settings], partial(_made_from_stored, options.output), progress)


def _made_from_stored(output: str) -> str | None:
    """The sha256 that a complete folder of embeddings keeps."""
    require_intact(verify(plan_verify(VerifyOptions(output, fast=True))))
    return read_embeddings_manifest(output).made_from_sha256


def _check_options(options: EmbedOptions) -> None:
    for name, value in (("dim", options.dim), ("limit", options.limit), ("batch-size", options.batch_size)):
        if value is not None and value < 1:
            raise UsageError(f"--{name} is {value}", fix="give 1 or more")
    if not -(1 << 63) <= options.seed < 1 << 64:
        raise UsageError(f"--seed is {options.seed}", fix="give a number of at least -2**63 and below 2**64")
    if options.weights is None and (options.token_table, options.position_table) != (None, None):
        what = "--token-table and --position-table name tables of --weights, which is not given"
        raise UsageError(what, fix="give --weights FILE too")
    what = ""
    if options.weights is not None and options.init is not None:
        what = "--init makes random tables and cannot be used with --weights"
    elif options.position_table is not None and options.position != "learned":
        what = f"--position-table cannot be used with --position {options.position}"
    if what:
        raise UsageError(what, fix="leave out one of them")


def _pretrained(options: EmbedOptions, folder: ShardFolder, path: str) -> Tables:
    """The tables in the file of weights, checked against the shards."""
    with torch_imported():
        from gptprep.training.checkpoints import find_tables

    manifest = folder.manifest
    with_position = options.position == "learned"
    tables = find_tables(path, options.token_table, options.position_table, with_position=with_position)
    token, position, n_vocab = tables.token, tables.position, manifest.tokenizer.n_vocab
    if token.rows < n_vocab:
        what = f"the token table in {path} is too small for {options.shards}"
        why = f"{token.name} has {token.rows:,} rows and the vocabulary {n_vocab:,} ids"
        raise GptprepError(what, why, "give the weights of a model with the tokenizer of the shards")
    if position and position.rows < manifest.context_length:
        what = f"the position table in {path} is too short for {options.shards}"
        length = f"the context length is {manifest.context_length:,}"
        why = f"{position.name} has {position.rows:,} rows and {length}"
        raise GptprepError(what, why, f"write the shards with --context-length {position.rows} or less")
    if options.dim not in (None, token.dim):
        what = f"--dim is {options.dim:,}, and the tables in {path} have width {token.dim:,}"
        raise GptprepError(what, fix="leave out --dim")
    return tables


def _ways_to_save(plan: EmbedPlan) -> str:
    """What to do about a disk that is too small, with the bytes that each way needs."""
    options, sizes, ways = plan.options, plan.size, []
    free, tables = free_bytes(options.output) or 0, sizes.bytes(0, options.dtype)
    if tables > free:
        return "give another disk" if plan.tables else "give a smaller --dim or another disk"
    if options.dtype != "float16":
        ways.append(f"--dtype float16 ({size(sizes.bytes(plan.shape[0], 'float16'))})")
    for name, windows in plan.windows.items() if len(plan.windows) > 1 else ():
        ways.append(f"--split {name} ({size(sizes.bytes(windows, options.dtype))})")
    window = sizes.bytes(1, options.dtype) - tables
    limit = (free - tables) // window // max(1, len(plan.windows))
    if limit > 0:
        ways.append(f"--limit {limit} (fits)")
    return f"give {', '.join(ways)} or another disk" if ways else "give another disk"


@contextmanager
def torch_imported() -> Iterator[None]:
    """For imports of torch: its C++ calls Python, and an interrupt there would end the process."""
    try:
        with deferred():
            yield
    except ImportError as error:
        what, why = "embed needs torch and safetensors", f"{error.name or error} is not installed"
        raise MissingDependencyError(what, why, "pip install torch safetensors") from error
