"""Tokens in colour with their ids below, of one tokenizer or of several in aligned columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from gptprep.cli.numbers import plural

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.text import InspectReport, TokenView
    from gptprep.pipelines.inspect.top import TokenCount

COLOURS = "9ad1d4", "f2d388", "c5b3e6", "a8d89b", "f2b5a7"
_TOKEN_STYLES = [f"black on #{colour}" for colour in COLOURS]
_SPECIAL_STYLE = "bold white on #b0306a"
_SHARED, _OWN = ("│", "dim"), ("┃", "bold red")
"""Between tokens of several tokenizers: where all divide the text, and where not all do."""


def text(reports: Sequence[InspectReport], width: int) -> Iterator[Text]:
    """A text with one tokenizer or with several."""
    return tokens(reports[0], width) if len(reports) == 1 else aligned(reports, width)


def tokens(report: InspectReport, width: int) -> Iterator[Text]:
    """Tokens with their ids below, in rows as wide as the terminal, and a line of numbers."""
    yield from token_lines(rows(report.tokens, width))
    yield numbers(report)


def token_lines(all_rows: Iterable[list[tuple[int, TokenView]]]) -> Iterator[Text]:
    """Rows of tokens with their ids below, and an empty line after each."""
    for row in all_rows:
        shown, ids = Text(), Text()
        for index, token in row:
            cell = max(cell_len(token.token), len(str(token.id)))
            shown.append(token.token, style_of(index, token))
            shown.append(" " * (cell - cell_len(token.token) + 1))
            ids.append(f"{token.id:<{cell}} ", "dim")
        for line in (shown, ids):
            line.rstrip()
            yield line
        yield Text()


def style_of(index: int, token: TokenView | TokenCount) -> str:
    """The style of a token; neighbours have different colours."""
    return _SPECIAL_STYLE if token.special else _TOKEN_STYLES[index % len(_TOKEN_STYLES)]


def numbers(report: InspectReport) -> Text:
    """How many tokens a text has, and how long they are."""
    count = len(report.tokens)
    each = f", {report.bytes / count:.1f} bytes each" if count else ""
    return Text(
        f"{plural(count, 'token')}, {plural(report.bytes, 'byte')}{each} · {report.tokenizer}", "bold"
    )


def rows(views: tuple[TokenView, ...], width: int) -> Iterator[list[tuple[int, TokenView]]]:
    """Tokens and their numbers, as many as fit in a row; a newline ends one."""
    row: list[tuple[int, TokenView]] = []
    used = 0
    for index, token in enumerate(views):
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


# Several tokenizers


@dataclass
class _Column:
    """The text between two places where at least one tokenizer divides it."""

    stop: int
    """In bytes from the start of the text."""
    width: int = 0


@dataclass(frozen=True)
class _Cell:
    """A token and the columns that it covers."""

    index: int
    token: TokenView
    first: int
    last: int


def aligned(reports: Sequence[InspectReport], width: int) -> Iterator[Text]:
    """The same text with several tokenizers: one under the other, divided where they divide it."""
    stops = [list(accumulate(token.bytes for token in report.tokens)) for report in reports]
    columns = [_Column(stop) for stop in sorted(set().union(*stops))]
    numbers_of = {column.stop: number for number, column in enumerate(columns)}
    shared = set(stops[0]).intersection(*stops[1:])
    grid = [_cells(report, ends, numbers_of) for report, ends in zip(reports, stops, strict=True)]
    _widen(columns, grid)
    label = min(max(cell_len(report.tokenizer) for report in reports), max(4, width // 4))
    for first, stop in _column_rows(columns, shared, width - label - 2):
        for report, cells in zip(reports, grid, strict=True):
            name = report.tokenizer if len(report.tokenizer) <= label else report.tokenizer[: label - 1] + "…"
            yield from _line(name.ljust(label), cells, columns, (first, stop), shared)
        yield Text()
    for report in reports:
        yield numbers(report)
    own = len(columns) - len(shared)
    if own:
        yield Text(f"{_OWN[0]} {plural(own, 'place')} where not all of them divide the text", "red")
    else:
        yield Text("all divide the text at the same places")


def _cells(report: InspectReport, stops: list[int], numbers_of: dict[int, int]) -> list[_Cell]:
    cells, first = [], 0
    for index, (token, stop) in enumerate(zip(report.tokens, stops, strict=True)):
        last = numbers_of[stop]
        cells.append(_Cell(index, token, first, last))
        first = last + 1
    return cells


def _widen(columns: list[_Column], grid: list[list[_Cell]]) -> None:
    """Make the columns wide enough for all tokens and ids; between two columns there is a sign."""
    for cells in sorted(grid, key=len, reverse=True):  # most tokens first: they determine most columns
        for cell in cells:
            span = columns[cell.first : cell.last + 1]
            wanted = max(cell_len(cell.token.token), len(str(cell.token.id)))
            missing = wanted - sum(column.width for column in span) - (len(span) - 1)
            span[-1].width += max(0, missing)


def _column_rows(columns: list[_Column], shared: set[int], width: int) -> Iterator[tuple[int, int]]:
    """The columns of each row: as many as fit, up to a place where all tokenizers divide the text."""
    first = used = 0
    last_shared = 0
    for number, column in enumerate(columns):
        if used + column.width + 1 > width and last_shared > first:
            yield first, last_shared
            first = last_shared
            used = sum(other.width + 1 for other in columns[first:number])
        used += column.width + 1
        if column.stop in shared:
            last_shared = number + 1
    if columns:
        yield first, len(columns)


def _line(
    label: str, cells: list[_Cell], columns: list[_Column], row: tuple[int, int], shared: set[int]
) -> Iterator[Text]:
    """The tokens and the ids of one tokenizer in a row of columns."""
    shown, ids = Text(f"{label}  ", "bold"), Text(" " * (len(label) + 2))
    for cell in cells:
        if not row[0] <= cell.first < row[1]:
            continue
        span = columns[cell.first : cell.last + 1]
        width = sum(column.width for column in span) + len(span) - 1
        style = style_of(cell.index, cell.token)
        shown.append(cell.token.token, style)
        shown.append(" " * (width - cell_len(cell.token.token)), style)
        shown.append(*(_SHARED if span[-1].stop in shared else _OWN))
        ids.append(f"{cell.token.id:<{width}} ", "dim")
    ids.rstrip()
    yield shown
    yield ids
