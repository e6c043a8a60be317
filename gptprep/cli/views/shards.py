"""What is inside a folder of shards: its numbers, and windows as text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from gptprep.cli import options
from gptprep.cli.views.arguments import given_options
from gptprep.cli.views.request import Request
from gptprep.errors import CorruptDataError, UsageError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from gptprep.pipelines.inspect.find import FindReport
    from gptprep.pipelines.inspect.shards import ShardsReport, StepOptions, WindowsReport


_OF_STEP = {"batch-size", "rank", "world-size", "no-shuffle", "no-drop-last"}


def show(request: Request) -> None:
    """Show the numbers of a folder and its first windows, or the windows that were asked for."""
    from gptprep.cli.render import shards as render
    from gptprep.pipelines.inspect import shards

    if request.vocabulary.find is not None:
        _find(request, request.vocabulary.find)
        return
    streams, path, chosen = request.streams, request.only_thing, request.shards
    if (chosen.window, chosen.random, chosen.step).count(None) < 2:
        raise UsageError("--window, --random and --step exclude each other", fix="give one of them")
    _check_step_options(request)
    is_chosen = (chosen.window, chosen.random, chosen.step).count(None) < 3
    wanted = shards.WindowsOptions(
        path=path,
        split=chosen.split,
        windows=chosen.window,
        random=chosen.random,
        seed=chosen.seed,
        step=_step(request),
        tokenizer=request.only_tokenizer,
    )
    if not is_chosen:
        try:
            report = shards.inspect_shards(path, chosen.split)
        except CorruptDataError:
            streams.say(*render.readable(path, shards.readable_entries(path)))
            raise
        if streams.json:
            streams.write_json(report, "shards")
            return
        request.output.show(partial(render.folder, report), partial(_cards, report))
    windows = shards.inspect_windows(wanted)
    if streams.json:
        streams.write_json(windows, "windows")
    else:
        rows = None if is_chosen and wanted.step is None else 2
        request.output.show(partial(render.windows, windows, max_rows=rows), partial(_cards, windows))


def _cards(report: ShardsReport | WindowsReport | FindReport) -> Iterable[Element]:
    """What a page shows of a report."""
    from gptprep.cli.page import shards as page
    from gptprep.pipelines.inspect.find import FindReport
    from gptprep.pipelines.inspect.shards import ShardsReport

    if isinstance(report, ShardsReport):
        return page.folder(report)
    return page.found(report) if isinstance(report, FindReport) else page.windows(report)


def _find(request: Request, text: str) -> None:
    """Show where a text occurs."""
    from gptprep.cli.render import shards as render
    from gptprep.pipelines.inspect.find import FindOptions, find

    chosen, streams = request.shards, request.streams
    if others := [name for name in given_options(chosen) if name != "split"]:
        raise UsageError(f"--{others[0]} has no effect with --find", fix=f"leave out --{others[0]}")
    wanted = FindOptions(
        path=request.only_thing,
        text=options.argument_bytes([text])[0],
        split=chosen.split,
        most=10 if request.range.n is None else request.range.n,
        tokenizer=request.only_tokenizer,
    )
    with streams.progress() as progress:
        report = find(wanted, progress)
    if streams.json:
        streams.write_json(report, "find")
    else:
        lines = render.found(report, progress.seconds)
        request.output.show(lambda _: lines, partial(_cards, report))


def _check_step_options(request: Request) -> None:
    """Refuse options that do nothing without another one."""
    chosen, without = request.shards, ""
    given = set(given_options(chosen))
    if request.range.n is not None:
        without, needed = "-n", "--find"
    elif chosen.step is None and (of_step := sorted(given & _OF_STEP)):
        without, needed = f"--{of_step[0]}", "--step"
    elif chosen.seed is not None and chosen.step is None and chosen.random is None:
        without, needed = "--seed", "--random or --step"
    if without:
        raise UsageError(f"{without} has no effect without {needed}", fix=f"leave out {without}")


def _step(request: Request) -> StepOptions | None:
    """The step whose batch is shown, if one is."""
    from gptprep.pipelines.inspect.shards import StepOptions

    chosen = request.shards
    if chosen.step is None:
        return None
    return StepOptions(
        step=chosen.step,
        batch_size=4 if chosen.batch_size is None else chosen.batch_size,
        seed=chosen.seed,
        shuffle=not chosen.no_shuffle,
        drop_last=not chosen.no_drop_last,
        rank=chosen.rank or 0,
        world_size=1 if chosen.world_size is None else chosen.world_size,
    )
