"""The report of `count`: a table on a terminal, and elsewhere lines for programs.

Lines for programs are those of `wc` and `du`: numbers without separators, then the path, and no header, which
`sort -n`, `head` and `awk` would take for a line of data. A terminal shows the names of the columns.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gptprep.cli.numbers import printable

if TYPE_CHECKING:
    from rich.text import Text

    from gptprep.pipelines.count import CountedSource, CountReport, TokenizerCount

_GAP = "  "
_MAX_NAME = 8
"""Of a tokenizer above its bytes per id; above its ids the name is complete."""


def lines(report: CountReport) -> bytes:
    """One line for each source, and one for the total if there are several."""
    rows = list(_rows(report))
    numbers = [_numbers(row, "") for row in rows]
    widths = _widths(numbers)
    return b"".join(
        b"%s  %s\n" % (_aligned(cells, widths).encode(), _raw(row.path))
        for row, cells in zip(rows, numbers, strict=True)
    )


def _raw(path: str) -> bytes:
    """A path as the system has it; one with a line end is escaped, so that it stays on its line."""
    return os.fsencode(printable(path) if "\n" in path else path)


def table(report: CountReport) -> Iterator[Text]:
    """The same lines with thousands separators, under the names of their columns."""
    from rich.text import Text

    rows = list(_rows(report))
    numbers = [_numbers(row, ",") for row in rows]
    groups, names = _header(report)
    widths = _widths([*numbers, names])
    if len(report.tokenizers) > 1:
        yield Text(_grouped(groups, widths), "dim")
    yield Text(_aligned(names, widths) + _GAP + "path", "bold")
    for row, cells in zip(rows, numbers, strict=True):
        shown = _aligned(cells, widths) + _GAP
        folder, name = os.path.split(printable(row.path))
        if row is report.total:
            yield Text(shown + name, "bold")
        else:
            yield Text.assemble(shown, (os.path.join(folder, ""), "dim"), name)


def _rows(report: CountReport) -> Iterator[CountedSource]:
    yield from report.sources
    if len(report.sources) > 1:
        yield report.total


def _numbers(row: CountedSource, separator: str) -> list[str]:
    """The cells before the path."""
    ids = [f"{n_ids:{separator}}" for n_ids in row.ids]
    per_id = ["-" if number is None else f"{number:.2f}" for number in row.bytes_per_id]
    return [*ids, f"{row.bytes:{separator}}", *per_id, f"{row.documents:{separator}}"]


def _header(report: CountReport) -> tuple[list[tuple[str, int]], list[str]]:
    """The names of the columns, and what is above them: a name, and over how many columns it stands."""
    if len(report.tokenizers) == 1:
        return [], ["ids", "bytes", "bytes/id", "documents"]
    names = [printable(tokenizer.name) for tokenizer in report.tokenizers]
    short = [name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…" for name in names]
    n = len(names)
    return [("ids", n), ("", 1), ("bytes/id", n), ("", 1)], [*names, "bytes", *short, "documents"]


def _grouped(groups: Sequence[tuple[str, int]], widths: Sequence[int]) -> str:
    """Names over several columns, each in the middle of a rule."""
    shown, first = [], 0
    for name, n_columns in groups:
        width = sum(widths[first : first + n_columns]) + len(_GAP) * (n_columns - 1)
        shown.append(f" {name} ".center(width, "─") if name else " " * width)
        first += n_columns
    return _GAP.join(shown).rstrip()


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))


def notes(report: CountReport) -> Iterator[Text]:
    """What the user may not know of the inputs and tokenizers."""
    has_own = any(one.special_tokens or one.engine_note for one in report.tokenizers)
    replaced, skipped = report.total.replaced, report.total.skipped
    # An empty file has its line with a zero.
    empty = sum(source.empty for source in report.sources if source.empty > 1 or source.documents)
    if not (has_own or replaced or skipped or empty or report.passed_over or report.repeated):
        return
    from gptprep.cli.render.common import document_notes, input_notes

    yield from _tokenizer_notes(report.tokenizers)
    yield from input_notes(report.passed_over, report.repeated)
    yield from document_notes(replaced, skipped, empty)


def _tokenizer_notes(tokenizers: Sequence[TokenizerCount]) -> Iterator[Text]:
    from gptprep.cli.render.common import note, special_notes

    several, noted = len(tokenizers) > 1, set[str]()
    for one in tokenizers:
        if one.engine_note:
            yield note(f"{one.name}: {one.engine_note}" if several else one.engine_note)
        new = [found for found in one.special_tokens if found.token not in noted]
        noted.update(found.token for found in new)
        yield from special_notes(new, one.name if several else "")
