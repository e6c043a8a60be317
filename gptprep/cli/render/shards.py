"""A folder of shards for `inspect`: its numbers, and windows with targets under inputs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from gptprep.cli.numbers import plural, printable, seconds, size, times
from gptprep.cli.render.common import note, rate
from gptprep.cli.render.grid import Table, labelled
from gptprep.cli.render.tokens import style_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gptprep.pipelines.inspect.find import FindReport
    from gptprep.pipelines.inspect.shards import ShardsReport, WindowsReport, WindowView
    from gptprep.pipelines.inspect.text import TokenView

_LABEL_WIDTH = 11
_PADDING = "·"
_PADDING_STYLE = "dim"


def folder(report: ShardsReport, width: int) -> Iterator[RenderableType]:
    """The options, the splits and the largest sources of a folder."""
    yield Text.assemble((printable(report.path), "bold"), f"  {size(report.bytes)}")
    yield from labelled(facts(report), width)
    yield Text()
    yield from splits(report).lines(width)
    yield Text()
    yield from sources(report).lines(width)
    yield Text()


def facts(report: ShardsReport) -> Iterator[tuple[str, str]]:
    """What made the folder, and how its windows are."""
    options = report.options
    yield "tokenizer", _tokenizer(report)
    crossing = "end with their document" if options["boundary"] == "document" else "run across documents"
    lengths = f"context length {options['context_length']:,}, stride {options['stride']:,}"
    yield "windows", f"{lengths}; they {crossing}, {_order(options)}"
    yield "val", _val(report)
    yield "stored", f"layout {options['layout']}, {options['dtype']}"
    yield "text", ", ".join(_text_options(options))


def _tokenizer(report: ShardsReport) -> str:
    found = report.tokenizer
    eot = "no end-of-text token" if found.eot is None else f"end of text is {found.eot}"
    kept = f"; its file is {report.tokenizer_file}" if report.tokenizer_file else ""
    return f"{found.name}, {found.n_vocab:,} ids, {eot}{kept}"


def _order(options: dict[str, Any]) -> str:
    return f"shuffled with seed {options['seed']}" if options["shuffle"] else "in text order"


def _val(report: ShardsReport) -> str:
    options = report.options
    if "val" not in report.splits:
        return "none"
    if options["split_by"] == "inputs":
        return "the inputs named with --val"
    if options["split_by"] == "document":
        return f"{options['val_fraction']} of the documents, chosen with seed {options['seed']}"
    return f"the last {options['val_fraction']} of the stream"


def _text_options(options: dict[str, Any]) -> Iterator[str]:
    yield options["encoding"]
    yield f"--errors {options['errors']}"
    yield f"--special {options['special']}"
    if options["text_field"] != "text":
        yield f"--text-field {options['text_field']}"
    if options["separator"] is not None:
        yield f"--separator {options['separator']!r}"


def splits(report: ShardsReport) -> Table:
    """How much each split has."""
    has_padding = any(split.padding for split in report.splits.values())
    padding = ["padding"] if has_padding else []
    rows = []
    for name, split in report.splits.items():
        numbers = [split.windows, split.ids, split.dropped_tail + split.dropped_gaps]
        numbers += [split.padding] if has_padding else []
        rows.append([name, *(f"{n:,}" for n in (*numbers, split.files)), size(split.bytes)])
    header = ["split", "windows", "ids", "unused ids", *padding, "files", "size"]
    return Table(rows, "<" + ">" * (len(header) - 1), header)


def sources(report: ShardsReport) -> Table:
    """The sources with the most ids, and how many of them each split has."""
    rows = []
    shown = 0
    for source in report.sources:
        own = sum(of_split.ids for of_split in source.splits.values()) or source.ids
        shown += own
        found = (source.splits.get(name) for name in report.splits)
        of_splits = (f"{of_split.ids:,}" if of_split else "-" for of_split in found)
        rows.append([source.path, f"{own:,}", _share(own, report), f"{source.documents:,}", *of_splits])
    if (others := report.n_sources - len(report.sources)) > 0:
        rest = max(0, report.ids - shown)
        rows.append(
            [plural(others, "other"), f"{rest:,}", _share(rest, report), "", *[""] * len(report.splits)]
        )
    name = f"largest of {report.n_sources:,} sources" if others > 0 else "source"
    header = [name, "ids", "share", "documents", *report.splits]
    return Table(rows, "<" + ">" * (len(header) - 1), header)


def _share(ids: int, report: ShardsReport) -> str:
    return f"{100 * ids / max(1, report.ids):.1f} %"


def readable(path: str, entries: dict[str, Any]) -> Iterator[Text]:
    """What can be read in a damaged manifest."""
    if entries:
        yield Text.assemble((printable(path), "bold"), "  its manifest is damaged; it says:")
    for name, value in entries.items():
        yield Text.assemble((printable(name), "dim"), "  ", printable(str(value)[:200]))


def windows(report: WindowsReport, width: int, max_rows: int | None) -> Iterator[Text]:
    """Windows with targets under inputs; the same token has the same colour in both.

    Args:
        max_rows: rows of each window to show; None for all.
    """
    if report.note:
        yield note(report.note)
    if (step := report.step) is not None:
        batch = f"batch {step.batch:,} of {step.batches:,} in epoch {step.epoch:,}"
        yield Text.assemble(
            (f"step {step.step:,}", "bold"), f": {batch}, {plural(len(report.windows), 'window')}"
        )
        yield Text()
    for window in report.windows:
        yield _title(window, report)
        yield from _window(window, width, max_rows)
        yield Text()


def found(report: FindReport, took: float) -> Iterator[Text]:
    """Where a text occurs: the windows, and the tokens around it."""
    for place in report.occurrences:
        numbers = " and ".join(f"{number:,}" for number in place.windows)
        windows = f"{place.split} window{'s' if len(place.windows) > 1 else ''} {numbers}"
        line = Text.assemble((f"{windows}, token {place.place:,}", "bold"), "  ")
        line.append("".join(map(text_of, place.before)))
        line.append("".join(map(text_of, place.found)), "bold black on #f2d388")
        line.append("".join(map(text_of, place.after)))
        yield line
    total = sum(report.counts.values())
    if total > len(report.occurrences):
        yield Text(f"... and {total - len(report.occurrences):,} more", "dim")
    splits = ", ".join(f"{name} {count:,}" for name, count in report.counts.items())
    searched = f"{report.ids:,} ids, {size(report.bytes)} in {seconds(took)} ({rate(report.bytes, took)})"
    yield Text.assemble(
        (f"{times(total) if total else 'not found'}", "bold"), f": {splits}; searched {searched}"
    )


def title(window: WindowView, report: WindowsReport) -> tuple[str, str]:
    """The split and the number of a window, and what else there is to say about it."""
    remark = f" of {report.n_windows:,}"
    if window.text_number != window.number:
        remark += f", number {window.text_number:,} in the text"
    if window.length < len(window.inputs):
        remark += f", {window.length:,} ids and {len(window.inputs) - window.length:,} of padding"
    return f"{window.split} window {window.number:,}", remark


def _title(window: WindowView, report: WindowsReport) -> Text:
    name, remark = title(window, report)
    return Text.assemble((name, "bold"), remark, (f"  {sources_of(window)}" if window.sources else "", "dim"))


def sources_of(window: WindowView) -> str:
    """Where the inputs of a window are from."""
    return ", ".join(map(printable, window.sources[:3])) + (", ..." if len(window.sources) > 3 else "")


def _window(window: WindowView, width: int, max_rows: int | None) -> Iterator[Text]:
    rows = list(_rows(window, width - _LABEL_WIDTH))
    for first, stop in islice(rows, max_rows):
        labels = ("input", "target", "id")
        inputs, targets, ids = (Text.assemble((label.ljust(_LABEL_WIDTH), "dim")) for label in labels)
        for index in range(first, stop):
            cell = _cell(window, index)
            is_real = index < window.length
            _append(inputs, window.inputs[index], index, cell, is_real=is_real)
            _append(targets, window.targets[index], index + 1, cell, is_real=is_real)
            ids.append(f"{window.inputs[index].id:<{cell}} ", "dim")
        for line in (inputs, targets, ids):
            line.rstrip()
            yield line
    if max_rows is not None and len(rows) > max_rows:
        more = len(window.inputs) - rows[max_rows - 1][1]
        yield Text(" " * _LABEL_WIDTH + f"... and {plural(more, 'more id')}", "dim")


def text_of(token: TokenView) -> str:
    """What stands for a token: its id, if the token is not known."""
    return token.token or (f"{token.id}" if not token.bytes else "")


def _cell(window: WindowView, index: int) -> int:
    pair = window.inputs[index], window.targets[index]
    return max(*(cell_len(text_of(token)) for token in pair), len(str(pair[0].id)))


def _append(line: Text, token: TokenView, index: int, cell: int, *, is_real: bool) -> None:
    if not is_real:
        line.append(_PADDING * cell + " ", _PADDING_STYLE)
        return
    shown = text_of(token)
    line.append(shown, style_of(index, token))
    line.append(" " * (cell - cell_len(shown) + 1))


def _rows(window: WindowView, width: int) -> Iterator[tuple[int, int]]:
    """The first and last number of the ids that fit in each row."""
    first = used = 0
    for index in range(len(window.inputs)):
        cell = _cell(window, index) + 1
        if used + cell > width + 1 and index > first:
            yield first, index
            first, used = index, 0
        used += cell
    yield first, len(window.inputs)
