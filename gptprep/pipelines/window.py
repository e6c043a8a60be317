"""`window`: a corpus to sliding-window input/target shards.

Two phases: (1) workers encode the documents into parts, files of ids with the end-of-text id after each
document; (2) the sizes of the parts give the place of every window, and workers write the shards. A run that
was killed continues with the parts that it had written.
"""

import os
import shutil
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gptprep.choices import DEFAULT_SHARD_BYTES, IdDtype, RawDtype, SourceKind
from gptprep.corpus.sources import FileFilter, Selection, Source, select_sources, total_bytes
from gptprep.errors import GptprepError, UsageError
from gptprep.parallel.workers import chosen_workers
from gptprep.pipelines import split_notes
from gptprep.progress import Progress, no_progress
from gptprep.shards.folder import LAYOUTS, not_only_shards
from gptprep.shards.layout import Layout
from gptprep.shards.manifest import (
    DTYPES,
    Manifest,
    SourceRecord,
    Split,
    TokenizerRecord,
    WindowFormat,
    window_format,
)
from gptprep.shards.write import ShardTask, plan_shards, write_shards
from gptprep.storage.files import require_free_space
from gptprep.storage.publish import check_folder_output, kept_bytes, publish_folder
from gptprep.storage.sealed import StoredFile, write_manifest
from gptprep.tokenizers import Tokenizer, tokenizer_files
from gptprep.tokenizers.folder import store_tokenizer
from gptprep.tokens.encoder import EncodingReport, literal_specials, totals
from gptprep.tokens.id_file import id_dtype
from gptprep.tokens.id_inputs import resolve
from gptprep.tokens.parts import PARTS_FOLDER, EncodedCorpus, encode_parts, kept_parts, plan_tasks
from gptprep.tokens.planning import estimate_ids
from gptprep.tokens.spec import EncodingSpec
from gptprep.windows.spec import WindowSpec as WindowSpec
from gptprep.windows.spec import train_ids
from gptprep.windows.splits import SplitPlan, plan_splits
from gptprep.windows.strided import count


@dataclass(frozen=True)
class WindowOptions:
    """What to window and how."""

    inputs: tuple[str, ...]
    output: str
    windows: WindowSpec = field(default_factory=WindowSpec)
    encoding: EncodingSpec = field(default_factory=EncodingSpec)
    layout: str = "pairs"
    """A name in `LAYOUTS`."""
    dtype: IdDtype = "auto"
    input_dtype: RawDtype | None = None
    """The dtype of `.bin` inputs that do not say it; None for the usual one of the vocabulary."""
    shard_size: int = DEFAULT_SHARD_BYTES
    """The largest file, in bytes."""
    stdin: SourceKind = "text"
    files: FileFilter = field(default_factory=FileFilter)
    workers: int | None = None
    """None for one on each core."""
    force: bool = False


@dataclass(frozen=True)
class WindowPlan:
    """What a run will read and, estimated from a sample, what it will write. None is unknown."""

    options: WindowOptions
    sources: tuple[Source, ...]
    selection: Selection
    tokenizer: Tokenizer
    layout: Layout
    windows: WindowFormat
    workers: int
    bytes: int | None
    estimated_ids: int | None
    estimated_windows: int | None
    notes: tuple[str, ...]
    """What one may not expect of the splits."""
    estimated_bytes: int | None
    """The size of all shards; during the run the ids need space too, twice if they are copied."""

    def to_json(self) -> dict[str, Any]:
        """The plan as `--json` shows it."""
        spec = self.options.windows
        return {
            "output": self.options.output,
            "tokenizer": self.tokenizer.name,
            "context_length": spec.context_length,
            "stride": spec.step,
            "boundary": spec.boundary,
            "layout": self.layout.name,
            "dtype": self.windows.dtype.name,
            "sources": [{"path": source.name, "bytes": source.size} for source in self.sources],
            "passed_over": self.selection.passed_over,
            "repeated": self.selection.repeated,
            "bytes": self.bytes,
            "estimated_ids": self.estimated_ids,
            "estimated_windows": self.estimated_windows,
            "estimated_bytes": self.estimated_bytes,
            "notes": self.notes,
        }


@dataclass(frozen=True, kw_only=True)
class WindowReport(EncodingReport):
    """What was written."""

    output: str
    bytes_written: int
    parts: int
    notes: tuple[str, ...]
    """What one may not expect of the splits and windows."""
    manifest: Manifest


