"""The views of the reports, for people. All but `text` go to standard error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from gptprep.cli.numbers import plural, printable, seconds, size
from gptprep.pipelines.visible import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gptprep.pipelines.decode import DecodeReport
    from gptprep.pipelines.embed import EmbedPlan, EmbedReport
    from gptprep.pipelines.encode import EncodeReport
    from gptprep.pipelines.encoding import Totals
    from gptprep.pipelines.inspect import TextReport, TokenView
    from gptprep.pipelines.planning import WindowPlan
    from gptprep.pipelines.verify import VerifyReport
    from gptprep.pipelines.vocab import VocabReport
    from gptprep.pipelines.window import WindowReport

_TOKEN_STYLES = (
    "black on #9ad1d4",
    "black on #f2d388",
    "black on #c5b3e6",
    "black on #a8d89b",
    "black on #f2b5a7",
)
_SPECIAL_STYLE = "bold white on #b0306a"


def text(report: TextReport, width: int) -> Iterator[Text]:
    """Tokens with their ids below, in rows of the width of the terminal, and a line of numbers."""
    for row in _rows(report.tokens, width):
        tokens, ids = Text(), Text()
        for index, token in row:
            cell = max(cell_len(token.token), len(str(token.id)))
            style = _SPECIAL_STYLE if token.special else _TOKEN_STYLES[index % len(_TOKEN_STYLES)]
            tokens.append(token.token, style)
            tokens.append(" " * (cell - cell_len(token.token) + 1))
            ids.append(f"{token.id:<{cell}} ", "dim")
        yield _stripped(tokens)
        yield _stripped(ids)
        yield Text()
    count = len(report.tokens)
    each = f", {report.bytes / count:.1f} bytes each" if count else ""
    yield Text(f"{plural(count, 'token')}, {plural(report.bytes, 'byte')}{each} · {report.tokenizer}", "bold")


def _stripped(line: Text) -> Text:
    line.rstrip()
    return line


def _rows(tokens: tuple[TokenView, ...], width: int) -> Iterator[list[tuple[int, TokenView]]]:
    """Tokens and their numbers, as many as fit in a row; a newline ends one."""
    row: list[tuple[int, TokenView]] = []
    used = 0
    for index, token in enumerate(tokens):
        cell = max(cell_len(token.token), len(str(token.id))) + 1
        if row and used + cell > width + 1:
            yield row
            row, used = [], 0
        row.append((index, token))
        used += cell
        if token.token.endswith("⏎"):
            yield row
            row, used = [], 0
    if row:
        yield row


def encode(report: EncodeReport, took: float) -> Iterator[Text]:
    """What was written, and what the text had that its owner may not know."""
    if report.engine_note:
        yield Text(f"note: {report.engine_note}", "yellow")
    if report.output:
        yield _done(
            f"{report.output}: {plural(report.ids, 'id')} of {plural(report.documents, 'document')}, "
            f"{size(report.bytes)} of text in {seconds(took)} ({report.tokenizer}, {_engine(report)})"
        )
    if report.resumed:
        yield _resumed(report.resumed)
    yield from _notes(report)


def decode(report: DecodeReport) -> Iterator[Text]:
    """What was written."""
    yield _done(
        f"{report.output}: {size(report.bytes)} of text from {plural(report.ids, 'id')} ({report.tokenizer})"
    )


def vocab(report: VocabReport, took: float) -> Iterator[RenderableType]:
    """The most frequent tokens, the size, and how much of the text it covers."""
    if report.top:
        table = _table(report.kind, "id", "count", "share")
        for token, token_id, count in report.top:
            share = f"{100 * count / report.tokens:.2f} %"
            table.add_row(
                visible(token.encode("utf-8", "surrogateescape")), str(token_id), f"{count:,}", share
            )
        yield table
    what = f"{report.output}: {plural(report.size, 'token')}, {len(report.special_tokens)} of them special; "
    if report.kind == "bpe":
        what += f"{report.bytes / report.tokens:.2f} bytes a token over {size(report.bytes)} of text"
    else:
        covered = 100 * report.covered / report.tokens
        what += (
            f"covers {covered:.2f} % of {plural(report.tokens, report.kind)} ({report.distinct:,} different)"
        )
        what += f" in {size(report.bytes)} of text"
    yield _done(f"{what}, {seconds(took)}")
    if report.wanted and report.size < report.wanted:
        yield Text(f"note: the text gives no more than {report.size:,} of {report.wanted:,} tokens", "yellow")
    yield from _notes(report)


def window_plan(plan: WindowPlan) -> Text:
    """What will be read and about how much will be written."""
    options = plan.options
    what = (
        f"{plural(len(plan.sources), 'input')} → {options.output}: {plan.tokenizer.name}, {plan.dtype.name}, "
    )
    what += f"context length {options.context_length:,}, stride {options.step():,}"
    if plan.estimated_ids is None:
        return Text(printable(f"{what}; only reading tells how much"))
    what += f"; {size(plan.bytes or 0)} to read, about {plan.estimated_ids:,} ids"
    if plan.estimated_windows is not None:
        what += f", {plural(plan.estimated_windows, 'window')}"
    if plan.estimated_bytes is not None:
        what += f", {size(plan.estimated_bytes)} to write"
    return Text(printable(what))


def window(report: WindowReport, took: float) -> Iterator[RenderableType]:
    """The splits, and what was read."""
    manifest = report.manifest
    if report.engine_note:
        yield Text(f"note: {report.engine_note}", "yellow")
    padding = ["padding"] if manifest.boundary == "document" else []
    table = _table("split", "windows", "ids", "unused ids", *padding, "shards")
    for name, split in manifest.splits.items():
        unused = split.dropped_tail + split.dropped_gaps
        numbers = [split.windows, split.ids, unused, *([split.padding] if padding else []), len(split.shards)]
        table.add_row(name, *(f"{number:,}" for number in numbers))
    yield table
    n_bytes = sum(source.bytes for source in manifest.sources)
    yield _done(
        f"{report.output}: {plural(manifest.documents, 'document')}, {size(n_bytes)} → {manifest.ids:,} ids, "
        f"{size(report.bytes_written)} written in {seconds(took)} ({_rate(n_bytes, took)}; {_engine(report)})"
    )
    if report.resumed:
        yield _resumed(report.resumed)
    yield from _notes(report)


def embed_plan(plan: EmbedPlan) -> Text:
    """What will be written."""
    n_windows, length, dim = plan.shape
    return Text(
        printable(
            f"{plan.options.shards} → {plan.options.output}: "
            f"{plural(n_windows, 'window')} × {length:,} ids × {dim:,} "
            f"{plan.options.dtype}, {plan.options.position} positions{_tables(plan)}; "
            f"{size(plan.bytes)} with the tables"
        )
    )


def _tables(plan: EmbedPlan) -> str:
    if plan.tables is None:
        return ""
    names = [table.name for table in (plan.tables.token, plan.tables.position) if table]
    return f", {' and '.join(names)} of {plan.options.weights}"


def embed(report: EmbedReport, took: float) -> Iterator[Text]:
    """What was written."""
    for note in report.notes:
        yield Text(printable(f"note: {note}"), "yellow")
    yield _done(
        f"{report.output}: {' × '.join(f'{n:,}' for n in report.shape)} {report.dtype} on {report.device}, "
        f"{size(report.bytes)} written in {seconds(took)} ({_rate(report.bytes, took)})"
    )


_MOST_PROBLEMS = 20


def verify(report: VerifyReport, took: float) -> Iterator[Text]:
    """That all holds, or what does not."""
    for problem in report.problems[:_MOST_PROBLEMS]:
        yield Text.assemble(("✗ ", "bold red"), printable(f"{problem.file}: {problem.what}"))
    if len(report.problems) > _MOST_PROBLEMS:
        yield Text(f"  and {plural(len(report.problems) - _MOST_PROBLEMS, 'problem')} more")
    if not report.problems:
        n_windows = sum(report.windows.values())
        hashed = "" if report.hashed else ", hashes left out"
        yield _done(
            f"{report.path} is whole: {plural(report.files, 'file')}, {plural(n_windows, 'window')}, "
            f"{size(report.bytes)}{hashed}; {seconds(took)} ({_rate(report.bytes, took)})"
        )


def _table(first: str, *others: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _engine(report: EncodeReport | WindowReport) -> str:
    checked = f", {size(report.cross_checked)} compared with tiktoken" if report.cross_checked else ""
    return report.engine + checked


def _rate(n_bytes: int, took: float) -> str:
    return f"{size(round(n_bytes / max(took, 1e-9)))}/s"


def _done(text: str) -> Text:
    return Text.assemble(("✓ ", "bold green"), printable(text))


def _resumed(parts: int) -> Text:
    return Text(
        f"note: {plural(parts, 'part')} of the work {'was' if parts == 1 else 'were'} there already", "yellow"
    )


def _notes(report: Totals) -> Iterator[Text]:
    """Counts that are not zero where one would expect it."""
    for count, noun, what in (
        (report.literal_specials, "literal special token", "met in the text"),
        (report.replaced, "invalid sequence", "replaced by U+FFFD"),
        (report.skipped, "document", "skipped: not valid text"),
        (report.empty, "empty document", "left out"),
    ):
        if count:
            yield Text(f"note: {plural(count, noun)} {what}", "yellow")
