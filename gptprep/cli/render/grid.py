"""Aligned columns and bars without lines around them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from gptprep.cli.numbers import printable

GAP = 3
"""Columns of the terminal between two columns of a grid."""
BAR_STYLE = "#5f9ea0"
"""Readable on dark and on light backgrounds."""
_EIGHTHS = " ▏▎▍▌▋▊▉"
_MIN_FIRST = 12
_MIN_BAR, _MAX_BAR = 4, 40
_BESIDE_GAP = 6


class Bar(NamedTuple):
    """A cell of the last column of a grid: as wide as there is room for, if `part` is 1."""

    part: float
    has_blocks: bool


Cell = str | Text | Bar


def grid(header: Sequence[str | Text], rows: Sequence[Sequence[Cell]], width: int) -> list[Text]:
    """Rows under a header, whose names are dim if they are strings.

    The first column is left-aligned and is shortened if the rows are too wide; texts (not strings) and bars
    are left-aligned too, and all else is right-aligned.
    """
    table = [[_text(cell) for cell in row] for row in rows]
    left = [n for n in range(len(header)) if n == 0 or any(not isinstance(row[n], str) for row in rows)]
    table.insert(0, [name if isinstance(name, Text) else Text(name, "dim") for name in header])
    widths = [max((row[n].cell_len for row in table), default=0) for n in range(len(header))]
    has_bars = any(isinstance(row[-1], Bar) for row in rows)
    if has_bars:
        widths[-1] = max(widths[-1], _MIN_BAR)
    others = sum(widths[1:]) + GAP * (len(widths) - 1)
    widths[0] = max(min(widths[0], width - others), min(widths[0], _MIN_FIRST))
    if has_bars:
        widths[-1] = max(_MIN_BAR, min(_MAX_BAR, width - widths[0] - others + widths[-1]))
        for line, row in zip(table[1:], rows, strict=True):
            if isinstance(last := row[-1], Bar):
                line[-1] = bar(last.part, widths[-1], has_blocks=last.has_blocks)
    return [_line(row, widths, left) for row in table]


def _text(cell: Cell) -> Text:
    if isinstance(cell, Bar):
        return Text()
    return cell.copy() if isinstance(cell, Text) else Text(printable(cell))


def _line(row: Sequence[Text], widths: Sequence[int], left: Sequence[int]) -> Text:
    line = Text()
    for n, (cell, width) in enumerate(zip(row, widths, strict=True)):
        if cell.cell_len > width:
            cell.truncate(width, overflow="ellipsis")
        padding = " " * (width - cell.cell_len)
        line.append(" " * (GAP if n else 0))
        line = line + cell + padding if n in left else line + padding + cell
    line.rstrip()
    return line


def bar(part: float, width: int, *, has_blocks: bool) -> Text:
    """A bar for a part (0 to 1) of `width` columns; something is seen of every part above 0."""
    eighths = max(round(part * width * 8), 1 if part else 0)
    if not has_blocks:
        return Text("#" * -(-eighths // 8), BAR_STYLE)
    return Text("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip(), BAR_STYLE)


def beside(left: list[Text], right: list[Text], width: int) -> list[Text]:
    """Two blocks side by side, or one under the other where the terminal is too narrow."""
    if not left or not right:
        return left or right
    column = max(line.cell_len for line in left) + _BESIDE_GAP
    if column + max(line.cell_len for line in right) > width:
        return [*left, Text(), *right]
    lines = []
    for a, b in zip_longest(left, right, fillvalue=Text()):
        line = Text() + a + " " * (column - a.cell_len) + b
        line.rstrip()
        lines.append(line)
    return lines


def heading(text: str, remark: str = "") -> Text:
    """The title of a block."""
    return Text.assemble((printable(text), "bold"), (f"  {printable(remark)}" if remark else "", "dim"))


def facts(rows: Sequence[tuple[str, str, str]], width: int) -> list[Text]:
    """What there is, how many, and a remark: names in dim, numbers in bold and right-aligned.

    On a narrow terminal the remarks are on lines of their own.
    """
    names = max(cell_len(name) for name, _, _ in rows)
    numbers = max(cell_len(number) for _, number, _ in rows)
    lines = []
    for name, number, remark in rows:
        gap = " " * (GAP + names - cell_len(name) + numbers - cell_len(number))
        line = Text.assemble((name, "dim"), gap if number else "", (number, "bold"))
        rest = Text(printable(remark))
        if line.cell_len + GAP + rest.cell_len > width:
            lines += [line, Text("  ") + rest]
        else:
            lines.append(line + " " * (GAP + (0 if number else names - cell_len(name))) + rest)
    for line in lines:
        line.rstrip()
    return lines


def flow(items: Sequence[Text], width: int) -> list[Text]:
    """Items one after the other, in as many lines as they need."""
    lines = [Text()]
    for item in items:
        if lines[-1] and lines[-1].cell_len + GAP + item.cell_len > width:
            lines.append(Text())
        lines[-1] = lines[-1] + " " * GAP + item if lines[-1] else item
    return lines
