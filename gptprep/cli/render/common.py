"""What several renderings have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from gptprep.choices import can_be_included, counted
from gptprep.cli.numbers import plural, printable, size, times

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from gptprep.pipelines.encode import EncodingReport, LiteralSpecial, Totals

_MAX_SPECIALS, _MAX_REASONS = 3, 8

_ANY_WIDTH = 1000


class _Table(Table):
    """A table that becomes a list, with a line for each cell, where it is too wide for the console."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.__rich_measure__(console, options.update(width=_ANY_WIDTH)).maximum <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        names = [str(column.header) for column in self.columns]
        for row in zip(*(column.cells for column in self.columns), strict=True):
            for indent, name, cell in zip(("", *["  "] * len(names)), names, row, strict=False):
                yield Text(f"{indent}{name}: {cell}")


def table(first: str, *others: str) -> Table:
    """An empty table; all columns but the first are right-aligned."""
    made = _Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    made.add_column(first)
    for name in others:
        made.add_column(name, justify="right")
    return made


def done(text: str) -> Text:
    """The line that says that a run succeeded."""
    return Text.assemble(("✓ ", "bold green"), printable(text))


def note(text: str) -> Text:
    """Something that the user may not know."""
    return Text(printable(f"note: {text}"), "yellow")


def rate(n_bytes: int, took: float) -> str:
    """Bytes per second."""
    return f"{size(round(n_bytes / max(took, 1e-9)))}/s"


def engine(report: EncodingReport) -> str:
    """What encoded, and how much of it was compared."""
    if not report.cross_checked:
        return report.engine
    return f"{report.engine}, {size(report.cross_checked)} compared with {report.reference}"


def encoding_notes(report: EncodingReport) -> Iterator[Text]:
    """Notes about parts that an earlier run had written, and about the text."""
    if report.resumed:
        were = "was" if report.resumed == 1 else "were"
        yield note(f"{plural(report.resumed, 'part')} of the work {were} already done")
    yield from special_notes(report.special_tokens)
    yield from text_notes(report)


def special_notes(specials: Sequence[LiteralSpecial], tokenizer: str = "") -> Iterator[Text]:
    """Notes about special tokens in the text; `tokenizer` says whose they are, if there are several."""
    for found in specials[:_MAX_SPECIALS]:
        yield _special_note(found, f" of {tokenizer}" if tokenizer else "")
    if (others := len(specials) - _MAX_SPECIALS) > 0:
        were = "is" if others == 1 else "are"
        yield note(f"{plural(others, 'other special token')} {were} in the text too")


def _special_note(found: LiteralSpecial, of: str) -> Text:
    became = f"was read as ordinary text; --special allow gives its id{of}"
    if found.id is not None:
        became = f"became the id {found.id}{of}; --special text reads it as ordinary text"
    where = f"in the text {times(found.count)}, first in {found.source}"
    return note(f"the special token {found.token} is {where}: it {became}")


def input_notes(passed_over: dict[str, int], repeated: tuple[str, ...]) -> Iterator[Text]:
    """Notes about files that were not read, or more than once."""
    if passed_over:
        hint = "; --include GLOB reads others" if any(map(can_be_included, passed_over)) else ""
        yield note(f"passed over: {counted(passed_over, _MAX_REASONS)}{hint}")
    if repeated:
        yield note(f"read more than once: {', '.join(repeated[:_MAX_REASONS])}")


def text_notes(report: Totals) -> Iterator[Text]:
    """What one may not expect of the inputs: files passed over, and counts that are not zero."""
    yield from input_notes(report.passed_over, report.repeated)
    yield from document_notes(report.replaced, report.skipped, report.empty)


def document_notes(replaced: int, skipped: int, empty: int) -> Iterator[Text]:
    """Counts of what became of invalid text and empty documents, if they are not zero."""
    for count, noun, what in (
        (replaced, "invalid sequence", "replaced by U+FFFD"),
        (skipped, "document", "skipped: not valid text"),
        (empty, "empty document", "left out"),
    ):
        if count:
            yield note(f"{plural(count, noun)} {what}")
