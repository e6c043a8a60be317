"""A file of ids: who made it, its first and last tokens, and its most frequent ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gptprep.cli.terminal import columns
from gptprep.cli.views.request import Request

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def show(request: Request) -> None:
    """Show one file of ids."""
    from gptprep.pipelines.inspect import ids

    streams, counting = request.streams, request.counting
    n_tokens = request.range.n
    if n_tokens is None:
        n_tokens = 10 if streams.json else columns()
    plan = ids.plan(
        ids.IdsOptions(
            path=request.only_thing,
            encoding=request.encoding.spec_of_ids(request.only_tokenizer or request.default_tokenizer),
            input_dtype=counting.input_dtype,
            n_tokens=n_tokens,
            top=counting.top,
            workers=request.encoding.workers,
        )
    )
    with streams.progress() as progress:
        report = ids.run(plan, progress)
    if streams.json:
        streams.write_json(report, "ids")
        return
    from gptprep.cli.render import ids as render

    def cards() -> Iterable[Element]:
        from gptprep.cli.page import corpus as page

        return page.ids(report)

    request.output.show(
        lambda width: render.ids(report, width, all_tokens=request.range.n is not None), cards
    )
