"""Folders: the plans and reports of `window` and `embed`, and the report of `verify`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from gptprep.cli.numbers import about, plural, printable, seconds, size
from gptprep.cli.render.common import done, encoding_notes, engine, input_notes, note, rate, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gptprep.pipelines.embed import EmbedPlan, EmbedReport
    from gptprep.pipelines.verify import VerifyReport
    from gptprep.pipelines.window import ArrayReport, WindowPlan, WindowReport

_MAX_PROBLEMS = _MAX_PASSED_OVER = 20
_LONG_SECONDS = 10
"""From which time on a run says before it starts about how long it takes."""


def window_plan(plan: WindowPlan, *, dry_run: bool) -> Iterator[Text]:
    """What will be read and about how much will be written, and notes that cannot wait for the report."""
    yield _window_plan(plan, dry_run=dry_run)
    yield from map(note, plan.notes)
    if dry_run:
        yield from input_notes(plan.selection.passed_over, plan.selection.repeated)
        yield from _passed_over(plan)


def _passed_over(plan: WindowPlan) -> Iterator[Text]:
    """The files that are not read, as many as there is room for."""
    files = plan.selection.passed_over_files
    for one in files[:_MAX_PASSED_OVER]:
        yield Text.assemble(f"  {printable(one.path)}  ", (printable(one.reason), "dim"))
    if (others := len(files) - _MAX_PASSED_OVER) > 0:
        yield Text(f"  and {others:,} more; --json has all", "dim")


def _window_plan(plan: WindowPlan, *, dry_run: bool) -> Text:
    spec, n_passed = plan.options.windows, sum(plan.selection.passed_over.values())
    passed = f" ({n_passed:,} passed over)" if n_passed else ""
    n_val = len(plan.sources) - plan.train_sources
    val = f" for train and {n_val:,} for val" if n_val else ""
    what = (
        f"{plural(plan.train_sources, 'input')}{val}{passed} → {plan.options.output}: {plan.tokenizer.name}, "
        f"{plan.windows.dtype.name}, context length {spec.context_length:,}, stride {spec.step:,}"
    )
    if plan.estimated_ids is None:
        return Text(printable(f"{what}; the size is unknown before reading"))
    what += f"; {size(plan.bytes or 0)} to read, about {plan.estimated_ids:,} ids"
    if plan.estimated_windows is not None:
        what += f", {plural(plan.estimated_windows, 'window')}"
    if plan.estimated_bytes is not None:
        what += f", {size(plan.estimated_bytes)} to write"
    if plan.estimated_seconds is not None and (dry_run or plan.estimated_seconds >= _LONG_SECONDS):
        what += f", {about(plan.estimated_seconds)}, with {plural(plan.workers, 'worker')}"
    return Text(printable(what))


def windows(report: WindowReport, took: float) -> Iterator[RenderableType]:
    """The splits, and what was read."""
    manifest = report.manifest
    if report.engine_note:
        yield note(report.engine_note)
    padding = ["padding"] if manifest.window_format.has_lengths else []
    rows = table("split", "windows", "ids", "unused ids", *padding, "shards")
    for name, split in manifest.splits.items():
        unused = sum(split.dropped)
        numbers = [split.windows, split.ids, unused, *([split.padding] if padding else []), len(split.shards)]
        rows.add_row(name, *(f"{number:,}" for number in numbers))
    yield rows
    n_bytes = sum(source.bytes for source in manifest.sources)
    yield done(
        f"{report.output}: {plural(manifest.documents, 'document')}, {size(n_bytes)} → {manifest.ids:,} ids, "
        f"{size(report.bytes_written)} written in {seconds(took)} ({rate(n_bytes, took)}; {engine(report)})"
    )
    yield from map(note, report.notes)
    yield from encoding_notes(report)


def array_process(report: ArrayReport | WindowReport, took: float) -> Iterator[RenderableType]:
    """What one process of a job array has done: its parts, or the shards."""
    from gptprep.pipelines.window import ArrayReport

    if not isinstance(report, ArrayReport):
        yield from windows(report, took)
        return
    if report.is_complete:
        yield done(f"{report.output} is complete: another process has finished it")
        return
    own = f"process {report.process} of {report.processes}: {plural(report.written, 'part')} encoded"
    own += f", {report.resumed:,} were there" if report.resumed else ""
    yield done(f"{own} in {seconds(took)}")
    if report.left:
        left = f"{report.left:,} of {plural(report.tasks, 'task')} left"
        yield note(f"{left}; the process that does the last one writes {report.output}")
    else:
        yield note(f"another process is writing {report.output}")


def embed_plan(plan: EmbedPlan, *, dry_run: bool) -> Text:
    """What will be written."""
    n_windows, length, dim = plan.shape
    options = plan.options
    positions = "no positions" if options.position == "none" else f"{options.position} positions"
    what = f"{options.shards} → {options.output}: {plural(n_windows, 'window')} × {length:,} ids × {dim:,} "
    what += f"{options.dtype}, {positions}"
    if plan.tables:
        names = [table.name for table in (plan.tables.token, plan.tables.position) if table]
        what += f", {' and '.join(names)} of {options.weights}"
    what += f"; {size(plan.bytes)} with the tables"
    if dry_run or plan.estimated_seconds >= _LONG_SECONDS:
        what += f", {about(plan.estimated_seconds)}"
    return Text(printable(what))


def embeddings(report: EmbedReport, took: float) -> Iterator[Text]:
    """What was written."""
    for text in report.notes:
        yield note(text)
    shape = " × ".join(f"{n:,}" for n in report.shape)
    yield done(
        f"{report.output}: {shape} {report.dtype} on {report.device}, {size(report.bytes)} written "
        f"in {seconds(took)} ({rate(report.bytes, took)})"
    )


def verified(report: VerifyReport, took: float) -> Iterator[Text]:
    """That the folder is intact, or what is wrong."""
    several = report.problems if len(report.problems) > 1 else ()  # the error names the only one
    for problem in several[:_MAX_PROBLEMS]:
        yield Text.assemble(("✗ ", "bold red"), printable(f"{problem.file}: {problem.what}"))
    if len(report.problems) > _MAX_PROBLEMS:
        yield Text(f"  and {plural(len(report.problems) - _MAX_PROBLEMS, 'more problem')}")
    if not report.problems:
        hashed = "" if report.hashed else ", hashes not compared"
        windows = f"{plural(sum(report.windows.values()), 'window')}, " if report.windows else ""
        yield done(
            f"{report.path} is intact: {plural(report.files, 'file')}, {windows}"
            f"{size(report.bytes)}{hashed}; "
            f"{seconds(took)} ({rate(report.bytes, took)})"
        )
