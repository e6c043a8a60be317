"""A corpus: the tokens at its start, and then its numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gptprep.cli.terminal import columns
from gptprep.cli.views.request import Request

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from gptprep.pipelines.inspect.corpus import CorpusPlan


def show(request: Request) -> None:
    """Show the first screenful of one text at once, and the numbers when everything is counted."""
    from gptprep.pipelines.inspect import corpus

    streams, names = request.streams, request.tokenizers or ("gpt2",)
    options = corpus.CorpusOptions(
        inputs=request.things,
        encodings=tuple(request.encoding.spec(name) for name in names),
        n_tokens=request.range.n,
        top=request.counting.top,
        stdin=request.encoding.stdin,
        files=request.encoding.files,
        workers=request.encoding.workers,
    )
    with streams.progress() as progress, corpus.opened(options, progress) as plan:
        request.output.check([source.path for source in plan.sources])
        streams.note_each(request.encoding.without_effect(source.kind for source in plan.sources))
        if request.range.n is not None and len(plan.sources) > 1:
            streams.note("-n has no effect: it shows the first tokens of one text")
        if not streams.json and _show_head(request, plan):
            return
        report = corpus.run(plan, progress)
    if streams.json:
        streams.write_json(report, "corpus")
        return
    from gptprep.cli.render import corpus as render

    def cards() -> Iterable[Element]:
        from gptprep.cli.page import corpus as page

        return page.corpus(report)

    request.output.show(lambda width: render.numbers(report, width), cards)
    streams.say(*render.notes(report))


def _show_head(request: Request, plan: CorpusPlan) -> bool:
    """Show the tokens at the start; returns whether these are all, so that there is nothing to count."""
    from gptprep.cli.render import head as render
    from gptprep.cli.render.common import input_notes
    from gptprep.pipelines.inspect import corpus

    if (head := corpus.head(plan)) is None:
        return False
    is_exact = request.range.n is not None
    n_rows = None if is_exact else request.output.rows()
    lines, is_all = render.head(head, columns(), n_rows, request.counting.top)

    def cards() -> Iterable[Element]:
        from gptprep.cli.page import corpus as page

        return page.head(head, request.range.n)

    request.output.show(lambda _: lines, cards)
    if is_all := is_all and not request.output.is_page:
        request.streams.say(*input_notes(plan.selection.passed_over, plan.selection.repeated))
    return is_all
