"""What a tokenizer is: a description, entries of it, or how much of a text it covers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gptprep.cli import options
from gptprep.cli.views.request import Request

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def show(request: Request) -> None:
    """Show a tokenizer, and what it has of the texts that are named after it."""
    from gptprep.pipelines.inspect import tokenizer as pipeline

    streams, (name, *inputs) = request.streams, request.things
    find = request.vocabulary.find
    wanted = pipeline.TokenizerOptions(
        request.range.from_, request.range.n, None if find is None else options.argument_bytes([find])[0]
    )
    spec = request.encoding.spec(name)
    tokenizer = spec.load_tokenizer()
    coverage = None
    if inputs:
        from gptprep.pipelines.inspect import coverage as counting

        reading = request.encoding
        to_count = counting.CoverageOptions(
            tuple(inputs), spec, reading.stdin, reading.files, reading.workers, wanted.shown
        )
        with streams.progress(beside_data=True) as progress:
            coverage = counting.measure_coverage(tokenizer, to_count, progress)
    report = pipeline.inspect_tokenizer(tokenizer, wanted, coverage)
    if streams.json:
        streams.write_json(report, "tokenizer")
        return
    from gptprep.cli.render import tokenizer as render

    def cards() -> Iterable[Element]:
        from gptprep.cli.page import tokenizer as page

        return page.tokenizer(report)

    request.output.show(lambda width: render.tokenizer(report, width), cards)
