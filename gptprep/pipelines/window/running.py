"""Running a plan of `window`: phase 1, phase 2 and the manifest."""

import os
import shutil
from contextlib import nullcontext
from dataclasses import dataclass, replace

from gptprep.errors import GptprepError
from gptprep.pipelines import split_notes
from gptprep.pipelines.window import shared_parts
from gptprep.pipelines.window.options import manifest_settings
from gptprep.pipelines.window.planning import WindowPlan
from gptprep.progress import Progress, no_progress
from gptprep.shards.folder import not_only_shards
from gptprep.shards.manifest import (
    Manifest,
    SourceRecord,
    SourceShare,
    Split,
)
from gptprep.shards.write import ShardTask, plan_shards, write_shards
from gptprep.storage.files import require_free_space
from gptprep.storage.publish import publish_folder
from gptprep.storage.sealed import StoredFile, write_manifest
from gptprep.tokenizers.folder import store_tokenizer
from gptprep.tokens.counts import EncodingReport, literal_specials, totals
from gptprep.tokens.parts import (
    PARTS_FOLDER,
    EncodedCorpus,
    clear_others,
    encode_parts,
    kept_parts,
    plan_tasks,
)
from gptprep.tokens.reference_first import engine_used
from gptprep.windows.document_split import Scratch
from gptprep.windows.spec import WindowSpec
from gptprep.windows.splits import SplitPlan, plan_splits


@dataclass(frozen=True, kw_only=True)
class WindowReport(EncodingReport):
    """What was written."""

    output: str
    bytes_written: int
    parts: int
    notes: tuple[str, ...]
    """What one may not expect of the splits and windows."""
    manifest: Manifest


def run(plan: WindowPlan, progress: Progress = no_progress) -> WindowReport:
    """Write the shard folder.

    Raises:
        GptprepError: an input cannot be read or encoded or has too few ids, or the output cannot be written;
            nothing is left at the output's name.
        CorruptDataError: an input is not what its format says.
    """
    shared = shared_parts.existing(plan)
    with shared_parts.locked(plan) if shared else nullcontext():
        report = _run(plan, shared, progress)
        if shared:
            shared_parts.remove_parts(plan)
    return report


def _run(plan: WindowPlan, shared: str | None, progress: Progress) -> WindowReport:
    """Run a plan, with the parts in the folder `shared` if there is one."""
    options, spec, tokenizer = plan.options, plan.options.windows, plan.tokenizer
    with publish_folder(
        options.output, force=options.force, not_ours=not_only_shards, keep=PARTS_FOLDER
    ) as folder:
        work = os.path.join(folder, "work")
        os.mkdir(work)
        with nullcontext(shared) if shared else kept_parts(folder) as parts:
            tasks = plan_tasks(plan.sources, parts, tokenizer, options.encoding, plan.train_sources)
            if plan.keeps_parts:
                tasks = [replace(task, starts_writeback=True) for task in tasks]
            if not shared:  # another process may be writing there
                clear_others(tasks)
            encoded = encode_parts(plan.sources, tasks, plan.workers, progress, plan.train_sources)
            in_one_file = spec.shuffle and plan.layout.stores_windows
            splits = plan_splits(
                encoded,
                spec,
                Scratch(work, plan.workers, progress),
                train_sources=plan.train_sources,
                in_one_file=in_one_file,
            )
            shard_tasks = _plan_shards(plan, splits, folder)
            written = write_splits(splits, shard_tasks, plan.workers, progress)
            sources = _source_records(encoded, splits)
        shutil.rmtree(work)
        stored = store_tokenizer(tokenizer, folder)
        manifest = _manifest(plan, sources, written, stored)
        write_manifest(folder, manifest)
    return WindowReport(
        output=options.output,
        bytes_written=sum(task.n_bytes for task in shard_tasks),
        engine=engine_used(tokenizer, by_reference=encoded.by_reference),
        engine_note=tokenizer.engine_note,
        reference=tokenizer.reference,
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
        formats = plan.layout.formats(plan.windows)
        files = split.ids.files() if plan.keeps_parts else ()
        tasks += plan_shards(folder, name, formats, rows, options.shard_size, files)
    require_free_space(options.output, sum(task.n_bytes for task in tasks if not task.ready))
    return tasks


def _too_short(name: str, split: SplitPlan, spec: WindowSpec) -> GptprepError:
    """The error for a split without a window."""
    n_ids, needed = split.ids.n_ids, 2 if spec.ends_with_documents else spec.context_length + 1
    fixes = [f"--context-length {n_ids - 1} or less"] if 1 < n_ids < needed and needed > 2 else []
    fixes += ["another --val-fraction"] if spec.fraction else []
    fixes += ["another --seed"] if spec.splits_by_document else []
    has_val = spec.fraction or spec.split_by == "inputs"
    what = f"{f'the {name} split' if has_val else 'the text'} is too short for one window"
    length = f"a window of context length {spec.context_length:,}"
    why = f"it has {n_ids:,} ids, and {length} needs {needed:,}"
    return GptprepError(
        what, why, f"give {', '.join([*fixes, 'or '])}more text" if fixes else "give more text"
    )


def write_splits(
    splits: dict[str, SplitPlan], tasks: list[ShardTask], workers: int, progress: Progress
) -> dict[str, Split]:
    """Write all shards; returns what the manifest says of each split."""
    written = list(zip(tasks, write_shards(tasks, workers, progress), strict=True))
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


def _source_records(encoded: EncodedCorpus, splits: dict[str, SplitPlan]) -> tuple[SourceRecord, ...]:
    """What the manifest says of each source."""
    shares = {
        name: list(map(SourceShare, split.source_ids.tolist(), split.source_windows.tolist()))
        for name, split in splits.items()
    }
    return tuple(
        SourceRecord(
            splits={name: of_split[number] for name, of_split in shares.items() if of_split[number].ids},
            **{name: getattr(count, name) for name in SourceRecord._fields[:-1]},
        )
        for number, count in enumerate(encoded.counts)
    )


def _manifest(
    plan: WindowPlan,
    sources: tuple[SourceRecord, ...],
    splits: dict[str, Split],
    stored: StoredFile | None,
) -> Manifest:
    return Manifest(
        **manifest_settings(plan.options, plan.windows.dtype, plan.tokenizer),
        tokenizer_file=stored,
        made_from_sha256=plan.made_from_sha256,
        documents=sum(source.documents for source in sources),
        ids=sum(split.ids for split in splits.values()),
        sources=sources,
        splits=splits,
    )
