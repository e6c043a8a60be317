"""How texts tokenize: tokens in colour over their ids, with one tokenizer or several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from gptprep.cli import options
from gptprep.cli.views.request import Request

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from gptprep.pipelines.inspect.text import InspectReport


def show(request: Request) -> None:
    """Show each text with each tokenizer."""
    from gptprep.pipelines.inspect.text import Comparison, inspect_texts

    streams, names = request.streams, request.tokenizers or ("gpt2",)
    texts = options.argument_bytes([*request.texts, *request.things])
    inspected = inspect_texts(texts, names, request.encoding.special)
    if streams.json:
        reports = tuple(report for of_text in inspected for report in of_text)
        if len(reports) == 1:
            streams.write_json(reports[0])
        else:
            streams.write_json(Comparison(reports), "comparison")
        return
    from gptprep.cli.render import tokens as render

    for reports in inspected:
        request.output.show(partial(render.text, reports), partial(_cards, reports))


def _cards(reports: Sequence[InspectReport]) -> Iterable[Element]:
    from gptprep.cli.page import tokens as page

    return page.text(reports)
