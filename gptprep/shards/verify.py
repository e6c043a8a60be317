"""Verifying folders and files of ids: files against the manifest, numbers against each other."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.parallel import threads
from gptprep.parallel.workers import usable_cores
from gptprep.progress import Progress, SharedProgress, no_progress
from gptprep.shards.embeddings_folder import FORMAT, EmbeddingsChecks
from gptprep.shards.findings import CheckFile, Problem, Verified
from gptprep.shards.folder import open_shards
from gptprep.shards.ids_checks import IdFileChecks, is_id_file
from gptprep.shards.shard_checks import ShardFolderChecks
from gptprep.storage.files import unnamed_entries
from gptprep.storage.sealed import MANIFEST, REMOVE, manifest_format, require_manifest

_UNNAMED = "it is not in the manifest"


Checks = ShardFolderChecks | EmbeddingsChecks | IdFileChecks


@dataclass(frozen=True)
class VerifyOptions:
    """What to verify; `fast` does not compare hashes."""

    path: str
    fast: bool = False


@dataclass(frozen=True)
class VerifyPlan:
    """What a run will read."""

    options: VerifyOptions
    checks: Checks
    bytes: int
    """The size of all files but the manifest."""


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


def plan(options: VerifyOptions) -> VerifyPlan:
    """Read the manifest.

    Raises:
        GptprepError: it is not a folder that gptprep wrote, or cannot be read.
        CorruptDataError: its manifest is damaged.
    """
    path, checks = options.path, _checks(options.path, hashed=not options.fast)
    folder = os.path.dirname(path) if isinstance(checks, IdFileChecks) else path
    files = filter(os.path.isfile, (os.path.join(folder, file) for file in checks.files))
    return VerifyPlan(options, checks, sum(map(os.path.getsize, files)))


def _checks(path: str, *, hashed: bool) -> Checks:
    if is_id_file(path):
        return IdFileChecks(path, hashed=hashed)
    require_manifest(path, "a folder of shards or embeddings", "`gptprep window` or `gptprep embed`")
    if manifest_format(path) == FORMAT:
        return EmbeddingsChecks(path, hashed=hashed)
    return ShardFolderChecks(open_shards(path), hashed=hashed)


def run(plan: VerifyPlan, progress: Progress = no_progress) -> VerifyReport:
    """Read every file of the folder and check it.

    Raises:
        GptprepError: a file cannot be read.
    """
    options, checks = plan.options, plan.checks
    verified = _run_all(checks.of_files(), plan.bytes, progress)
    problems = [problem for found in verified for problem in found.problems]
    problems += checks.of_all(verified)
    if not isinstance(checks, IdFileChecks):
        problems += _unexpected_files(options.path, {MANIFEST, *checks.files})
    files, hashed = len(checks.files) + 1, not options.fast
    found = tuple(problems)
    return VerifyReport(options.path, checks.format, files, plan.bytes, checks.windows, hashed, found)


def require_intact(report: VerifyReport) -> None:
    """Refuse a folder that has problems.

    Raises:
        CorruptDataError: with the first problem.
    """
    if report.problems:
        first, count = report.problems[0], len(report.problems)
        more = f" (and {count - 1} more)" if count > 1 else ""
        why = f"{first.file}: {first.what}{more}"
        unnamed = sum(problem.what == _UNNAMED for problem in report.problems)
        fix = (
            REMOVE
            if unnamed
            else "write the file again"
            if is_id_file(report.path)
            else "write the folder again"
        )
        fix = "remove what is not in the manifest" if unnamed == count else fix
        raise CorruptDataError(f"{report.path} is damaged", why, fix)


def _run_all(checks: list[CheckFile], total: int, progress: Progress) -> list[Verified]:
    """Run the checks of files on all cores."""
    read = SharedProgress(progress, "verifying", total, "bytes")

    def verify(check_file: CheckFile, check_stopped: Callable[[], None]) -> Verified:
        def on_bytes(count: int) -> None:
            check_stopped()
            read.add(count)

        try:
            return check_file(on_bytes)
        except MemoryError as error:
            what, why = "not enough memory to verify", f"a window does not fit in memory: {error}"
            raise GptprepError(what, why, "verify it on a machine with more") from error

    return threads.run(verify, checks, usable_cores())


def _unexpected_files(path: str, named: set[str]) -> Iterator[Problem]:
    """What is in the folder and not in the manifest."""
    for entry in unnamed_entries(path, named):
        yield Problem(entry, _UNNAMED)
