"""`embed`: shards to token + position embeddings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gptprep.errors import GptprepError, MissingExtra, WrongUsage
from gptprep.files import free_bytes, require_free_space, sha256_file
from gptprep.interrupts import put_off
from gptprep.manifests import MANIFEST, write_manifest
from gptprep.pipelines.embedding import make_model, overflow, table_rows, write_embeddings
from gptprep.pipelines.embeddings_folder import FORMAT, VERSION, WEIGHTS, is_embeddings_folder
from gptprep.pipelines.progress import Progress, no_progress
from gptprep.publishing import check_folder_output, publish_folder
from gptprep.shards import ArrayFile, ShardFolder, open_shards

if TYPE_CHECKING:
    from gptprep.embeddings import Init, Position
    from gptprep.weights import Tables

_DIM = 768
"""The width of GPT-2 small."""


@dataclass(frozen=True)
class EmbedOptions:
    """What to embed and how."""

    shards: str
    output: str
    dim: int | None = None
    """By default that of `weights`, or 768."""
    position: Position = "learned"
    init: Init | None = None
    """Of random tables; by default "normal"."""
    seed: int = 0
    weights: str | None = None
    """A file of tables that are there already."""
    token_table: str | None = None
    position_table: str | None = None
    """Names of the tables in `weights`, where they are not the usual ones."""
    device: str = "auto"
    dtype: Literal["float32", "float16"] = "float32"
    split: str | None = None
    """None for all."""
    limit: int | None = None
    """Windows of each split; None for all."""
    batch_size: int | None = None
    force: bool = False


@dataclass(frozen=True)
class EmbedPlan:
    """What a run will read and write; `windows` by split, `bytes` of all files to be written."""

    options: EmbedOptions
    folder: ShardFolder
    tables: Tables | None
    """Those of `options.weights`."""
    windows: dict[str, int]
    shape: tuple[int, int, int]
    """(N, L, D) of all windows together."""
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """The plan for machines."""
        return {
            "output": self.options.output,
            "windows": self.windows,
            "shape": self.shape,
            "dtype": self.options.dtype,
            "bytes": self.bytes,
        }


@dataclass(frozen=True)
class EmbedReport:
    """What was written."""

    output: str
    device: str
    windows: dict[str, int]
    shape: tuple[int, int, int]
    dtype: str
    bytes: int
    notes: tuple[str, ...]
    """What the tables of the user's had that he may not know."""


def plan_embed(options: EmbedOptions) -> EmbedPlan:
    """Check all that can be checked before the work, and compute its size; loads torch for `weights` only.

    Raises:
        WrongUsage: an option makes no embeddings.
        GptprepError: the shards, the weights or the output cannot be used, the tables do not fit the shards,
            or the disk is too small.
        DamagedData: the shard folder's manifest or the file of weights is damaged.
        MissingExtra: torch or safetensors is not installed, and there are weights to be read.
    """
    _check_options(options)
    folder = open_shards(options.shards)
    inputs = [options.shards, *([options.weights] if options.weights is not None else [])]
    check_folder_output(options.output, force=options.force, is_ours=is_embeddings_folder, inputs=inputs)
    splits = folder.manifest.splits
    if options.split is not None and options.split not in splits:
        raise WrongUsage(
            f"{options.shards} has no split {options.split!r}", fix=f"it has {', '.join(splits)}"
        )
    names = [options.split] if options.split else list(splits)
    windows = {name: min(splits[name].windows, options.limit or splits[name].windows) for name in names}
    tables = _pretrained(options, folder, options.weights) if options.weights is not None else None
    dim = tables.token.dim if tables else options.dim or _DIM
    shape = (sum(windows.values()), folder.manifest.context_length, dim)
    plan = EmbedPlan(options, folder, tables, windows, shape, 0)
    size = _size(plan, shape[0], options.dtype)
    require_free_space(options.output, size, _ways_to_save(plan))
    return replace(plan, bytes=size)


def _check_options(options: EmbedOptions) -> None:
    for name, value in (("dim", options.dim), ("limit", options.limit), ("batch-size", options.batch_size)):
        if value is not None and value < 1:
            raise WrongUsage(f"--{name} is {value}", fix="give 1 or more")
    if not -(1 << 63) <= options.seed < 1 << 64:
        raise WrongUsage(f"--seed is {options.seed}", fix="give a number of 64 bits")
    if options.weights is None and (options.token_table, options.position_table) != (None, None):
        raise WrongUsage("a table is named, but no file that has it", fix="give --weights FILE")
    if options.weights is not None and options.init is not None:
        raise WrongUsage(
            "--init is of random tables, and --weights gives others", fix="leave out one of them"
        )
    if options.position_table is not None and options.position != "learned":
        raise WrongUsage(
            f"--position-table makes no sense with --position {options.position}", fix="leave out one of them"
        )


def _pretrained(options: EmbedOptions, folder: ShardFolder, path: str) -> Tables:
    """The tables in the file of weights, checked against the shards."""
    with _torch_imported():
        from gptprep.weights import find_tables

    manifest = folder.manifest
    tables = find_tables(
        path, options.token_table, options.position_table, with_position=options.position == "learned"
    )
    if tables.token.rows < manifest.tokenizer.n_vocab:
        raise GptprepError(
            f"the token table in {path} is too small for {options.shards}",
            f"{tables.token.name} has {tables.token.rows:,} rows and the vocabulary "
            f"{manifest.tokenizer.n_vocab:,} ids",
            "give the weights of a model with the tokenizer of the shards",
        )
    if tables.position and tables.position.rows < manifest.context_length:
        raise GptprepError(
            f"the position table in {path} is too short for {options.shards}",
            f"{tables.position.name} has {tables.position.rows:,} rows and the context length is "
            f"{manifest.context_length:,}",
            f"write the shards with --context-length {tables.position.rows} or less",
        )
    if options.dim not in (None, tables.token.dim):
        raise GptprepError(
            f"--dim is {options.dim:,}, and the tables in {path} have width {tables.token.dim:,}",
            fix="leave out --dim",
        )
    return tables


