"""Tables of embeddings: in a folder of `embed`, or in a file of weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from gptprep.cli.numbers import plural, size
from gptprep.cli.page import plots
from gptprep.cli.page.cells import ANY_WIDTH, facts, notes, numbers, table
from gptprep.cli.page.document import card
from gptprep.cli.page.elements import element
from gptprep.cli.render import tables as shown
from gptprep.cli.render.grid import Bar, Cell, Table

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.embeddings import EmbeddingsReport
    from gptprep.pipelines.inspect.tables import Near, Norms, Positions
    from gptprep.pipelines.inspect.weights import WeightsReport


def embeddings(report: EmbeddingsReport) -> Iterator[Element]:
    """A folder of embeddings."""
    large = [
        ("windows", f"{sum(split.windows for split in report.splits):,}", "of all splits"),
        ("shape of a window", f"{report.context_length:,} × {report.dim:,}", report.dtype),
    ]
    yield card("Size", numbers(large))
    rows = [*shown.named_tables(shown.named_of(report))]
    tokenizer = f"{report.tokenizer}, {plural(report.n_vocab, 'id')}"
    yield card("Tables", facts([("tokenizer", tokenizer), *rows, ("positions", report.position)]))
    yield card("Splits", table(shown.splits(report)), wide=True)
    yield from _tables(report)


def weights(report: WeightsReport) -> Iterator[Element]:
    """A checkpoint."""
    large = [("size", size(report.bytes), ""), ("tensors", f"{report.tensors:,}", "")]
    yield card("File", numbers(large))
    if rows := [*shown.named_tables(shown.named_of(report))]:
        yield card("Tables", facts(rows))
    yield from _tables(report)
    if report.others:
        more = shown.not_listed(report)
        rest = [element("p", f"and {more:,} more", class_="dim")] if more else []
        yield card("Other tensors", table(shown.others(report, ANY_WIDTH)), rest, wide=True)
    yield from notes(f"note: {text}" for text in report.notes)


def _tables(report: EmbeddingsReport | WeightsReport) -> Iterator[Element]:
    norms = [(label, found) for label, found in shown.norms_of(report) if found.rows]
    for label, found in norms:
        yield _norms(label, found)
    if report.near:
        yield _near(report.near, report.tokenizer)
    if report.positions and report.positions.positions > 1:
        yield _positions(report.positions)
    yield from notes(shown.not_finite(norms))


def _norms(label: str, norms: Norms) -> Element:
    smallest, mean, largest = shown.norm_numbers(norms)
    rows = [("smallest", smallest, ""), ("mean", mean, ""), ("largest", largest, "")]
    plot: list[Element] = []
    if sum(map(bool, norms.histogram)) > 1 and norms.smallest is not None and norms.largest is not None:
        step = (norms.largest - norms.smallest) / len(norms.histogram)
        labels = (f"{norms.smallest + step * number:.3g}" for number in range(len(norms.histogram)))
        plot.append(plots.columns(list(zip(labels, norms.histogram, strict=True)), "rows"))
    return card(f"Norms of {label}", numbers(rows), plot)


def _near(near: Near, tokenizer: str | None) -> Element:
    rows: list[list[Cell]] = [
        [row.token or "", str(row.id), f"{row.similarity:.4f}", Bar(row.similarity)]
        for row in near.neighbours
    ]
    header = ["token", "id", "cosine", ""]
    return card(
        shown.near_title(near, tokenizer), table(Table(rows, "<>><", header), of_tokens=True), wide=True
    )


def _positions(positions: Positions) -> Element:
    strips: list[Element] = []
    for label, values in (("to the next one", positions.neighbours), ("to the first one", positions.first)):
        strips += [element("div", label, class_="dim"), plots.strip(values, f"cosines of positions {label}")]
    remark = f"cosines, from position 0 to {positions.positions - 1:,}"
    return card("Similarity of positions", strips, plots.legend_of_cosines(), remark=remark, wide=True)