def plan(options: WindowOptions) -> WindowPlan:
    """Check everything that can be checked before the work, and estimate its size.

    Raises:
        UsageError: an option gives no windows.
        GptprepError: an input or the output cannot be used, or the disk is too small.
    """
    spec, encoding = options.windows, options.encoding
    selection = select_sources(options.inputs, ids=True, stdin=options.stdin, file_filter=options.files)
    sources = selection.sources
    reads = [*(source.path for source in sources), *tokenizer_files(encoding.tokenizer)]
    check_folder_output(options.output, force=options.force, not_ours=not_only_shards, inputs=reads)
    if not sources:
        raise UsageError("there is nothing to window", fix="name a file or a folder")
    encoding, tokenizer, sources = resolve(encoding, sources, options.input_dtype)
    options = replace(options, encoding=encoding)
    if spec.ends_with_documents and tokenizer.eot is None:
        what = f"the tokenizer {tokenizer.name} has no end-of-text token"
        why = "--boundary document needs it to end documents and to fill up short windows"
        raise GptprepError(what, why, "build the vocabulary with <|endoftext|> (the default)")
    layout = LAYOUTS[options.layout]
    dtype = _dtype(options.dtype, tokenizer)
    windows = window_format(spec.context_length, dtype, spec.boundary, tokenizer.eot)
    for form in layout.formats(windows).values():
        form.rows_that_fit(options.shard_size)  # raises if there is no room
    workers = chosen_workers(options.workers)
    n_ids = estimate_ids(sources, tokenizer, encoding.text)
    n_windows = _estimated_windows(spec, n_ids)
    shards = layout.formats(windows)["shards"]
    n_rows = n_ids if shards.unit == "id" else n_windows
    size = None if n_rows is None else n_rows * shards.row_bytes
    if n_ids is not None and all(source.kind in ("text", "ids") for source in sources):
        part_bytes = n_ids * id_dtype(tokenizer.n_vocab).itemsize
        part_bytes -= min(part_bytes, kept_bytes(options.output, PARTS_FOLDER))
        require_free_space(options.output, (size or 0) + part_bytes)
    return WindowPlan(
        options=options,
        sources=tuple(sources),
        selection=selection,
        tokenizer=tokenizer,
        layout=layout,
        windows=windows,
        workers=workers,
        bytes=total_bytes(sources),
        estimated_ids=n_ids,
        estimated_windows=n_windows,
        notes=tuple(split_notes.before(sources, encoding.text, spec)),
        estimated_bytes=size,
    )


def _dtype(name: IdDtype, tokenizer: Tokenizer) -> np.dtype[Any]:
    if name == "auto":
        return id_dtype(tokenizer.n_vocab)
    if name not in DTYPES:
        raise UsageError(f"--dtype is {name!r}", fix=f"give auto, {', '.join(DTYPES)}")
    dtype = np.dtype(name)
    if np.iinfo(dtype).max < tokenizer.n_vocab - 1:
        what = f"{name} does not hold the ids of {tokenizer.name}"
        fix = "leave out --dtype, or give uint32, int32 or int64"
        raise UsageError(what, f"the largest is {tokenizer.n_vocab - 1:,}", fix)
    return dtype


def _estimated_windows(spec: WindowSpec, n_ids: int | None) -> int | None:
    if n_ids is None or spec.ends_with_documents:
        return None
    n_train = train_ids(n_ids, spec.fraction)
    return sum(count(n, spec.context_length, spec.step) for n in (n_train, n_ids - n_train))


