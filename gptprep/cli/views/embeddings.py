"""What a folder of embeddings holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gptprep.cli.views.request import Request

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def show(request: Request) -> None:
    """Show the splits and tables of a folder that `embed` wrote."""
    from gptprep.pipelines.inspect.embeddings import EmbeddingsOptions, inspect_embeddings

    streams = request.streams
    options = EmbeddingsOptions(
        request.only_thing, request.table.near, request.only_tokenizer, request.default_tokenizer
    )
    report = inspect_embeddings(options)
    if streams.json:
        streams.write_json(report, "embeddings")
        return
    from gptprep.cli.render import tables as render

    def cards() -> Iterable[Element]:
        from gptprep.cli.page import tables as page

        return page.embeddings(report)

    request.output.show(lambda width: render.embeddings(report, width), cards)
