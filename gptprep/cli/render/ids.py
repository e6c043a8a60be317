"""What a file of ids holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from gptprep.cli.numbers import plural, size
from gptprep.cli.render.corpus import percent, token_table
from gptprep.cli.render.grid import facts, heading
from gptprep.cli.render.tokens import rows, token_lines

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.ids import IdsReport

_ROWS = 2
"""Rows of the first and of the last tokens."""


def ids(report: IdsReport, width: int, *, all_tokens: bool) -> Iterator[Text]:
    """Provenance and numbers, first and last tokens, most frequent tokens.

    Args:
        all_tokens: whether to show all tokens of the report, or as many as fit in two rows.
    """
    yield from facts(numbers(report), width)
    first, last = list(rows(report.first, width)), list(rows(report.last, width))
    hidden = report.ids - len(report.first) - len(report.last)
    if not all_tokens:
        is_short = not hidden and len(first) + len(last) <= 2 * _ROWS
        first, last = (first + last, []) if is_short else (first[:_ROWS], last[-_ROWS:] or first[-_ROWS:])
    if first:
        yield Text()
        yield heading("ids" if not last else "first ids")
        yield from token_lines(first)
    if last:
        yield heading("last ids")
        yield from token_lines(last)
    if report.most_frequent:
        if not first:
            yield Text()
        yield heading("most frequent tokens")
        yield from token_table(report.most_frequent, report.ids).lines(width)


def numbers(report: IdsReport) -> list[tuple[str, str, str]]:
    """What there is, how much, and a remark."""
    made = report.provenance
    by = f"says {made.path}" if made else f"not known: there is no {report.path}.json"
    ends = f"{plural(report.ends, 'end-of-text id')}" if report.eot is not None else "no end-of-text token"
    used = f"of {report.n_vocab:,} tokens used, {percent(report.used, report.n_vocab)}"
    lines = [
        ("ids", f"{report.ids:,}", f"{report.dtype}, {size(report.bytes)}"),
        ("documents", f"{report.documents:,}", ends),
        ("vocabulary", f"{report.used:,}", used),
        ("tokenizer", report.tokenizer, by),
    ]
    if made:
        lines.append(("sha256", "", made.ids_sha256))
    return lines
