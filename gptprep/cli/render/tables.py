"""What `inspect` shows of tables of embeddings: in a folder of `embed`, or in a file of weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from rich.style import Style
from rich.text import Text

from gptprep.cli.numbers import plural, printable, size
from gptprep.cli.render.common import note
from gptprep.cli.render.grid import (
    LABEL,
    Table,
    bar,
    beside,
    grid,
    heading,
    heights,
    labelled,
    shortened,
)

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from gptprep.pipelines.inspect.embeddings import EmbeddingsReport
    from gptprep.pipelines.inspect.tables import Near, Norms, Positions, TableReport
    from gptprep.pipelines.inspect.weights import WeightsReport

Named: TypeAlias = "list[tuple[str, TableReport | None]]"
_BAR, _TOKEN, _NAME = 20, 30, 40
_STRIP_LABEL, _STRIP, _LEGEND = 14, 100, 44
"""Cells of the label of a strip, the most cells that a strip has, and those of the legend."""
_OPPOSITE, _UNRELATED, _SAME = (44, 111, 179), (154, 154, 154), (217, 130, 43)
"""Red, green and blue for the cosines -1, 0 and 1: blue, grey and orange, on black and on white."""


def embeddings(report: EmbeddingsReport, width: int) -> Iterator[RenderableType]:
    """A folder of embeddings."""
    shape = f"{plural(report.n_vocab, 'id')} × {report.dim:,} {report.dtype}"
    yield Text.assemble((printable(report.path), "bold"), f" · {printable(report.tokenizer)} · {shape}")
    named = named_of(report)
    yield from labelled([*named_tables(named), ("positions", Text(report.position))], width)
    yield Text()
    yield from splits(report).lines()
    yield Text()
    norms = norms_of(report)
    yield from _norms(norms, width)
    yield from _more(report.near, report.positions, report.tokenizer, width)
    yield from not_finite(norms)


def splits(report: EmbeddingsReport) -> Table:
    """How much each split has."""
    rows = [
        (
            split.split,
            f"{split.windows:,}",
            f"{report.context_length:,} × {report.dim:,}",
            f"{split.files:,}",
            size(split.bytes),
        )
        for split in report.splits
    ]
    return Table(rows, "<>>>>", ("split", "windows", "shape", "files", "size"))


def weights(report: WeightsReport, width: int) -> Iterator[RenderableType]:
    """A checkpoint."""
    what = f" · {size(report.bytes)} · {plural(report.tensors, 'tensor')}"
    yield Text.assemble((printable(report.path), "bold"), what)
    named = named_of(report)
    yield from labelled(named_tables(named), width)
    if found := norms_of(report):
        yield Text()
        yield from _norms(found, width)
    yield from _more(report.near, report.positions, report.tokenizer, width)
    if report.others:
        yield Text()
        yield from beside([[heading("Other tensors"), *others(report, width).lines()]], width)
        if more := not_listed(report):
            yield Text(f"and {more:,} more", LABEL)
    yield from map(note, report.notes)
    yield from not_finite(norms_of(report))


def others(report: WeightsReport, width: int) -> Table:
    """The tensors that are not tables of embeddings."""
    rows = [
        (
            shortened(printable(tensor.name), min(_NAME, max(8, width - 30))),
            " × ".join(f"{n:,}" for n in tensor.shape) or "1",
            Text(printable(tensor.dtype), LABEL),
        )
        for tensor in report.others
    ]
    return Table(rows, "<><")


def not_listed(report: WeightsReport) -> int:
    """How many other tensors there are."""
    return report.tensors - sum(table is not None for _, table in named_of(report)) - len(report.others)


def named_of(report: EmbeddingsReport | WeightsReport) -> Named:
    """The two tables, and what they are called."""
    return [("token table", report.token_table), ("position table", report.position_table)]


def named_tables(named: Named) -> Iterator[tuple[str, Text]]:
    """The names, shapes and types of tables."""
    for label, table in named:
        if table:
            shape = f"  {table.rows:,} × {table.dim:,} {table.dtype}"
            yield label, Text(printable(table.name)).append(shape)


def norms_of(report: EmbeddingsReport | WeightsReport) -> list[tuple[str, Norms]]:
    """The norms of all that there is, and what it is."""
    found = [(f"{label.partition(' ')[0]}s", table.norms) for label, table in named_of(report) if table]
    of_splits = getattr(report, "splits", ())
    return found + [(f"{one.split}, {one.sampled:,} of {one.windows:,}", one.norms) for one in of_splits]


def _norms(named: Sequence[tuple[str, Norms]], width: int) -> Iterator[Text]:
    """Smallest, mean and largest norm in columns, and their distribution."""
    rows = [
        (
            shortened(label, max(8, width - 30)),
            *norm_numbers(norms),
            heights(norms.histogram) if width >= 76 and sum(map(bool, norms.histogram)) > 1 else Text(),
        )
        for label, norms in named
        if norms.rows
    ]
    if rows:
        yield from grid(rows, "<>>><", ("norms", "smallest", "mean", "largest", ""))


def norm_numbers(norms: Norms) -> tuple[str, str, str]:
    """The smallest, the mean and the largest norm."""
    return _number(norms.smallest), _number(norms.mean), _number(norms.largest)


def _number(number: float | None) -> str:
    if number is None:
        return "–"
    return f"{number:,.3f}" if number == 0 or 0.001 <= number < 1e6 else f"{number:.2e}"


def _more(
    near: Near | None, positions: Positions | None, tokenizer: str | None, width: int
) -> Iterator[RenderableType]:
    """Neighbours and positions, if there are any."""
    if near:
        yield Text()
        yield from _near(near, tokenizer, width)
    if positions and positions.positions > 1:
        yield Text()
        yield Text("Similarity of positions, as cosines", "bold")
        yield Strip("to the next", positions.neighbours, width)
        yield Strip("to the first", positions.first, width)
        yield _Legend(positions.positions, width)


def near_title(near: Near, tokenizer: str | None) -> str:
    """Which token the neighbours are of."""
    title = f"Nearest to {near.id if near.token is None else f'{near.token} ({near.id})'}"
    title += ", by cosine"
    return title + (f" · {printable(tokenizer)}" if tokenizer and near.token is not None else "")


def _near(near: Near, tokenizer: str | None, width: int) -> Iterator[Text]:
    rows = [
        (
            Text(str(row.id), LABEL),
            shortened(row.token or "", min(_TOKEN, max(4, width - 29))),
            f"{row.similarity:.4f}",
            bar(row.similarity, _BAR if width >= 60 else 10),
        )
        for row in near.neighbours
    ]
    yield shortened(near_title(near, tokenizer), width, "bold")
    yield from grid(rows, "><><")


def not_finite(named: Sequence[tuple[str, Norms]]) -> Iterator[Text]:
    """Notes about rows that are not numbers."""
    for label, norms in named:
        if norms.not_finite:
            rows = "row holds" if norms.not_finite == 1 else "rows hold"
            yield note(f"{label}: {norms.not_finite:,} {rows} numbers that are infinite or not a number")


# Positions


class Strip:
    """Cosines in one line: coloured blocks, or digits where there are no colours."""

    def __init__(self, label: str, values: Sequence[float | None], width: int) -> None:
        self._label, self._values = label, values
        self._width = max(8, min(_STRIP, width - _STRIP_LABEL))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = Text(f"{self._label:<{_STRIP_LABEL}}", LABEL)
        for value in means(self._values, self._width):
            if _has_colours(console):
                line.append(" ", Style.null() if value is None else Style(bgcolor=colour(value)))
            else:
                line.append(_digit(value))
        yield line


class _Legend:
    """What the colours or the digits mean."""

    def __init__(self, positions: int, width: int) -> None:
        self._positions = positions
        self._indent = _STRIP_LABEL if width >= _STRIP_LABEL + _LEGEND else 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = Text(" " * self._indent)
        line.append(f"0 to {self._positions - 1:,}; ", LABEL)
        if _has_colours(console):
            for label, value in (("-1 ", -1.0), (" 0 ", 0.0), (" 1 ", 1.0)):
                line.append(label, LABEL).append("  ", Style(bgcolor=colour(value)))
        else:
            line.append("9 is 0.9 to 1, - is negative", LABEL)
        yield line


def _has_colours(console: Console) -> bool:
    return console.color_system is not None and not console.no_color


def means(values: Sequence[float | None], number: int) -> list[float | None]:
    """At most a number of means of values that follow each other."""
    number = min(number, len(values))
    found: list[float | None] = []
    for i in range(number):
        part = values[i * len(values) // number : (i + 1) * len(values) // number]
        known = [value for value in part if value is not None]
        found.append(sum(known) / len(known) if known else None)
    return found


def _digit(value: float | None) -> str:
    if value is None:
        return " "
    return "-" if value < 0 else str(min(9, int(value * 10 + 1e-9)))


def colour(value: float) -> str:
    """The colour of a cosine."""
    share, end = min(1.0, abs(value)), _SAME if value > 0 else _OPPOSITE
    mixed = (round(a + (b - a) * share) for a, b in zip(_UNRELATED, end, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed)
