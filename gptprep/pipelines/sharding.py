"""Phase 2 of `window`: the windows of each split, or its ids, to shards."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from gptprep.errors import GptprepError
from gptprep.executors import local
from gptprep.files import require_free_space
from gptprep.pipelines.planning import WindowOptions, WindowPlan
from gptprep.pipelines.progress import Progress
from gptprep.pipelines.splits import SplitPlan
from gptprep.shards import (
    LENGTHS_DTYPE,
    STARTS_DTYPE,
    Shard,
    ShardTask,
    Split,
    TableTask,
    TokensTask,
    rows_per_shard,
    shard_tasks,
    write_shard,
)


def write_splits(
    plan: WindowPlan, splits: dict[str, SplitPlan], folder: str, progress: Progress
) -> dict[str, Split]:
    """Write the shards of all splits into a folder.

    Raises:
        GptprepError: a split has no window, or the disk has no room for all.
    """
    options = plan.options
    _require_windows(options, splits)
    tasks = {name: _tasks(plan, folder, name, split) for name, split in splits.items()}
    all_tasks = [task for of_split in tasks.values() for of_kind in of_split for task in of_kind]
    total = sum(task.rows() for task in all_tasks)
    require_free_space(options.output, sum(task.bytes() for task in all_tasks))
    for name in splits:
        os.mkdir(os.path.join(folder, name))
    unit = "windows" if options.layout == "pairs" else "ids"
    shards = _run(all_tasks, plan.workers, lambda done: progress("writing", done, total, unit))
    return {
        name: Split(
            split.ids,
            split.windows.count,
            split.padding,
            *split.dropped,
            *(tuple(shards[task] for task in of_kind) for of_kind in tasks[name]),
        )
        for name, split in splits.items()
    }


def _run(tasks: list[ShardTask], workers: int, on_progress: Callable[[int], None]) -> dict[ShardTask, Shard]:
    """Write all shards; one alone is written in this process, which can tell how far it is."""
    done = 0

    def on_rows(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        on_progress(done)

    if len(tasks) == 1:
        return {tasks[0]: write_shard(tasks[0], on_rows)}
    shards = {}
    for task, shard in zip(tasks, local.run(write_shard, tasks, workers), strict=True):
        shards[task] = shard
        on_rows(task.rows())
    return shards


def _tasks(
    plan: WindowPlan, folder: str, name: str, split: SplitPlan
) -> tuple[list[ShardTask], list[ShardTask]]:
    """The shards of a split, and those of the table of its windows if it has one."""
    options, dtype = plan.options, plan.dtype
    rows = rows_per_shard(options.shard_size, options.row_length(), dtype)
    if split.windows.table is not None:  # the lengths are a file too
        rows = min(rows, rows_per_shard(options.shard_size, 1, np.dtype(LENGTHS_DTYPE)))
    if options.layout == "pairs":
        count = split.windows.count
        return shard_tasks(ShardTask, folder, name, count, rows, dtype.str, split.windows), []
    tokens = shard_tasks(TokensTask, folder, name, split.ids, rows, dtype.str, split.windows)
    if split.windows.table is None:
        return tokens, []
    rows = rows_per_shard(options.shard_size, 1, np.dtype(STARTS_DTYPE))
    return tokens, shard_tasks(TableTask, folder, name, split.windows.count, rows, dtype.str, split.windows)


def _require_windows(options: WindowOptions, splits: dict[str, SplitPlan]) -> None:
    """Refuse a split that has no window.

    Raises:
        GptprepError: with what it has and what it needs.
    """
    for name, split in splits.items():
        if split.windows.count:
            continue
        needed = 2 if options.boundary == "document" else options.context_length + 1
        fixes = ["more text"]
        if options.fraction():
            fixes.insert(0, "another --val-fraction")
            if options.split_by == "document":
                fixes.insert(1, "another --seed")
        if needed > 2:
            fixes.insert(0, f"--context-length {max(1, split.ids - 1)} or less")
        raise GptprepError(
            f"{f'the {name} split' if options.fraction() else 'the text'} is too short for one window",
            f"it has {split.ids:,} ids, and a window of context length {options.context_length:,} "
            f"needs {needed:,}",
            "give " + ", ".join(fixes[:-1]) + (", or " if len(fixes) > 1 else "") + fixes[-1],
        )
