"""Aligned columns without lines around them, blocks side by side, and bars of characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

_GAP, _BLOCK_GAP = 2, 4
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
LABEL, BAR = "dim", "#5f87af"
"""A grey that every terminal has, and a blue that is readable on black and on white."""


class Block(NamedTuple):
    """Lines with a title."""

    title: str
    lines: Sequence[Text]

    @property
    def width(self) -> int:
        """Of the widest line."""
        return max(cell_len(self.title), *(line.cell_len for line in self.lines), 0)


def facts(pairs: Iterable[tuple[str, Text | str]], width: int) -> Iterator[Text]:
    """Labels and what they stand for, which continues below itself where the line is full."""
    texts = [(label, Text(value) if isinstance(value, str) else value) for label, value in pairs]
    indent = max((len(label) for label, _ in texts), default=0) + _GAP
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


def grid(rows: Iterable[Sequence[Text | str]], align: str, header: Sequence[str] = ()) -> list[Text]:
    """Rows with aligned columns.

    Args:
        align: "<" or ">" for each column.
        header: names of the columns; none for no line of names.
    """
    cells = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    if header:
        cells.insert(0, [Text(name, LABEL) for name in header])
    widths = [max((cell.cell_len for cell in column), default=0) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        line = Text()
        for number, (cell, width, side) in enumerate(zip(row, widths, align, strict=True)):
            space = " " * (width - cell.cell_len)
            line.append(" " * _GAP if number else "")
            line.append(space if side == ">" else "").append_text(cell)
            line.append("" if side == ">" else space)
        line.rstrip()
        lines.append(line)
    return lines


def beside(blocks: Iterable[Block], width: int) -> Iterator[Text]:
    """Blocks next to each other, as many as fit; an empty line between rows of blocks."""
    row: list[Block] = []
    for block in (block for block in blocks if block.lines):
        if row and sum(one.width + _BLOCK_GAP for one in row) + block.width > width:
            yield from _joined(row)
            yield Text()
            row = []
        row.append(block)
    yield from _joined(row)


def _joined(row: Sequence[Block]) -> Iterator[Text]:
    if not row:
        return
    for number in range(max(len(block.lines) for block in row) + 1):
        whole = Text()
        for block in row:
            lines = [Text(block.title, "bold"), *block.lines]
            line = lines[number] if number < len(lines) else Text()
            whole.append_text(line).append(" " * (block.width - line.cell_len + _BLOCK_GAP))
        whole.rstrip()
        yield whole


def bar(share: float, width: int) -> Text:
    """A bar for a number from 0 to 1; anything above 0 is visible."""
    eighths = round(max(0.0, min(share, 1.0)) * width * 8)
    eighths = max(eighths, 1) if share > 0 else eighths
    full, rest = divmod(eighths, 8)
    return Text("█" * full + (_EIGHTHS[rest] if rest else ""), BAR)


def heights(counts: Sequence[int]) -> Text:
    """Numbers as a row of small columns; what is 0 is a space."""
    highest = max(counts, default=0)
    signs = (_HEIGHTS[min(7, 8 * count // (highest + 1))] if count else " " for count in counts)
    return Text("".join(signs), BAR)
