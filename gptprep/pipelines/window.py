"""`window`: a corpus to sliding-window input/target shards.

Two phases: (1) workers encode the documents into parts, files of ids on disk, with the end-of-text id
between documents; (2) the lengths of the parts give every window its place, and workers cut the windows from
them shard by shard. A run that was killed is taken up at the parts that it had written.
"""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from gptprep.manifests import write_manifest
from gptprep.pipelines.encoding import SourceCounts, Totals, totals
from gptprep.pipelines.parts import KEPT, encode_parts, parts_kept, plan_tasks
from gptprep.pipelines.planning import WindowPlan
from gptprep.pipelines.progress import Progress, no_progress
from gptprep.pipelines.sharding import write_splits
from gptprep.pipelines.splits import plan_splits
from gptprep.publishing import publish_folder
from gptprep.shards import Manifest, SourceRecord, Split, TokenizerRecord, is_shard_folder

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class WindowReport(Totals):
    """What was written."""

    output: str
    bytes_written: int
    engine: str
    engine_note: str
    cross_checked: int
    """Bytes whose ids were compared with tiktoken's while another engine encoded."""
    parts: int
    """Pieces of the work of which each can be taken up where an earlier run was stopped."""
    resumed: int
    """Of the parts, those that an earlier run had written."""
    manifest: Manifest

    def to_json(self) -> dict[str, Any]:
        """The report for machines, the manifest as in its file."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "manifest": self.manifest.to_json()
        }


def run_window(plan: WindowPlan, progress: Progress = no_progress) -> WindowReport:
    """Write the shard folder.

    Raises:
        GptprepError: an input cannot be read or encoded, gives too few ids, or the output cannot be written;
            nothing is left at the output's name.
        DamagedData: an input is not what its format says.
    """
    options = plan.options
    with publish_folder(options.output, force=options.force, is_ours=is_shard_folder, keep=KEPT) as folder:
        work = os.path.join(folder, "work")
        os.mkdir(work)
        with parts_kept(os.path.join(folder, KEPT)) as parts:
            tasks = plan_tasks(plan.sources, parts, plan.tokenizer, options)
            encoded = encode_parts(plan.sources, tasks, plan.tokenizer, plan.workers, progress)
            splits = plan_splits(encoded, plan.tokenizer.eot, options.cutting(), work, plan.workers)
            written = write_splits(plan, splits, folder, progress)
        shutil.rmtree(work)
        n_ids = sum(split.ids for split in splits.values())
        manifest = _manifest(plan, encoded.counts, n_ids, written)
        write_manifest(folder, manifest.to_json())
    return WindowReport(
        output=options.output,
        bytes_written=sum(_bytes(split, plan.dtype) for split in written.values()),
        engine=plan.tokenizer.engine,
        engine_note=plan.tokenizer.engine_note,
        cross_checked=encoded.cross_checked,
        parts=len(encoded.parts),
        resumed=encoded.resumed,
        manifest=manifest,
        **totals(encoded.counts),
    )


def _bytes(split: Split, dtype: np.dtype[Any]) -> int:
    """Of all the files of a split, headers aside."""
    sizes = {"starts": 8, "lengths": 4}
    arrays = [array for shard in split.shards + split.table for array in shard.items()]
    return sum(math.prod(array.shape) * sizes.get(role, dtype.itemsize) for role, array in arrays)


def _manifest(plan: WindowPlan, counts: list[SourceCounts], n_ids: int, splits: dict[str, Split]) -> Manifest:
    options, tokenizer = plan.options, plan.tokenizer
    return Manifest(
        tokenizer=TokenizerRecord(tokenizer.name, tokenizer.n_vocab, tokenizer.eot, tokenizer.fingerprint),
        context_length=options.context_length,
        stride=options.step(),
        boundary=options.boundary,
        layout=options.layout,
        shuffle=options.shuffle,
        seed=options.seed,
        special=options.special,
        encoding=options.text.encoding,
        errors=options.text.errors,
        text_field=options.text.text_field,
        separator=options.text.separator,
        split_by=options.split_by,
        val_fraction=options.val_fraction.strip(),
        dtype=plan.dtype.name,
        documents=totals(counts)["documents"],
        ids=n_ids,
        sources=tuple(
            SourceRecord(*(getattr(count, name) for name in SourceRecord._fields)) for count in counts
        ),
        splits=splits,
    )
