"""`window`: a corpus to sliding-window input/target shards.

Two phases: (1) workers encode the documents into parts, files of ids on disk, with the end-of-text id
between documents; (2) the lengths of the parts give every window its place, and the windows are cut from
them shard by shard.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gptprep import windows
from gptprep.corpus import Source, SourceKind, TextOptions, find_sources, read_blocks
from gptprep.errors import GptprepError, TextError, WrongUsage
from gptprep.executors.local import usable_cores
from gptprep.files import require_free_space, write_manifest
from gptprep.pipelines.encoding import SourceCounts, Totals, total_bytes, totals
from gptprep.pipelines.parts import encode_parts, plan_tasks, shared_tokenizer
from gptprep.pipelines.progress import Progress, no_progress
from gptprep.publishing import check_folder_output, publish_folder
from gptprep.shards import (
    Manifest,
    SourceRecord,
    Split,
    TokenizerRecord,
    is_shard_folder,
    rows_per_shard,
    write_split,
)
from gptprep.tokenizers import Engine, SpecialPolicy, Tokenizer
from gptprep.tokenstore import IdsFile, TokenStream, id_dtype

if TYPE_CHECKING:
    import numpy as np

_SAMPLE = 1 << 16
"""Bytes of each sampled source that the estimate encodes."""
_SAMPLED_SOURCES = 8


@dataclass(frozen=True)
class WindowOptions:
    """What to window and how. `stride` is the context length where it is None; `shard_size` is in bytes."""

    inputs: tuple[str, ...]
    output: str
    context_length: int = 1024
    stride: int | None = None
    val_fraction: str = "0"
    shard_size: int = 256_000_000
    tokenizer: str = "gpt2"
    special: SpecialPolicy = "allow"
    engine: Engine = "auto"
    cross_check: bool = True
    workers: int | None = None
    text: TextOptions = field(default_factory=TextOptions)
    stdin: SourceKind = "text"
    force: bool = False

    def step(self) -> int:
        """The stride, chosen or by default."""
        return self.context_length if self.stride is None else self.stride

    def fraction(self) -> Fraction:
        """The share of the stream that goes to val, exactly as written.

        Raises:
            WrongUsage: it is not a number of at least 0 and below 1.
        """
        decimal = re.fullmatch(r"[0-9]{0,9}\.?[0-9]{0,30}", self.val_fraction.strip())
        value = Fraction(decimal[0]) if decimal and decimal[0].strip(".") else Fraction(-1)
        if not 0 <= value < 1:
            raise WrongUsage(
                f"the val fraction is {self.val_fraction}",
                fix="give a number of at least 0 and below 1, such as 0.1",
            )
        return value


@dataclass(frozen=True)
class WindowPlan:
    """What a run will read and, from a sample, about what it will write. None: only reading tells."""

    options: WindowOptions
    sources: tuple[Source, ...]
    tokenizer: Tokenizer
    dtype: np.dtype[Any]
    workers: int
    bytes: int | None
    estimated_ids: int | None
    estimated_windows: int | None
    estimated_bytes: int | None
    """Of all shards; while it works, the stream of ids lies beside them."""

    def to_json(self) -> dict[str, Any]:
        """The plan for machines."""
        return {
            "output": self.options.output,
            "tokenizer": self.tokenizer.name,
            "context_length": self.options.context_length,
            "stride": self.options.step(),
            "dtype": self.dtype.name,
            "sources": [{"path": source.name, "bytes": source.size} for source in self.sources],
            "bytes": self.bytes,
            "estimated_ids": self.estimated_ids,
            "estimated_windows": self.estimated_windows,
            "estimated_bytes": self.estimated_bytes,
        }


@dataclass(frozen=True, kw_only=True)
class WindowReport(Totals):
    """What was written."""

    output: str
    bytes_written: int
    engine: str
    engine_note: str
    cross_checked: int
    """Bytes whose ids were compared with tiktoken's while another engine encoded."""
    manifest: Manifest

    def to_json(self) -> dict[str, Any]:
        """The report for machines, the manifest as in its file."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "manifest": self.manifest.to_json()
        }


def plan_window(options: WindowOptions) -> WindowPlan:
    """Check all that can be checked before the work, and estimate its size.

    Raises:
        WrongUsage: an option makes no windows.
        GptprepError: an input or the output cannot be used, or the disk is too small.
    """
    windows.check(options.context_length, options.step())
    options.fraction()
    sources = find_sources(options.inputs, ids=True, stdin=options.stdin)
    paths = (source.path for source in sources)
    check_folder_output(options.output, force=options.force, is_ours=is_shard_folder, inputs=paths)
    if not sources:
        raise WrongUsage("there is nothing to window", fix="name a file or a folder")
    tokenizer = shared_tokenizer(options.tokenizer, options.special, options.engine)
    dtype = id_dtype(tokenizer.n_vocab)
    rows_per_shard(options.shard_size, options.context_length, dtype)
    workers = usable_cores() if options.workers is None else options.workers
    if workers < 1:
        raise WrongUsage(f"--workers is {workers}", fix="give 1 or more")
    n_ids = _estimate_ids(sources, tokenizer, options)
    if n_ids is None:
        return WindowPlan(options, tuple(sources), tokenizer, dtype, workers, None, None, None, None)
    n_windows = _count_windows(options, _stretches(options, n_ids))
    size = 2 * n_windows * options.context_length * dtype.itemsize
    if all(source.kind in ("text", "ids") for source in sources):  # of others the sample tells too little
        require_free_space(options.output, size + n_ids * dtype.itemsize)
    return WindowPlan(
        options, tuple(sources), tokenizer, dtype, workers, total_bytes(sources), n_ids, n_windows, size
    )


def run_window(plan: WindowPlan, progress: Progress = no_progress) -> WindowReport:
    """Write the shard folder.

    Raises:
        GptprepError: an input cannot be read or encoded, gives too few ids, or the output cannot be written;
            nothing is left at the output's name.
        DamagedData: an input is not what its format says.
    """
    options = plan.options
    with publish_folder(options.output, force=options.force, is_ours=is_shard_folder) as folder:
        parts = os.path.join(folder, "parts")
        os.mkdir(parts)
        tasks = plan_tasks(
            plan.sources,
            options.text,
            parts,
            tokenizer=options.tokenizer,
            special=options.special,
            engine=options.engine,
            cross_check=options.cross_check,
        )
        encoded = encode_parts(plan.sources, tasks, plan.tokenizer, plan.workers, progress)
        splits = _write_splits(plan, encoded.stream, folder, progress)
        shutil.rmtree(parts)
        manifest = _manifest(plan, encoded.counts, len(encoded.stream), splits)
        write_manifest(folder, manifest.to_json())
    row_bytes = options.context_length * plan.dtype.itemsize
    written = sum(2 * split.windows * row_bytes for split in splits.values())
    return WindowReport(
        output=options.output,
        bytes_written=written,
        engine=plan.tokenizer.engine,
        engine_note=plan.tokenizer.engine_note,
        cross_checked=encoded.cross_checked,
        manifest=manifest,
        **totals(encoded.counts),
    )


def _write_splits(plan: WindowPlan, ids: TokenStream, folder: str, progress: Progress) -> dict[str, Split]:
    """Phase 2: the windows of each split."""
    options = plan.options
    stretches = _stretches(options, len(ids))
    _require_windows(options, stretches)
    total = _count_windows(options, stretches)
    require_free_space(options.output, 2 * total * options.context_length * plan.dtype.itemsize)
    rows = rows_per_shard(options.shard_size, options.context_length, plan.dtype)
    done = 0

    def on_rows(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        progress("writing", done, total, "windows")

    return {
        name: write_split(folder, name, ids, stretch, options.context_length, options.step(), rows, on_rows)
        for name, stretch in stretches.items()
    }


def _stretches(options: WindowOptions, n_ids: int) -> dict[str, range]:
    """The positions of the stream that belong to each split."""
    n_train = windows.split_tail(n_ids, options.fraction())
    stretches = {"train": range(n_train)}
    if options.fraction():
        stretches["val"] = range(n_train, n_ids)
    return stretches


def _count_windows(options: WindowOptions, stretches: dict[str, range]) -> int:
    return sum(
        windows.count(len(part), options.context_length, options.step()) for part in stretches.values()
    )


def _require_windows(options: WindowOptions, stretches: dict[str, range]) -> None:
    """Refuse a split that is too short for one window.

    Raises:
        GptprepError: with what it has and what it needs.
    """
    for name, stretch in stretches.items():
        if len(stretch) <= options.context_length:
            raise GptprepError(
                f"{f'the {name} split' if options.fraction() else 'the text'} is too short for one window",
                f"it has {len(stretch):,} ids, and a window of context length {options.context_length:,} "
                f"needs {options.context_length + 1:,}",
                f"give --context-length {max(1, len(stretch) - 1)} or less"
                + (", another --val-fraction" if options.fraction() else "")
                + ", or more text",
            )


def _manifest(plan: WindowPlan, counts: list[SourceCounts], n_ids: int, splits: dict[str, Split]) -> Manifest:
    options, tokenizer = plan.options, plan.tokenizer
    return Manifest(
        tokenizer=TokenizerRecord(tokenizer.name, tokenizer.n_vocab, tokenizer.eot, tokenizer.fingerprint),
        context_length=options.context_length,
        stride=options.step(),
        boundary="stream",
        special=options.special,
        encoding=options.text.encoding,
        errors=options.text.errors,
        text_field=options.text.text_field,
        separator=options.text.separator,
        split_by="tail",
        val_fraction=options.val_fraction.strip(),
        dtype=plan.dtype.name,
        documents=totals(counts)["documents"],
        ids=n_ids,
        sources=tuple(
            SourceRecord(*(getattr(count, name) for name in SourceRecord._fields)) for count in counts
        ),
        splits=splits,
    )


def _estimate_ids(sources: list[Source], tokenizer: Tokenizer, options: WindowOptions) -> int | None:
    """About how many ids the sources hold, by the first bytes of some; None where a size is not known."""
    if total_bytes(sources) is None:
        return None
    n_ids = len(sources) - 1
    for source in sources:
        if source.kind == "ids":
            with IdsFile(source.path, id_dtype(tokenizer.n_vocab)) as file:
                n_ids += len(file)
    texts = [source for source in sources if source.kind != "ids"]
    n_bytes = n_sampled = 0
    for source in texts[:: -(-len(texts) // _SAMPLED_SOURCES) or 1]:
        sample = next(read_blocks(source), b"")[:_SAMPLE]
        try:
            n_sampled += len(tokenizer.encode_array(sample.decode(options.text.encoding, "replace").encode()))
            n_bytes += len(sample)
        except (TextError, UnicodeError):  # the run itself will say where
            continue
    return n_ids + sum(source.size or 0 for source in texts) * n_sampled // max(1, n_bytes)
