"""A tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from gptprep.cli.page import plots
from gptprep.cli.page.cells import ANY_WIDTH, facts, notes, numbers, table
from gptprep.cli.page.document import card
from gptprep.cli.page.elements import element
from gptprep.cli.render import tokenizer as shown
from gptprep.cli.render.common import text_notes
from gptprep.cli.render.grid import Bar, Cell, Table

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.coverage import Coverage
    from gptprep.pipelines.inspect.tokenizer import TokenizerReport


def tokenizer(report: TokenizerReport) -> Iterator[Element]:
    """The entries, the string or the text that was asked for; otherwise all that there is to say."""
    large = [
        ("kind", shown.KINDS[report.kind], ""),
        ("ids", f"{report.n_vocab:,}", f"{report.tokens:,} with a token"),
    ]
    yield card("Tokenizer", numbers(large), wide=True)
    if report.entries is not None:
        yield card("Entries", table(shown.entries(report.entries, ANY_WIDTH), of_tokens=True), wide=True)
    if report.found is not None:
        sentences = [element("p", sentence) for sentence in shown.sentences(report.found)]
        entries = table(shown.entries(report.found.entries, ANY_WIDTH), of_tokens=True)
        yield card(f"Entries that contain “{report.found.string}”", sentences, entries, wide=True)
    if report.coverage is not None:
        yield from _coverage(report.coverage)
    if report.entries is None and report.found is None and report.coverage is None:
        yield card("What it has", facts(shown.facts(report, ANY_WIDTH)))
        yield card("Tokens by length in bytes", plots.columns(shown.lengths(report), "tokens"))
        if report.first_merges:
            yield card("First merges", table(shown.merges(report.first_merges), of_tokens=True))
        if report.longest:
            yield card(
                "Longest tokens, in bytes", table(shown.longest(report.longest, ANY_WIDTH), of_tokens=True)
            )
    if report.engine_note:
        yield from notes([f"note: {report.engine_note}"])


def _coverage(coverage: Coverage) -> Iterator[Element]:
    rows: list[list[Cell]] = [
        [label, value, "" if share is None else Bar(share)]
        for label, value, share in shown.coverage_facts(coverage)
    ]
    yield card("Coverage", table(Table(rows, "<<<")), wide=True)
    if coverage.missing:
        highest = coverage.missing[0].occurrences
        missing: list[list[Cell]] = [
            [
                one.token,
                f"{one.occurrences:,}",
                f"{100 * one.occurrences / coverage.count:.2f} %",
                Bar(one.occurrences / highest),
            ]
            for one in coverage.missing
        ]
        remark = f"{coverage.distinct_missing:,} different ones"
        title = f"Most frequent missing {coverage.unit}s"
        header = [coverage.unit, "count", "percent", ""]
        yield card(title, table(Table(missing, "<>><", header), of_tokens=True), remark=remark, wide=True)
    yield from notes(text_notes(coverage))
