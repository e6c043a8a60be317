"""What a checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gptprep.cli.views.request import Request

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def show(request: Request) -> None:
    """Show the tables of a file of weights, and what else is in it."""
    from gptprep.pipelines.inspect.weights import WeightsOptions, inspect_weights

    streams, table = request.streams, request.table
    tokenizer = request.only_tokenizer or request.default_tokenizer
    options = WeightsOptions(
        request.only_thing, table.token_table, table.position_table, table.near, tokenizer
    )
    report = inspect_weights(options)
    if streams.json:
        streams.write_json(report, "weights")
        return
    from gptprep.cli.render import tables as render

    def cards() -> Iterable[Element]:
        from gptprep.cli.page import tables as page

        return page.weights(report)

    request.output.show(lambda width: render.weights(report, width), cards)