def run(plan: WindowPlan, progress: Progress = no_progress) -> WindowReport:
    """Write the shard folder.

    Raises:
        GptprepError: an input cannot be read or encoded or has too few ids, or the output cannot be written;
            nothing is left at the output's name.
        CorruptDataError: an input is not what its format says.
    """
    options, spec, tokenizer = plan.options, plan.options.windows, plan.tokenizer
    with publish_folder(
        options.output, force=options.force, not_ours=not_only_shards, keep=PARTS_FOLDER
    ) as folder:
        work = os.path.join(folder, "work")
        os.mkdir(work)
        with kept_parts(folder) as parts:
            tasks = plan_tasks(plan.sources, parts, tokenizer, options.encoding)
            encoded = encode_parts(plan.sources, tasks, tokenizer, plan.workers, progress)
            in_one_file = spec.shuffle and plan.layout.stores_windows
            splits = plan_splits(encoded, spec, work, plan.workers, in_one_file=in_one_file)
            shard_tasks = _plan_shards(plan, splits, folder)
            unit = f"{shard_tasks[0].format.unit}s"
            written = write_splits(splits, shard_tasks, plan.workers, progress, unit)
        shutil.rmtree(work)
        stored = store_tokenizer(tokenizer, folder)
        manifest = _manifest(plan, encoded, written, stored)
        write_manifest(folder, manifest)
    return WindowReport(
        output=options.output,
        bytes_written=sum(task.n_bytes for task in shard_tasks),
        engine=tokenizer.engine,
        engine_note=tokenizer.engine_note,
        cross_checked=encoded.cross_checked,
        parts=len(encoded.parts),
        resumed=encoded.resumed,
        special_tokens=literal_specials(encoded.counts, tokenizer),
        notes=tuple(split_notes.after(manifest, spec)),
        manifest=manifest,
        **totals(encoded.counts, plan.selection),
    )


def _plan_shards(plan: WindowPlan, splits: dict[str, SplitPlan], folder: str) -> list[ShardTask]:
    """The shards to write.

    Raises:
        GptprepError: a split has no window, or the disk has no room for all shards.
    """
    options, tasks = plan.options, list[ShardTask]()
    if short := [(name, split) for name, split in splits.items() if not len(split.index)]:
        raise _too_short(*min(short, key=lambda item: item[1].ids.n_ids), options.windows)
    for name, split in splits.items():
        rows = plan.layout.rows(split, options.windows, plan.windows)
        tasks += plan_shards(folder, name, plan.layout.formats(plan.windows), rows, options.shard_size)
    require_free_space(options.output, sum(task.n_bytes for task in tasks))
    return tasks


def _too_short(name: str, split: SplitPlan, spec: WindowSpec) -> GptprepError:
    """The error for a split without a window."""
    n_ids, needed = split.ids.n_ids, 2 if spec.ends_with_documents else spec.context_length + 1
    fixes = [f"--context-length {n_ids - 1} or less"] if 1 < n_ids < needed and needed > 2 else []
    fixes += ["another --val-fraction"] if spec.fraction else []
    fixes += ["another --seed"] if spec.splits_by_document else []
    what = f"{f'the {name} split' if spec.fraction else 'the text'} is too short for one window"
    length = f"a window of context length {spec.context_length:,}"
    why = f"it has {n_ids:,} ids, and {length} needs {needed:,}"
    return GptprepError(
        what, why, f"give {', '.join([*fixes, 'or '])}more text" if fixes else "give more text"
    )


def write_splits(
    splits: dict[str, SplitPlan], tasks: list[ShardTask], workers: int, progress: Progress, unit: str
) -> dict[str, Split]:
    """Write all shards; returns what the manifest says of each split."""
    written = list(zip(tasks, write_shards(tasks, workers, progress, unit), strict=True))
    return {
        name: Split(
            split.ids.n_ids,
            len(split.index),
            split.index.padding,
            *split.index.dropped,
            *(
                tuple(shard for task, shard in written if (task.split, task.series) == (name, series))
                for series in ("shards", "table")
            ),
        )
        for name, split in splits.items()
    }


def _manifest(
    plan: WindowPlan, encoded: EncodedCorpus, splits: dict[str, Split], stored: StoredFile | None
) -> Manifest:
    tokenizer, spec, encoding = plan.tokenizer, plan.options.windows, plan.options.encoding
    return Manifest(
        tokenizer=TokenizerRecord.of(tokenizer),
        tokenizer_file=stored,
        context_length=spec.context_length,
        stride=spec.step,
        boundary=spec.boundary,
        layout=plan.layout.name,
        shuffle=spec.shuffle,
        seed=spec.seed,
        special=encoding.special,
        encoding=encoding.text.encoding,
        errors=encoding.text.errors,
        text_field=encoding.text.text_field,
        separator=encoding.text.separator,
        split_by=spec.split_by,
        val_fraction=spec.val_fraction.strip(),
        dtype=plan.windows.dtype.name,
        documents=sum(count.documents for count in encoded.counts),
        ids=sum(split.ids for split in splits.values()),
        sources=tuple(
            SourceRecord(*(getattr(count, name) for name in SourceRecord._fields)) for count in encoded.counts
        ),
        splits=splits,
    )
