"""Tables, lists of facts and styled texts of the terminal as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from rich.style import Style
from rich.text import Text

from gptprep.cli.page.elements import Content, element
from gptprep.cli.page.plots import bar
from gptprep.cli.render.grid import Bar, Cell, Table
from gptprep.cli.render.tokens import COLOURS

ANY_WIDTH = 1000
"""Columns of a terminal on which nothing is shortened but very long names."""
_WIDE = 4
"""Columns without bars that fit on a phone; a wider table becomes a list there."""


def inline(text: str | Text) -> list[Content]:
    """A text with the styles of a terminal."""
    if isinstance(text, str):
        return [text]
    places = sorted({0, len(text), *(place for span in text.spans for place in (span.start, span.end))})
    parts = text.divide(places[1:-1]) if len(places) > 2 else [text]
    return [_styled(part) for part in parts if part.plain]


def _styled(part: Text) -> Content:
    style = Style.combine(
        Style.parse(str(name)) for name in (part.style, *(span.style for span in part.spans))
    )
    if style.bgcolor:
        shade = style.bgcolor.name.removeprefix("#")
        kind = f"t{COLOURS.index(shade)}" if shade in COLOURS else "special"
        return element("span", part.plain, class_=f"token {kind}")
    if style.dim:
        return element("span", part.plain, class_="dim")
    return element("b", part.plain) if style.bold else part.plain


def table(content: Table, *, of_tokens: bool = False) -> Element:
    """A table.

    Args:
        of_tokens: whether names are tokens, which are easier to read if all characters are equally wide.
    """
    names = [str(name) for name in content.header]
    n_bars = sum(isinstance(cell, Bar) for row in content.rows[:1] for cell in row)
    wide = len(content.align) - n_bars > _WIDE
    head: list[Element] = []
    if any(names):
        cells = [
            element("th", name, class_=_side(side)) for name, side in zip(names, content.align, strict=True)
        ]
        head = [element("thead", element("tr", cells))]
    rows = [element("tr", _cells(row, content.align, names)) for row in content.rows]
    return element(
        "table",
        head,
        element("tbody", rows),
        class_=f"{'wide' if wide else 'narrow'}{' of-tokens' if of_tokens else ''}",
    )


def _cells(row: Sequence[Cell], align: str, names: Sequence[str]) -> Iterable[Element]:
    for index, (cell, side) in enumerate(zip(row, align, strict=True)):
        shown: Content = [bar(cell.part)] if isinstance(cell, Bar) else inline(cell)
        kind = "bars" if isinstance(cell, Bar) else _side(side)
        made = element("td", shown, class_=kind)
        if index and index < len(names) and names[index]:
            made.set("data-label", names[index])
        yield made


def _side(side: str) -> str:
    return "number" if side == ">" else "name"


def facts(pairs: Iterable[tuple[str, str | Text]]) -> Element:
    """Labels and what they stand for."""
    return element(
        "dl", [element("div", element("dt", label), element("dd", inline(value))) for label, value in pairs]
    )


def numbers(rows: Iterable[tuple[str, str, str]]) -> Element:
    """Names, large numbers and remarks."""
    found = []
    for name, number, remark in rows:
        large = [element("strong", number)] if number else []
        found.append(element("div", element("span", name, class_="dim"), large, element("small", remark)))
    return element("div", found, class_="numbers")


def notes(texts: Iterable[str | Text]) -> list[Element]:
    """What one may not expect."""
    return [element("p", inline(text), class_="note") for text in texts]