def _size(plan: EmbedPlan, windows: int, dtype: str) -> int:
    """Bytes of all files for so many windows."""
    _, length, dim = plan.shape
    return (windows * length * np.dtype(dtype).itemsize + sum(table_rows(plan)) * 4) * dim


def _ways_to_save(plan: EmbedPlan) -> str:
    """What to do about a disk that is too small, with what each way needs."""
    options, ways = plan.options, []
    free = free_bytes(options.output) or 0
    if _size(plan, 0, options.dtype) > free:
        return "give another disk" if plan.tables else "give a smaller --dim or another disk"
    if options.dtype != "float16":
        ways.append(f"--dtype float16 ({_size(plan, plan.shape[0], 'float16'):,} bytes)")
    if len(plan.windows) > 1:
        ways += [
            f"--split {name} ({_size(plan, windows, options.dtype):,} bytes)"
            for name, windows in plan.windows.items()
        ]
    window = _size(plan, 1, options.dtype) - _size(plan, 0, options.dtype)
    limit = (free - _size(plan, 0, options.dtype)) // window // max(1, len(plan.windows))
    if limit > 0:
        ways.append(f"--limit {limit} (fits)")
    return f"give {', '.join(ways)} or another disk" if ways else "give another disk"


def run_embed(plan: EmbedPlan, progress: Progress = no_progress) -> EmbedReport:
    """Write the embeddings, the tables that made them, and the manifest.

    Raises:
        MissingExtra: torch or safetensors is not installed.
        GptprepError: the device or the output cannot be used; nothing is left at the output's name.
        DamagedData: a shard is not what its manifest says.
    """
    options = plan.options
    with _torch_imported():
        from gptprep.embeddings import choose_device
        from gptprep.weights import save_tables

    device = choose_device(options.device)
    with publish_folder(options.output, force=options.force, is_ours=is_embeddings_folder) as folder:
        with _device_errors(plan):
            model = make_model(plan)
            notes = (*_notes(plan), *overflow(model, options.dtype))
            saved = os.path.join(folder, WEIGHTS)
            sha256 = save_tables(model.state_dict(), saved, model.position)
            weights = {"file": WEIGHTS, "bytes": os.path.getsize(saved), "sha256": sha256}
            files = write_embeddings(plan, model.to(device), folder, progress)
        write_manifest(folder, _manifest(plan, weights, files))
    return EmbedReport(
        options.output, str(device), plan.windows, plan.shape, options.dtype, plan.bytes, notes
    )


@contextmanager
def _torch_imported() -> Iterator[None]:
    """For imports of torch, whose C++ calls back: an interrupt would end the process."""
    try:
        with put_off():
            yield
    except ImportError as error:
        raise MissingExtra(
            "embed needs torch and safetensors",
            f"{error.name or error} is not installed",
            "pip install 'gptprep[torch]'",
        ) from error


@contextmanager
def _device_errors(plan: EmbedPlan) -> Iterator[None]:
    """torch says as a RuntimeError that memory has run out, on a CPU or a GPU, and that a device fails."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        why = str(error).partition("\n")[0]
        if isinstance(error, MemoryError) or "out of memory" in why or "allocate memory" in why:
            tables = _size(plan, 0, "float32")
            raise GptprepError(
                "not enough memory",
                f"the tables take {tables:,} bytes, and batches of windows come on top",
                "give a smaller --dim or --batch-size, or another --device",
            ) from error
        raise GptprepError("cannot compute the embeddings", why, "give another --device") from error


def _notes(plan: EmbedPlan) -> Iterator[str]:
    if plan.tables is None:
        return
    for table in filter(None, (plan.tables.token, plan.tables.position)):
        if table.dtype != "float32":
            yield f"{table.name} is {table.dtype}; it was converted to float32"
    spare = plan.tables.token.rows - plan.folder.manifest.tokenizer.n_vocab
    if spare:
        yield f"{plan.tables.token.name} has {spare:,} rows more than the vocabulary has ids; none is used"


def _manifest(plan: EmbedPlan, weights: dict[str, Any], files: dict[str, list[ArrayFile]]) -> dict[str, Any]:
    options, source, tables = plan.options, plan.folder.manifest, plan.tables
    return {
        "format": FORMAT,
        "version": VERSION,
        "shards_sha256": sha256_file(os.path.join(plan.folder.path, MANIFEST)),
        "tokenizer": source.tokenizer._asdict(),
        "n_vocab": source.tokenizer.n_vocab,
        "context_length": source.context_length,
        "dim": plan.shape[2],
        "position": options.position,
        "init": None if tables else options.init or "normal",
        "seed": None if tables else options.seed,
        "pretrained": [
            {"name": table.name, "rows": table.rows, "dtype": table.dtype}
            for table in ((tables.token, tables.position) if tables else ())
            if table
        ],
        "dtype": options.dtype,
        "weights": weights,
        "splits": {
            name: {"windows": plan.windows[name], "embeddings": [array._asdict() for array in arrays]}
            for name, arrays in files.items()
        },
    }
