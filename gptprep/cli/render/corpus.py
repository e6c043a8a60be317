"""The numbers of a corpus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from gptprep.cli.numbers import plural, size
from gptprep.cli.render.common import special_notes, text_notes
from gptprep.cli.render.grid import Bar, Cell, Table, beside, facts, flow, heading
from gptprep.cli.render.tokens import style_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gptprep.pipelines.inspect.corpus import CorpusReport, TokenizerCounts
    from gptprep.pipelines.inspect.lengths import DocumentLengths
    from gptprep.pipelines.inspect.top import TokenCount

_MAX_SCRIPTS = 10
_WIDE = 60
"""Columns of a terminal that has room for everything about a source."""


def numbers(report: CorpusReport, width: int) -> Iterator[Text]:
    """Sizes, lengths of documents, tokens, scripts and sources."""
    yield from _sizes(report, width)
    if report.lengths and report.documents > 1:
        yield Text()
        yield from _lengths(report.lengths, width)
    if report.most_frequent:
        yield Text()
        yield from _tokens(report, width)
    if report.scripts.found:
        yield Text()
        yield from _scripts(report, width)
    if report.sources > 1:
        yield Text()
        yield from _sources(report, width)


def notes(report: CorpusReport) -> Iterator[Text]:
    """What one may not expect of the text."""
    yield from special_notes(report.special_tokens)
    yield from text_notes(report)


def per_id(n_bytes: int, ids: int) -> str:
    """Bytes per id."""
    return f"{n_bytes / ids:.2f}" if ids else "-"


def percent(part: float, of: float) -> str:
    """`12.34 %`."""
    return f"{100 * part / of:.2f} %" if of else "-"


def _sizes(report: CorpusReport, width: int) -> Iterator[Text]:
    yield from facts(list(sizes(report)), width)
    if len(report.tokenizers) > 1:
        yield Text()
        n_columns = 5 if width >= _WIDE else 4
        yield from tokenizers(report).first(n_columns).lines(width)
        yield Text()
        yield Text(f"with {report.tokenizers[0].tokenizer}:")


def sizes(report: CorpusReport) -> Iterator[tuple[str, str, str]]:
    """What there is, how much, and a remark; ids if there is one tokenizer."""
    first, *others = report.tokenizers
    sources = plural(report.sources, "source") if report.sources > 1 else report.largest[0].path
    yield "text", size(report.text_bytes), f"{plural(report.documents, 'document')} in {sources}"
    if not others:
        each = f"{per_id(report.text_bytes, first.ids)} bytes each · {first.tokenizer}"
        yield "ids", f"{first.ids:,}", each
        used = f"of {first.n_vocab:,} tokens used, {percent(first.used, first.n_vocab)}"
        yield "vocabulary", f"{first.used:,}", used


def tokenizers(report: CorpusReport) -> Table:
    """The size with each tokenizer, and how it differs from the first."""
    base = report.tokenizers[0]

    def row(one: TokenizerCounts) -> list[str]:
        change = "" if one is base or not base.ids else f"{100 * (one.ids - base.ids) / base.ids:+.1f} %"
        used = f"{percent(one.used, one.n_vocab)} of {one.n_vocab:,}"
        return [one.tokenizer, f"{one.ids:,}", per_id(report.text_bytes, one.ids), change, used]

    header = ["tokenizer", "ids", "bytes/id", "", "tokens used"]
    return Table([row(one) for one in report.tokenizers], "<>>>>", header)


def _lengths(lengths: DocumentLengths, width: int) -> Iterator[Text]:
    yield heading("ids in a document")
    summary = length_summary(lengths).items()
    yield from flow([Text.assemble((f"{name} ", "dim"), n) for name, n in summary], width)
    most = max(bucket.documents for bucket in lengths.histogram)
    rows: list[list[Cell]] = [
        [f"{bucket.start:,}", f"{bucket.stop - 1:,}", f"{bucket.documents:,}", Bar(bucket.documents / most)]
        for bucket in lengths.histogram
    ]
    yield from Table(rows, ">>><", ["from", "to", "documents", ""]).lines(width)


def length_summary(lengths: DocumentLengths) -> dict[str, str]:
    """The shortest, the longest and the usual document."""
    return {
        "min": f"{lengths.min:,}",
        "median": f"{lengths.median:,}",
        "mean": f"{lengths.mean:,.1f}",
        "max": f"{lengths.max:,}",
    }


def _tokens(report: CorpusReport, width: int) -> Iterator[Text]:
    ids = report.tokenizers[0].ids
    most = [heading("most frequent tokens"), *token_table(report.most_frequent, ids).lines(width)]
    rare = [
        heading("rarest that occur", f"{report.once:,} of them once" if report.once else ""),
        *token_table(report.rarest, None).lines(width),
    ]
    yield from beside([most, rare], width)


def token_table(tokens: Sequence[TokenCount], ids: int | None) -> Table:
    """Tokens, their ids and how often they occur; with percent of all `ids` if that is given."""
    rows: list[list[Cell]] = []
    for token in tokens:
        row: list[Cell] = [shown_token(token), str(token.id), f"{token.count:,}"]
        rows.append(row if ids is None else [*row, percent(token.count, ids)])
    header = ["token", "id", "count"]
    if ids is not None:
        header.append("percent")
    return Table(rows, "<>>>"[: len(header)], header)


def shown_token(token: TokenCount) -> Text:
    """A token as it is among others, in one colour for all."""
    return Text(token.token, style_of(0, token))


def _scripts(report: CorpusReport, width: int) -> Iterator[Text]:
    table = scripts(report)
    yield from table.lines(width)
    if (others := len(report.scripts.found) - len(table.rows)) > 0:
        yield Text(f"and {plural(others, 'other')}", "dim")


def scripts(report: CorpusReport) -> Table:
    """The scripts with the most bytes."""
    sampled = report.scripts.sampled_bytes
    remark = "" if sampled == report.text_bytes else f"of a sample of {size(sampled)}"
    most = report.scripts.found[0].bytes
    rows: list[list[Cell]] = [
        [one.script, per_id(one.bytes, one.ids), percent(one.bytes, sampled), Bar(one.bytes / most)]
        for one in report.scripts.found[:_MAX_SCRIPTS]
    ]
    return Table(rows, "<>><", [heading("scripts"), "bytes/id", "percent", remark])


def _sources(report: CorpusReport, width: int) -> list[Text]:
    return sources(report).first(5 if width >= _WIDE else 3).lines(width)


def sources(report: CorpusReport) -> Table:
    """The sources with the most ids."""
    all_shown = len(report.largest) == report.sources
    title = heading("sources" if all_shown else f"largest of {report.sources:,} sources")
    header: list[str | Text] = [title, "ids", "bytes/id", "documents", "size"]
    rows = [
        [one.path, f"{one.ids:,}", per_id(one.bytes, one.ids), f"{one.documents:,}", size(one.bytes)]
        for one in report.largest
    ]
    return Table(rows, "<>>>>", header)
