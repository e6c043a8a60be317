"""A picture of what a terminal shows, as SVG."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gptprep.cli.numbers import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
    font-variant-east-asian: full-width;
}}
.{unique_id}-title {{
    font-family: system-ui, sans-serif;
    font-size: 18px;
    font-weight: bold;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Fonts are those of the viewer, so that the file needs no other."""


_BACKGROUND, _FOREGROUND = (24, 27, 32), (226, 229, 232)
_NORMAL = [
    (17, 17, 17),
    (224, 108, 117),
    (126, 190, 120),
    (229, 192, 103),
    (110, 168, 220),
    (203, 130, 214),
    (96, 186, 196),
    (226, 229, 232),
]
"""Black, red, green, yellow, blue, magenta, cyan and white, as red, green and blue."""


def picture(lines: Iterable[RenderableType], width: int, title: str) -> str:
    """The SVG of lines on a dark terminal.

    Args:
        width: columns of the terminal; it is wider where a line is.
    """
    from rich.console import Console
    from rich.terminal_theme import TerminalTheme
    from rich.text import Text

    shown = list(lines)
    longest = max((line.cell_len for line in shown if isinstance(line, Text)), default=0)
    console = Console(
        record=True,
        file=io.StringIO(),
        width=max(width, longest),
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
    )
    for line in shown:
        console.print(line)
    theme = TerminalTheme(_BACKGROUND, _FOREGROUND, _NORMAL)
    return console.export_svg(title=printable(title), theme=theme, code_format=_FORMAT)
