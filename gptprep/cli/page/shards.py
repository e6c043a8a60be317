"""A folder of shards: its numbers, windows, and where a text occurs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from gptprep.cli.numbers import plural, size
from gptprep.cli.page import plots
from gptprep.cli.page.cells import facts, notes, numbers, table
from gptprep.cli.page.document import card
from gptprep.cli.page.elements import element
from gptprep.cli.page.tokens import chip
from gptprep.cli.render import shards as shown

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.find import FindReport
    from gptprep.pipelines.inspect.shards import ShardsReport, WindowsReport, WindowView
    from gptprep.pipelines.inspect.text import TokenView


def folder(report: ShardsReport) -> Iterator[Element]:
    """The options, the splits and the largest sources of a folder."""
    large = [
        ("windows", f"{sum(split.windows for split in report.splits.values()):,}", "of all splits"),
        ("ids", f"{report.ids:,}", f"in {plural(report.documents, 'document')}"),
        ("size", size(report.bytes), f"in {plural(sum(s.files for s in report.splits.values()), 'shard')}"),
    ]
    yield card("Size", numbers(large))
    yield card("How it was made", facts(shown.facts(report)))
    splits = [(name, split.ids) for name, split in report.splits.items()]
    yield card("Splits", plots.shares(splits, "ids"), table(shown.splits(report)), wide=True)
    parts = [(one.path, sum(part.ids for part in one.splits.values()) or one.ids) for one in report.sources]
    of = report.ids if report.n_sources > len(parts) else 0
    yield card("Sources", plots.shares(parts, "ids", of), table(shown.sources(report)), wide=True)


def windows(report: WindowsReport) -> Iterator[Element]:
    """Windows, with each target under its input."""
    if report.note:
        yield from notes([f"note: {report.note}"])
    if (step := report.step) is not None:
        batch = f"batch {step.batch:,} of {step.batches:,} in epoch {step.epoch:,}"
        batch += f", {plural(len(report.windows), 'window')}"
        yield card(f"Step {step.step:,}", element("p", batch), wide=True)
    for window in report.windows:
        title, remark = shown.title(window, report)
        source = [element("p", shown.sources_of(window), class_="dim")] if window.sources else []
        yield card(title, _window(window), source, remark=remark.strip(), wide=True)


def _window(window: WindowView) -> Element:
    """The input, the target one id later, and the id of the input, for each place."""
    names = element("span", element("small", "input"), element("small", "target"), class_="pair names")
    pairs = [names]
    for index, (given, wanted) in enumerate(zip(window.inputs, window.targets, strict=True)):
        if index >= window.length:
            pairs.append(element("span", element("span", "padding", class_="token padding"), class_="pair"))
            continue
        both = chip(given, index), chip(wanted, index + 1)
        pairs.append(element("span", both, class_="pair"))
    return element("div", pairs, class_="tokens window")


def found(report: FindReport) -> Iterator[Element]:
    """Where a text occurs."""
    counts = [(name, f"{count:,}", "occurrences") for name, count in report.counts.items()]
    searched = ("searched", f"{report.ids:,}", f"ids, {size(report.bytes)}")
    yield card(f"Occurrences of “{report.text}”", numbers([*counts, searched]), wide=True)
    for place in report.occurrences:
        windows = " and ".join(f"{number:,}" for number in place.windows)
        text = (
            _context(place.before, "dim"),
            _context(place.found, "found"),
            _context(place.after, "dim"),
        )
        title = f"{place.split} window{'s' if len(place.windows) > 1 else ''} {windows}"
        yield card(title, element("p", text, class_="context"), remark=f"token {place.place:,}")


def _context(views: Sequence[TokenView], kind: str) -> Element:
    """Tokens as text that is divided between them where a line ends."""
    return element("span", [[shown.text_of(token), element("wbr")] for token in views], class_=kind)
