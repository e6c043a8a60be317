"""The tokens at the start of a text, as many rows as there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gptprep.cli.render.tokens import aligned, tokens

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.head import Head

_NUMBERS = 22
"""Lines of the numbers of a text, beside the tokens that they list."""
_MIN_ROWS = 2


def head(shown: Head, width: int, height: int | None, top: int) -> tuple[list[Text], bool]:
    """The tokens, and whether these are all of the text, with their numbers.

    Args:
        height: of the terminal; None to show everything.
        top: how many lines the numbers have for tokens.
    """
    reports = shown.reports
    is_one = len(reports) == 1
    lines = list(tokens(reports[0], width) if is_one else aligned(reports, width))
    if shown.is_whole and (height is None or len(lines) < height):
        return lines, True
    per_row, n_numbers = (3, 1) if is_one else (2 * len(reports) + 1, len(reports) + 1)
    body = lines[:-n_numbers]
    if height is not None:
        n_rows = max(_MIN_ROWS, (height - _NUMBERS - top) // per_row)
        body = body[: n_rows * per_row]
    return body, False
