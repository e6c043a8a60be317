"""The numbers of a corpus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from gptprep.cli.numbers import plural, size
from gptprep.cli.render.common import special_notes, text_notes
from gptprep.cli.render.grid import Bar, Cell, beside, facts, flow, grid, heading
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
    first, *others = report.tokenizers
    sources = plural(report.sources, "source") if report.sources > 1 else report.largest[0].path
    text = f"{plural(report.documents, 'document')} in {sources}"
    rows = [("text", size(report.text_bytes), text)]
    if not others:
        each = f"{per_id(report.text_bytes, first.ids)} bytes each · {first.tokenizer}"
        rows.append(("ids", f"{first.ids:,}", each))
        used = f"of {first.n_vocab:,} tokens used, {percent(first.used, first.n_vocab)}"
        rows.append(("vocabulary", f"{first.used:,}", used))
    yield from facts(rows, width)
    if others:
        yield Text()
        yield from _tokenizers(report, width)
        yield Text()
        yield Text(f"with {first.tokenizer}:")


def _tokenizers(report: CorpusReport, width: int) -> list[Text]:
    base = report.tokenizers[0]

    def row(one: TokenizerCounts) -> list[str]:
        change = "" if one is base or not base.ids else f"{100 * (one.ids - base.ids) / base.ids:+.1f} %"
        used = f"{percent(one.used, one.n_vocab)} of {one.n_vocab:,}"
        return [one.tokenizer, f"{one.ids:,}", per_id(report.text_bytes, one.ids), change, used]

    header = ["tokenizer", "ids", "bytes/id", "", "tokens used"]
    n_columns = len(header) if width >= _WIDE else len(header) - 1
    rows = [row(one)[:n_columns] for one in report.tokenizers]
    return grid(rows, "<>>>>"[:n_columns], header[:n_columns], width)


def _lengths(lengths: DocumentLengths, width: int) -> Iterator[Text]:
    yield heading("ids in a document")
    summary = {"min": f"{lengths.min:,}", "median": f"{lengths.median:,}"}
    summary |= {"mean": f"{lengths.mean:,.1f}", "max": f"{lengths.max:,}"}
    yield from flow([Text.assemble((f"{name} ", "dim"), n) for name, n in summary.items()], width)
    most = max(bucket.documents for bucket in lengths.histogram)
    rows: list[list[Cell]] = [
        [
            f"{bucket.start:,}",
            f"{bucket.stop - 1:,}",
            f"{bucket.documents:,}",
            Bar(bucket.documents / most),
        ]
        for bucket in lengths.histogram
    ]
    yield from grid(rows, ">>><", ["from", "to", "documents", ""], width)


def _tokens(report: CorpusReport, width: int) -> Iterator[Text]:
    ids = report.tokenizers[0].ids
    most = [heading("most frequent tokens"), *token_table(report.most_frequent, ids, width)]
    rare = [
        heading("rarest that occur", f"{report.once:,} of them once" if report.once else ""),
        *token_table(report.rarest, None, width),
    ]
    yield from beside([most, rare], width)


def token_table(tokens: Sequence[TokenCount], ids: int | None, width: int) -> list[Text]:
    """Tokens, their ids and how often they occur; with percent of all `ids` if that is given."""
    rows: list[list[Cell]] = []
    for token in tokens:
        row: list[Cell] = [shown_token(token), str(token.id), f"{token.count:,}"]
        rows.append(row if ids is None else [*row, percent(token.count, ids)])
    header = ["token", "id", "count"]
    if ids is not None:
        header.append("percent")
    return grid(rows, "<>>>"[: len(header)], header, width)


def shown_token(token: TokenCount) -> Text:
    """A token as it is among others, in one colour for all."""
    return Text(token.token, style_of(0, token))


def _scripts(report: CorpusReport, width: int) -> Iterator[Text]:
    sampled = report.scripts.sampled_bytes
    remark = "" if sampled == report.text_bytes else f"of a sample of {size(sampled)}"
    most = report.scripts.found[0].bytes
    rows: list[list[Cell]] = [
        [
            one.script,
            per_id(one.bytes, one.ids),
            percent(one.bytes, sampled),
            Bar(one.bytes / most),
        ]
        for one in report.scripts.found[:_MAX_SCRIPTS]
    ]
    yield from grid(rows, "<>><", [heading("scripts"), "bytes/id", "percent", remark], width)
    if (others := len(report.scripts.found) - len(rows)) > 0:
        yield Text(f"and {plural(others, 'other')}", "dim")


def _sources(report: CorpusReport, width: int) -> Iterator[Text]:
    all_shown = len(report.largest) == report.sources
    title = heading("sources" if all_shown else f"largest of {report.sources:,} sources")
    header: list[str | Text] = [title, "ids", "bytes/id", "documents", "size"]
    rows = [
        [one.path, f"{one.ids:,}", per_id(one.bytes, one.ids), f"{one.documents:,}", size(one.bytes)]
        for one in report.largest
    ]
    n_columns = len(header) if width >= _WIDE else len(header) - 2
    yield from grid([row[:n_columns] for row in rows], "<>>>>"[:n_columns], header[:n_columns], width)
