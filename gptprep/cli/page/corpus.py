"""A corpus, and a file of ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from gptprep.cli.page import plots, tokens
from gptprep.cli.page.cells import notes, numbers, table
from gptprep.cli.page.document import card
from gptprep.cli.page.elements import element
from gptprep.cli.render import corpus as shown
from gptprep.cli.render import ids as shown_ids
from gptprep.cli.render.grid import Bar, Cell, Table

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.corpus import CorpusReport
    from gptprep.pipelines.inspect.head import Head
    from gptprep.pipelines.inspect.ids import IdsReport
    from gptprep.pipelines.inspect.lengths import DocumentLengths
    from gptprep.pipelines.inspect.top import RankCount, TokenCount


_MAX_TOKENS = 500
"""At the start of a text, if no number was asked for."""


def head(found: Head, n_tokens: int | None) -> Iterator[Element]:
    """The tokens at the start of a text; `n_tokens` of them if that is given."""
    if len(found.reports) > 1:
        yield tokens.comparison(found.reports)
    elif views := found.reports[0].tokens[: _MAX_TOKENS if n_tokens is None else n_tokens]:
        is_all = found.is_whole and len(views) == len(found.reports[0].tokens)
        title = "The text" if is_all else "Start of the text"
        yield card(title, tokens.running(views), remark="hover over a token for its id", wide=True)


def corpus(report: CorpusReport) -> Iterator[Element]:
    """The numbers of a corpus."""
    ids = report.tokenizers[0].ids
    yield card("Size", numbers(shown.sizes(report)), wide=True)
    if len(report.tokenizers) > 1:
        remark = f"what follows is with {report.tokenizers[0].tokenizer}"
        yield card("Tokenizers", table(shown.tokenizers(report)), remark=remark, wide=True)
    if report.lengths and report.documents > 1:
        yield _lengths(report.lengths)
    if report.ranks:
        yield _ranks(report.ranks)
    if report.most_frequent:
        yield card("Most frequent tokens", table(with_bars(report.most_frequent, ids)))
        remark = f"{report.once:,} of them once" if report.once else ""
        yield card("Rarest that occur", table(shown.token_table(report.rarest, None)), remark=remark)
    if report.scripts.found:
        scripts = shown.scripts(report)
        _, *names, remark = map(str, scripts.header)
        named = Table(scripts.rows, scripts.align, ["script", *names, ""])
        yield card("Scripts", table(named), remark=remark, wide=report.documents > 1)
    if report.sources > 1:
        found = shown.sources(report)
        title, *names = map(str, found.header)
        sources = Table(found.rows, found.align, ["source", *names])
        parts = [(one.path, one.ids) for one in report.largest]
        yield card(title.capitalize(), plots.shares(parts, "ids", ids), table(sources), wide=True)
    yield from notes(shown.notes(report))


def ids(report: IdsReport) -> Iterator[Element]:
    """A file of ids."""
    yield card("Ids", numbers(shown_ids.numbers(report)), wide=True)
    hidden = report.ids - len(report.first) - len(report.last)
    if report.first:
        title = "First ids" if hidden else "All ids"
        views = report.first if hidden else (*report.first, *report.last)
        yield card(title, tokens.over_ids(views), wide=True)
    if hidden and report.last:
        yield card("Last ids", tokens.over_ids(report.last), wide=True)
    if report.ranks:
        yield _ranks(report.ranks)
    if report.most_frequent:
        yield card("Most frequent tokens", table(with_bars(report.most_frequent, report.ids)))


def with_bars(found: Sequence[TokenCount], ids: int) -> Table:
    """Tokens with bars for how often they occur."""
    most = max((token.count for token in found), default=1)
    content = shown.token_table(found, ids)
    rows: list[list[Cell]] = [
        [*row[:3], Bar(token.count / most), row[3]] for row, token in zip(content.rows, found, strict=True)
    ]
    return Table(rows, "<>><>", [*content.header[:3], "", content.header[3]])


def _lengths(lengths: DocumentLengths) -> Element:
    values = [(_range(bucket.start, bucket.stop), bucket.documents) for bucket in lengths.histogram]
    summary = ", ".join(f"{name} {n}" for name, n in shown.length_summary(lengths).items())
    caption = element("p", "documents by their ids, in powers of two", class_="dim")
    return card("Lengths of documents", plots.columns(values, "documents"), caption, remark=summary)


def _range(start: int, stop: int) -> str:
    return f"{start:,}" if stop - start < 2 else f"{start:,}+"


def _ranks(ranks: Sequence[RankCount]) -> Element:
    points = [(one.rank, one.count) for one in ranks]
    caption = element("p", "how often a token occurs, by its rank; both axes are logarithmic", class_="dim")
    return card("Frequency against rank", plots.curve(points, "frequency of tokens by their rank"), caption)
