"""Writing shards: block by block, one thread for each file, hashed on the way."""

import os
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from gptprep.parallel import processes, threads
from gptprep.progress import Progress, Report, SharedProgress, no_report
from gptprep.shards.arrays import Arrays, ArrayWriter, Shard, file_name
from gptprep.shards.layout import Rows, ShardFormat
from gptprep.windows import gather

Result = TypeVar("Result")


@dataclass(frozen=True)
class ShardTask:
    """One shard that a worker writes: rows `start` to `stop`."""

    folder: str
    split: str
    series: str
    """"shards" or "table"."""
    number: int
    start: int
    stop: int
    format: ShardFormat
    rows: Rows

    @property
    def n_rows(self) -> int:
        """How many rows the shard has."""
        return self.stop - self.start

    @property
    def n_bytes(self) -> int:
        """The size of all its files, without headers."""
        return self.n_rows * self.format.row_bytes


def plan_shards(
    folder: str, split: str, formats: dict[str, ShardFormat], rows: dict[str, Rows], shard_size: int
) -> list[ShardTask]:
    """Tasks for all shards of a split, whose files have at most `shard_size` bytes.

    Raises:
        UsageError: there is no room for a row.
    """
    tasks = []
    for series, form in formats.items():
        n_rows, step = len(rows[series]), form.rows_that_fit(shard_size)
        for number, start in enumerate(range(0, n_rows, step)):
            stop = min(start + step, n_rows)
            tasks.append(ShardTask(folder, split, series, number, start, stop, form, rows[series]))
    return tasks


def write_shards(tasks: list[ShardTask], workers: int, progress: Progress) -> list[Shard]:
    """Write all shards."""
    written = SharedProgress(progress, "writing", sum(task.n_bytes for task in tasks), "bytes")
    for split in dict.fromkeys((task.folder, task.split) for task in tasks):
        os.makedirs(os.path.join(*split), exist_ok=True)
    return list(processes.run_reporting(write_shard, tasks, workers, written.add))


def write_shard(task: ShardTask, report: Report = no_report) -> Shard:
    """Write the files of one shard, each in a thread, because hashing and writing release the GIL.

    Args:
        report: called with the bytes of each block, in all files.
    """
    with ExitStack() as stack:
        writers = {}
        for role in task.format.roles:
            file, shape = file_name(task.split, role.name, task.number), (task.n_rows, *role.row)
            writers[role.name] = stack.enter_context(ArrayWriter(task.folder, file, shape, role.dtype))
        submits = {name: stack.enter_context(threads.one_thread()) for name in writers}
        writes: list[Future[None]] = []
        row_bytes = max(role.row_bytes for role in task.format.roles)
        for start, stop in gather.blocks(task.start, task.stop, row_bytes):
            block: Arrays = task.rows.read(start, stop)
            _results(writes)
            writes = [submits[name](writers[name].write, rows) for name, rows in block.items()]
            report((stop - start) * task.format.row_bytes)
        _results(writes)
        files = _results([submits[name](writer.finish) for name, writer in writers.items()])
        return Shard(dict(zip(writers, files, strict=True)))


def _results(futures: list[Future[Result]]) -> list[Result]:
    return [future.result() for future in futures]
