"""Plots as inline SVG.

Places along the x-axis are percentages, so that a plot is as wide as its card and its labels keep their size
on a phone. Colours are those of the page's style, in light and in dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from gptprep.cli.page.elements import element
from gptprep.cli.render.tables import colour, means

_HEIGHT, _TOP, _BOTTOM = 190, 18, 28
"""Pixels of a plot, above it for the highest label, and below it for the labels of the x-axis."""
_MAX_LABELS = 8
"""Labels of the x-axis that fit on a phone."""
_MAX_CELLS = 200
_STRIP = 34


def bar(part: float) -> Element:
    """A bar in the cell of a table, for a part from 0 to 1."""
    wide = f"{100 * max(0.0, min(1.0, part)):.2f}%"
    return element("svg", element("rect", width=wide, height=10, rx=2), class_="bar", height=10)


def columns(values: Sequence[tuple[str, int]], what: str) -> Element:
    """A histogram: labels and numbers, which are shown on top of the columns where there is room.

    Args:
        what: the things that are counted, for those who hover or hear the page.
    """
    most = max((number for _, number in values), default=0) or 1
    step = 100 / max(1, len(values))
    every = -(-len(values) // _MAX_LABELS)
    room = _HEIGHT - _TOP - _BOTTOM
    parts: list[Element] = []
    for index, (label, number) in enumerate(values):
        tall = max(room * number / most, 1.5 if number else 0)
        title = element("title", f"{label}: {number:,} {what}")
        place = {"x": f"{index * step + step * 0.08:.3f}%", "width": f"{step * 0.84:.3f}%"}
        place |= {"y": f"{_HEIGHT - _BOTTOM - tall:.1f}", "height": f"{tall:.1f}"}
        parts.append(element("rect", title, rx=2, class_="column", **place))
        middle = f"{(index + 0.5) * step:.3f}%"
        if index % every == 0:
            parts.append(_label(label, middle, _HEIGHT - 9, "middle"))
        if number and (len(values) <= _MAX_LABELS or number == most):
            parts.append(_label(_short(number), middle, _HEIGHT - _BOTTOM - tall - 5, "middle", "value"))
    parts.append(_line("0%", _HEIGHT - _BOTTOM + 0.5, "100%"))
    return _plot(parts, what)


def curve(points: Sequence[tuple[int, int]], what: str) -> Element:
    """A curve of positive whole numbers, with logarithmic axes.

    The labels of the y-axis are on the right, where a curve that falls leaves room.
    """
    x_max = max(math.log10(max(x for x, _ in points)), 1e-9)
    y_max = max(math.ceil(math.log10(max(y for _, y in points))), 1)
    room = _HEIGHT - _TOP - _BOTTOM
    parts: list[Element] = []
    for power in range(0, y_max + 1, 1 + y_max // 6):
        y = _TOP + room - room * power / y_max + 0.5
        parts.append(_line("0%", y, "100%"))
        if power:  # the curve ends where the label of 1 would be
            parts.append(_label(_short(10**power), "100%", y - 4, "end"))
    for power in range(0, int(x_max + 1e-9) + 1, 1 + int(x_max) // 5):
        share = power / x_max
        anchor = "start" if share < 0.05 else "end" if share > 0.95 else "middle"
        parts.append(_label(_short(10**power), f"{100 * share:.2f}%", _HEIGHT - 9, anchor))
    places = (
        f"{1000 * math.log10(x) / x_max:.1f} {1000 - 1000 * math.log10(y) / y_max:.1f}" for x, y in points
    )
    path = element("path", d=f"M{' L'.join(places)}", class_="curve", vector_effect="non-scaling-stroke")
    box = {"viewBox": "0 0 1000 1000", "preserveAspectRatio": "none"}
    parts.append(element("svg", path, y=_TOP, width="100%", height=room, **box))
    return _plot(parts, what)


def shares(parts: Sequence[tuple[str, int]], what: str, of: int = 0) -> Element:
    """One bar that is divided, and a legend.

    Args:
        of: the number of all, if there are others than these parts.
    """
    if (others := of - sum(number for _, number in parts)) > 0:
        parts = [*parts, ("others", others)]
    total = sum(number for _, number in parts) or 1
    rects, legend, start = [], [], 0.0
    for index, (name, number) in enumerate(parts):
        percent = 100 * number / total
        title = element("title", f"{name}: {number:,} {what}, {percent:.1f} %")
        place = {"x": f"{start:.3f}%", "width": f"{percent:.3f}%"}
        rects.append(element("rect", title, height=26, class_=f"share c{index % 6}", **place))
        mark = element("svg", element("rect", width=10, height=10, rx=2), class_=f"mark c{index % 6}")
        legend.append(element("span", mark, f" {name} ", element("b", f"{percent:.1f} %")))
        start += percent
    bar_of_parts = element("svg", rects, width="100%", height=26, class_="shares", role="img")
    bar_of_parts.set("aria-label", f"{what} by part")
    return element("div", bar_of_parts, element("p", legend, class_="legend"))


def strip(values: Sequence[float | None], label: str) -> Element:
    """Cosines as a row of coloured cells."""
    shown = means(values, _MAX_CELLS)
    step = 100 / max(1, len(shown))
    cells = [
        element("rect", x=f"{i * step:.3f}%", width=f"{step * 1.02:.3f}%", height=_STRIP, fill=colour(value))
        for i, value in enumerate(shown)
        if value is not None
    ]
    drawn = element("svg", cells, width="100%", height=_STRIP, class_="strip", role="img")
    drawn.set("aria-label", label)
    return drawn


def legend_of_cosines() -> Element:
    """What the colours of a strip mean."""
    marks: list[Element | str] = []
    for value in (-1, 0, 1):
        fill = colour(value)
        mark = element("svg", element("rect", width=10, height=10, rx=2, fill=fill), class_="mark")
        marks.append(element("span", mark, f" {value}"))
    return element("p", marks, class_="legend")


def _plot(parts: Sequence[Element], what: str) -> Element:
    drawn = element("svg", parts, width="100%", height=_HEIGHT, class_="plot", role="img")
    drawn.set("aria-label", what)
    return drawn


def _label(text: str, x: str, y: float, anchor: str, kind: str = "tick") -> Element:
    return element("text", text, x=x, y=f"{y:.1f}", text_anchor=anchor, class_=kind)


def _line(x1: str, y: float, x2: str) -> Element:
    return element("line", x1=x1, x2=x2, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="axis")


def _short(number: int) -> str:
    """`950`, `12k`, `3.4M`."""
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= unit:
            digits = f"{number / unit:.1f}" if number < 10 * unit else f"{number / unit:.0f}"
            return digits.removesuffix(".0") + name
    return str(number)
