"""Tokens in colour: with ids on hover or below, of one tokenizer or of several in aligned rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from gptprep.cli.numbers import plural
from gptprep.cli.page.cells import table
from gptprep.cli.page.document import card
from gptprep.cli.page.elements import Content, element
from gptprep.cli.render.grid import Table
from gptprep.cli.render.tokens import COLOURS, numbers

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.text import InspectReport, TokenView

_NEWLINE = "⏎"


def text(reports: Sequence[InspectReport]) -> Iterator[Element]:
    """A text with one tokenizer or with several."""
    if len(reports) == 1:
        yield card(numbers(reports[0]).plain, over_ids(reports[0].tokens), wide=True)
    else:
        yield comparison(reports)


def over_ids(views: Sequence[TokenView]) -> Element:
    """Tokens with their ids below."""
    pairs: list[Element] = []
    for index, token in enumerate(views):
        pairs.append(element("span", chip(token, index), element("small", str(token.id)), class_="pair"))
        if token.token.endswith(_NEWLINE):
            pairs.append(element("br"))
    return element("div", pairs, class_="tokens")


def running(views: Sequence[TokenView]) -> Element:
    """Tokens as they follow each other, with their ids on hover."""
    chips: list[Element] = []
    for index, token in enumerate(views):
        chips += [chip(token, index), element("wbr")]
        if token.token.endswith(_NEWLINE):
            chips.append(element("br"))
    return element("div", chips, class_="tokens running")


def chip(token: TokenView, index: int, kind: str = "") -> Element:
    """One token; neighbours have different colours."""
    shade = "special" if token.special else f"t{index % len(COLOURS)}"
    made = element("span", token.token or str(token.id), class_=f"token {shade} {kind}".rstrip())
    made.set("data-id", f"{token.id}")
    made.set("title", f"id {token.id}, {plural(token.bytes, 'byte')}")
    return made


def comparison(reports: Sequence[InspectReport]) -> Element:
    """The same text with several tokenizers, one under the other, in blocks that all divide alike."""
    stops = [list(accumulate(token.bytes for token in report.tokens)) for report in reports]
    shared = sorted(set(stops[0]).intersection(*stops[1:]))
    places = [0] * len(reports)
    blocks: list[Content] = []
    for stop in shared:
        rows = []
        for number, (report, ends) in enumerate(zip(reports, stops, strict=True)):
            first = places[number]
            while places[number] < len(ends) and ends[places[number]] <= stop:
                places[number] += 1
            rows.append(
                element(
                    "span", [chip(report.tokens[i], i) for i in range(first, places[number])], class_="row"
                )
            )
        differs = len({len(row) for row in rows}) > 1
        blocks.append(element("span", rows, class_="block differs" if differs else "block"))
        if reports[0].tokens[places[0] - 1].token.endswith(_NEWLINE):
            blocks.append(element("br"))
    sizes = Table(
        [
            [str(number + 1), report.tokenizer, f"{len(report.tokens):,}", _each(report)]
            for number, report in enumerate(reports)
        ],
        "><>>",
        ["row", "tokenizer", "tokens", "bytes each"],
    )
    return card(
        "Tokenizers, one under the other",
        table(sizes),
        element("div", blocks, class_="tokens compared"),
        remark="marked where they divide the text differently",
        wide=True,
    )


def _each(report: InspectReport) -> str:
    return f"{report.bytes / len(report.tokens):.2f}" if report.tokens else "-"
