"""The reports of `encode`, `decode` and `vocab`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from gptprep.cli.numbers import plural, seconds, size
from gptprep.cli.render.common import done, encoding_notes, engine, note, table, text_notes

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gptprep.pipelines.decode import DecodeReport
    from gptprep.pipelines.encode import EncodeReport
    from gptprep.pipelines.vocab import VocabReport


def encoded(report: EncodeReport, took: float) -> Iterator[Text]:
    """What was written, and what the user may not know about the text."""
    if report.engine_note:
        yield note(report.engine_note)
    if report.output:
        yield done(
            f"{report.output}: {plural(report.ids, 'id')} of {plural(report.documents, 'document')}, "
            f"{size(report.bytes)} of text in {seconds(took)} ({report.tokenizer}, {engine(report)})"
        )
    yield from encoding_notes(report)


def decoded(report: DecodeReport) -> Iterator[Text]:
    """What was written."""
    yield done(
        f"{report.output}: {size(report.bytes)} of text from {plural(report.ids, 'id')} ({report.tokenizer})"
    )


def _shortage(report: VocabReport) -> str:
    """Why a vocabulary is smaller than it may be."""
    found = report.size - len(report.special_tokens)
    if report.kind == "bpe":
        return f"the text gives only {plural(found - 256, 'merge')}, so {plural(report.size, 'token')}"
    noun = "character" if report.kind == "char" else report.kind
    if found < report.distinct:
        return f"only {found:,} of {report.distinct:,} different {noun}s occur --min-count times"
    return f"the text has only {plural(found, f'different {noun}')}"


def vocabulary(report: VocabReport, took: float) -> Iterator[RenderableType]:
    """The most frequent tokens, the size, and how much of the text it covers."""
    from gptprep.pipelines.inspect.text import visible

    if report.top:
        rows = table(report.kind, "id", "count", "percent")
        for token, token_id, count in report.top:
            shown = visible(token.encode("utf-8", "surrogateescape"))
            rows.add_row(shown, str(token_id), f"{count:,}", f"{100 * count / report.tokens:.2f} %")
        yield rows
    what = f"{report.output}: " if report.output else "nothing was written (give -o FILE); "
    what += f"{plural(report.size, 'token')}, {len(report.special_tokens)} of them special; "
    text = size(report.bytes)
    if report.kind == "bpe":
        what += f"{report.bytes / report.tokens:.2f} bytes per token in {text} of text"
    else:
        covered, of_all = 100 * report.covered / report.tokens, plural(report.tokens, report.kind)
        what += f"covers {covered:.2f} % of {of_all} ({report.distinct:,} distinct) in {text} of text"
    yield done(f"{what}, {seconds(took)}")
    if report.wanted and report.size < report.wanted:
        yield note(f"{_shortage(report)}; {report.wanted:,} tokens were asked for")
    yield from text_notes(report)
