"""`verify`: prove that a folder of shards or embeddings is whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from gptprep.errors import DamagedData, GptprepError, os_errors
from gptprep.executors import threads
from gptprep.executors.local import usable_cores
from gptprep.files import MARKER, is_file, read_json
from gptprep.manifests import MANIFEST
from gptprep.pipelines.embeddings_folder import (
    FORMAT,
    WEIGHTS,
    EmbeddingsManifest,
    read_embeddings_manifest,
)
from gptprep.pipelines.progress import Progress, SharedProgress, no_progress
from gptprep.shards import (
    ArrayFile,
    HashedFile,
    Problem,
    ShardFolder,
    ShardVerifier,
    Verified,
    check_totals,
    first_break,
    open_shards,
)

_CHUNK = 1 << 22


@dataclass(frozen=True)
class VerifyReport:
    """What was verified, and what does not hold."""

    path: str
    format: str
    files: int
    bytes: int
    windows: dict[str, int]
    """By split."""
    hashed: bool
    problems: tuple[Problem, ...]


Task = Callable[[Callable[[int], None]], Verified]
"""One shard or file to be verified; is told what to call with the bytes that it has read."""


def verify_folder(path: str, *, fast: bool = False, progress: Progress = no_progress) -> VerifyReport:
    """Check every file of a folder against its manifest, and the windows against each other.

    Args:
        fast: do not compare hashes.

    Raises:
        GptprepError: it is not a folder of gptprep's, or cannot be read.
        DamagedData: its manifest is damaged.
    """
    manifest_path = os.path.join(path, MANIFEST)
    form = _format(manifest_path) if is_file(manifest_path) else ""
    if form == FORMAT:
        manifest = read_embeddings_manifest(path)
        files, windows = manifest.files(), manifest.windows
        tasks = list(_embeddings_tasks(path, manifest, hashed=not fast))
    else:
        folder = open_shards(path)
        shards = [shard for split in folder.manifest.splits.values() for shard in split.shards + split.table]
        files = [array.file for shard in shards for array in shard.values()]
        windows = {name: split.windows for name, split in folder.manifest.splits.items()}
        tasks = list(_shard_tasks(folder, hashed=not fast))
    sizes = [_size(os.path.join(path, file)) for file in files]
    found = _run(tasks, sum(sizes), progress)
    problems = [problem for verified in found for problem in verified.problems]
    if form != FORMAT:
        problems += check_totals(folder.manifest, _real_ids(folder, found))
        problems += _check_shuffled(folder, found)
    problems += _extra(path, {MANIFEST, *files})
    return VerifyReport(path, form, len(files) + 1, sum(sizes), windows, not fast, tuple(problems))


def _format(manifest_path: str) -> str:
    value = read_json(manifest_path)
    return str(value.get("format")) if isinstance(value, dict) else ""


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _run(tasks: list[Task], total: int, progress: Progress) -> list[Verified]:
    read = SharedProgress(progress, "verifying", total, "bytes")

    def verify(task: Task, check: Callable[[], None]) -> Verified:
        def on_bytes(count: int) -> None:
            check()
            read.add(count)

        try:
            return task(on_bytes)
        except MemoryError as error:
            raise GptprepError(
                "not enough memory to verify",
                f"a window does not fit in it: {error}",
                "verify it on a machine with more",
            ) from error

    return threads.run(verify, tasks, usable_cores())


def _shard_tasks(folder: ShardFolder, *, hashed: bool) -> Iterator[Task]:
    for name, split in folder.manifest.splits.items():
        for table, shards in ((False, split.shards), (True, split.table)):
            first = 0
            for number, shard in enumerate(shards):
                yield ShardVerifier(folder, name, number, first, table=table, hashed=hashed).run
                first += next(iter(shard.values())).shape[0]


def _real_ids(folder: ShardFolder, found: list[Verified]) -> dict[str, int]:
    """The lengths of all windows of each split that has them and was read without problems."""
    if folder.manifest.boundary != "document" or any(verified.problems for verified in found):
        return {}
    left = iter(found)
    return {
        name: sum(next(left).real_ids for _ in (*split.shards, *split.table))
        for name, split in folder.manifest.splits.items()
    }


def _check_shuffled(folder: ShardFolder, found: list[Verified]) -> Iterator[Problem]:
    """Whether shuffled windows go on where the ones before them in the text say, if all could be read."""
    if any(verified.problems or verified.fingerprints is None for verified in found):
        return
    left = iter(found)
    for split in folder.manifest.splits.values():
        given = [array for _ in split.shards if (array := next(left).fingerprints) is not None]
        row = first_break(np.concatenate(given), folder.manifest.seed) if given else None
        if row is not None:
            shard = int(np.searchsorted(np.cumsum([len(array) for array in given]), row, "right"))
            what = f"window {row:,}: it does not go on from the window that is before it in the text"
            yield Problem(split.shards[shard]["inputs"].file, what)


def _embeddings_tasks(path: str, manifest: EmbeddingsManifest, *, hashed: bool) -> Iterator[Task]:
    for array in manifest.arrays:
        yield partial(_verify_array, path, array, manifest.dtype, hashed)
    yield partial(_verify_weights, path, manifest, hashed)


def _verify_array(
    path: str, array: ArrayFile, dtype: str, hashed: bool, on_bytes: Callable[[int], None]
) -> Verified:
    try:
        with HashedFile(path, array, dtype, hashed=hashed) as file:
            rows = max(1, _CHUNK // max(1, 4 * array.shape[1] * array.shape[2]))
            for begin in range(0, array.shape[0] if hashed else 0, rows):
                on_bytes(file.read(min(rows, array.shape[0] - begin)).nbytes)
            what = file.problem() if hashed else None
        return Verified([Problem(array.file, what)] if what else [], 0)
    except DamagedData as error:
        return Verified([Problem.of(array.file, error)], 0)


def _verify_weights(
    path: str, manifest: EmbeddingsManifest, hashed: bool, on_bytes: Callable[[int], None]
) -> Verified:
    full, digest = os.path.join(path, WEIGHTS), hashlib.sha256()
    if not is_file(full):
        return Verified([Problem(WEIGHTS, "it is missing")], 0)
    with os_errors("read", full), open(full, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size != manifest.weights_bytes:
            what = f"it has {size:,} bytes, and the manifest says {manifest.weights_bytes:,}"
            return Verified([Problem(WEIGHTS, what)], 0)
        while hashed and (data := file.read(_CHUNK)):
            digest.update(data)
            on_bytes(len(data))
    if hashed and digest.hexdigest() != manifest.weights_sha256:
        return Verified([Problem(WEIGHTS, "its sha256 is not the one in the manifest")], 0)
    return Verified([], 0)


def _extra(path: str, named: set[str]) -> Iterator[Problem]:
    """What lies in the folder and is not in the manifest."""
    folders = {os.path.dirname(name) for name in named}
    for top, below, names in os.walk(path):
        for name in sorted([*names, *below]):
            file = os.path.relpath(os.path.join(top, name), path).replace(os.sep, "/")
            if file not in named and file not in folders and name != MARKER:
                yield Problem(file, "it is not in the manifest")


def require_whole(report: VerifyReport) -> None:
    """Raise what a report that tells of problems means for whoever relies on the folder.

    Raises:
        DamagedData: with the first problem.
    """
    if report.problems:
        first, count = report.problems[0], len(report.problems)
        more = f" (and {count - 1} more)" if count > 1 else ""
        raise DamagedData(
            f"{report.path} is not whole", f"{first.file}: {first.what}{more}", "write the folder again"
        )
