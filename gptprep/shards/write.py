"""Writing shards: block by block, one thread for each file, hashed on the way.

A file that is a shard already, because it holds its rows, is hashed and flushed, and gets its name.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from gptprep.parallel import processes, threads
from gptprep.progress import Progress, Report, SharedProgress, no_report
from gptprep.shards.arrays import ArrayFile, Arrays, ArrayWriter, Shard, file_name
from gptprep.shards.layout import Rows, ShardFormat
from gptprep.storage.writers import LARGE_BYTES
from gptprep.tokens.stream import open_part
from gptprep.windows import gather
from gptprep.windows.splits import FileOfIds

_HASHED_IDS = 1 << 17
"""Ids that are hashed at a time: small enough for a processor's cache."""
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
    ready: str = ""
    """The file that is this shard already, if there is one."""
    direct: bool = False
    """Whether it is written past the page cache."""

    @property
    def n_rows(self) -> int:
        """How many rows the shard has."""
        return self.stop - self.start

    @property
    def n_bytes(self) -> int:
        """The size of all its files, without headers."""
        return self.n_rows * self.format.row_bytes


def plan_shards(
    folder: str,
    split: str,
    formats: dict[str, ShardFormat],
    rows: dict[str, Rows],
    shard_size: int,
    files: Iterable[FileOfIds] = (),
) -> list[ShardTask]:
    """Tasks for all shards of a split, whose files have at most `shard_size` bytes.

    Args:
        files: those that hold rows of the series "shards" as a shard does, in order; they become shards.

    Raises:
        UsageError: there is no room for a row.
    """
    tasks = []
    for series, form in formats.items():
        ready = files if series == "shards" else ()
        ranges = _ranges(ready, len(rows[series]), form.rows_that_fit(shard_size))
        for number, (path, start, stop) in enumerate(ranges):
            tasks.append(ShardTask(folder, split, series, number, start, stop, form, rows[series], path))
    return tasks


def _ranges(files: Iterable[FileOfIds], n_rows: int, most: int) -> Iterator[FileOfIds]:
    """The rows of each shard, at most `most`, and the file that is this shard already, or nothing."""
    done = 0
    for file in [*files, FileOfIds("", n_rows, n_rows)]:
        if file.stop - file.start <= most:
            for start in range(done, file.start, most):
                yield FileOfIds("", start, min(start + most, file.start))
            if file.path:
                yield file
            done = file.stop


def write_shards(tasks: list[ShardTask], workers: int, progress: Progress) -> list[Shard]:
    """Write all shards.

    Raises:
        CorruptDataError: a file of ids has changed since it was written.
    """
    if sum(task.n_bytes for task in tasks if not task.ready) > LARGE_BYTES:
        tasks = [replace(task, direct=True) for task in tasks]
    written = SharedProgress(progress, "writing", sum(task.n_bytes for task in tasks), "bytes")
    for split in dict.fromkeys((task.folder, task.split) for task in tasks):
        os.makedirs(os.path.join(*split), exist_ok=True)
    shards = list(processes.run_reporting(write_shard, tasks, workers, written.add))
    for task, shard in zip(tasks, shards, strict=True):
        for array in shard.files.values() if task.ready else ():
            _link(task.ready, os.path.join(task.folder, array.file))
    return shards


def _link(file: str, name: str) -> None:
    """Give a file a second name: if the run is stopped now, the next one finds it by its first."""
    try:
        os.link(file, name)
    except OSError:  # a file system without hard links
        os.rename(file, name)


def write_shard(task: ShardTask, report: Report = no_report) -> Shard:
    """Write the files of one shard, each in a thread, because hashing and writing release the GIL.

    Args:
        report: called with the bytes of each block, in all files.

    Raises:
        CorruptDataError: a file of ids has changed since it was written.
    """
    if task.ready:
        return _finish_ready(task, report)
    with ExitStack() as stack:
        writers = {}
        for role in task.format.roles:
            file, shape = file_name(task.split, role.name, task.number), (task.n_rows, *role.row)
            writer = ArrayWriter(task.folder, file, shape, role.dtype, direct=task.direct)
            writers[role.name] = stack.enter_context(writer)
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


def _finish_ready(task: ShardTask, report: Report) -> Shard:
    """Hash a file that is a shard already, and flush it to the disk."""
    (role,) = task.format.roles
    with open_part(task.ready, task.n_rows, role.dtype) as file:
        digest = hashlib.sha256(file.header())
        for ids in file.blocks(np.empty(_HASHED_IDS, role.dtype)):
            digest.update(ids.data)
            report(ids.nbytes)
        file.sync()
    array = ArrayFile(file_name(task.split, role.name, task.number), (task.n_rows,), digest.hexdigest())
    return Shard({role.name: array})


def _results(futures: list[Future[Result]]) -> list[Result]:
    return [future.result() for future in futures]
