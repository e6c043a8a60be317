"""Aligned columns without lines around them, blocks side by side, and bars of characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from gptprep.cli.numbers import printable
from gptprep.cli.terminal import has_blocks

GAP, _BLOCK_GAP = 2, 4
"""Columns of the terminal between two columns of a grid, and between two blocks."""
LABEL, BAR_STYLE = "dim", "#5f87af"
"""A grey that every terminal has, and a blue that is readable on black and on white."""
_EIGHTHS, _HEIGHTS = " ▏▎▍▌▋▊▉", "▁▂▃▄▅▆▇█"
_ASCII_HEIGHTS = "_.:-=+*#"
_MIN_FIRST = 12
_MIN_BAR, _MAX_BAR = 4, 40


class Bar(NamedTuple):
    """A cell of the last column of a grid with a width: as long as there is room for, if `part` is 1."""

    part: float


Cell = str | Text | Bar


class Table(NamedTuple):
    """What a grid shows, and a page as a table."""

    rows: Sequence[Sequence[Cell]]
    align: str
    """"<" or ">" for each column."""
    header: Sequence[str | Text] = ()

    def first(self, n_columns: int) -> Table:
        """Without the columns that there is no room for."""
        rows = [row[:n_columns] for row in self.rows]
        return Table(rows, self.align[:n_columns], self.header[:n_columns])

    def lines(self, width: int | None = None) -> list[Text]:
        """On a terminal; see `grid`."""
        return grid(self.rows, self.align, self.header, width)


def grid(
    rows: Iterable[Sequence[Cell]], align: str, header: Sequence[str | Text] = (), width: int | None = None
) -> list[Text]:
    """Rows with aligned columns.

    Args:
        align: "<" or ">" for each column.
        header: names of the columns, which are dim if they are strings; none for no line of names.
        width: what the rows may take: the first column is shortened if they are too wide, and bars fill it.
    """
    cells = list(rows)
    table = [[_text(cell) for cell in row] for row in cells]
    if header:
        table.insert(0, [name if isinstance(name, Text) else Text(name, LABEL) for name in header])
    widths = [max((cell.cell_len for cell in column), default=0) for column in zip(*table, strict=True)]
    if width is not None and widths:
        _fit(widths, width, has_bars=any(isinstance(row[-1], Bar) for row in cells))
    for line, row in zip(table[bool(header) :], cells, strict=True):
        if isinstance(last := row[-1], Bar):
            line[-1] = bar(last.part, widths[-1])
    return [_line(row, widths, align) for row in table]


def _text(cell: Cell) -> Text:
    if isinstance(cell, Bar):
        return Text()
    return cell.copy() if isinstance(cell, Text) else Text(printable(cell))


def _fit(widths: list[int], width: int, *, has_bars: bool) -> None:
    """Shorten the first column so that all fit, and give what is left to bars."""
    if has_bars:
        widths[-1] = max(widths[-1], _MIN_BAR)
    others = sum(widths[1:]) + GAP * (len(widths) - 1)
    widths[0] = max(min(widths[0], width - others), min(widths[0], _MIN_FIRST))
    if has_bars:
        widths[-1] = max(_MIN_BAR, min(_MAX_BAR, width - widths[0] - others + widths[-1]))


def _line(row: Sequence[Text], widths: Sequence[int], align: str) -> Text:
    line = Text()
    for number, (cell, width, side) in enumerate(zip(row, widths, align, strict=True)):
        if cell.cell_len > width:
            cell.truncate(width, overflow="ellipsis")
        space = " " * (width - cell.cell_len)
        line.append(" " * GAP if number else "")
        line.append(space if side == ">" else "").append_text(cell)
        line.append("" if side == ">" else space)
    line.rstrip()
    return line


def bar(part: float, width: int) -> Text:
    """A bar for a part (0 to 1) of `width` columns; something is seen of every part above 0."""
    eighths = max(round(max(0.0, min(part, 1.0)) * width * 8), 1 if part > 0 else 0)
    if not has_blocks():
        return Text("#" * -(-eighths // 8), BAR_STYLE)
    return Text("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip(), BAR_STYLE)


def heights(counts: Sequence[int]) -> Text:
    """Numbers as a row of small columns; what is 0 is a space."""
    highest, signs = max(counts, default=0), _HEIGHTS if has_blocks() else _ASCII_HEIGHTS
    return Text("".join(signs[min(7, 8 * n // (highest + 1))] if n else " " for n in counts), BAR_STYLE)


def beside(blocks: Iterable[Sequence[Text]], width: int) -> Iterator[Text]:
    """Blocks of lines next to each other, as many as fit; an empty line between rows of blocks."""
    row: list[Sequence[Text]] = []
    used = 0
    for block in (block for block in blocks if block):
        wide = max(line.cell_len for line in block)
        if row and used + wide > width:
            yield from _joined(row)
            yield Text()
            row, used = [], 0
        row.append(block)
        used += wide + _BLOCK_GAP
    yield from _joined(row)


def _joined(row: Sequence[Sequence[Text]]) -> Iterator[Text]:
    widths = [max(line.cell_len for line in block) for block in row]
    for lines in zip_longest(*row, fillvalue=Text()):
        whole = Text()
        for line, width in zip(lines, widths, strict=True):
            whole.append_text(line).append(" " * (width - line.cell_len + _BLOCK_GAP))
        whole.rstrip()
        yield whole


def heading(text: str, remark: str = "") -> Text:
    """The title of a block."""
    return Text.assemble((printable(text), "bold"), (f"  {printable(remark)}" if remark else "", LABEL))


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


def labelled(pairs: Iterable[tuple[str, Text | str]], width: int) -> Iterator[Text]:
    """Labels and what they stand for, which continues below itself where the line is full."""
    texts = [(label, Text(printable(value)) if isinstance(value, str) else value) for label, value in pairs]
    indent = max((len(label) for label, _ in texts), default=0) + GAP
    for label, value in texts:
        first = True
        for line in folded(value, max(8, width - indent)):
            yield Text.assemble((f"{label if first else '':<{indent}}", LABEL), line)
            first = False


def folded(text: Text, width: int) -> Iterator[Text]:
    """A text in lines of a width, divided at spaces where there are some."""
    while text.cell_len > width:
        used = stop = place = 0
        for position, character in enumerate(text.plain):
            used += cell_len(character)
            if used > width:
                break
            stop = position + 1
            if character == " ":
                place = position + 1
        head, text = text.divide([place or max(1, stop)])
        head.rstrip()
        yield head
    yield text


def shortened(text: str, width: int, style: str = "") -> Text:
    """A text that takes at most a number of cells, ending in … if it is longer."""
    made = Text(text, style)
    made.truncate(max(1, width), overflow="ellipsis")
    return made
