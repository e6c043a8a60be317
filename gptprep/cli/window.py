"""`gptprep window`."""

from __future__ import annotations

from typing import Annotated

import typer

from gptprep.cli import options
from gptprep.cli.shell import Shell, verb


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "window", help=_HELP)(_window)


_HELP = """A corpus to sliding-window input/target shards in .npy.

Documents are joined by the end-of-text id and windows run across; targets are the inputs one id later.
DIR appears when everything in it is whole. Files that end in .npy or .bin are taken as ids.
"""
_WINDOWS = "Windows"


def _window(
    shell: Shell,
    inputs: options.Inputs,
    output: options.OutputFolder,
    context_length: Annotated[
        int,
        typer.Option(
            "--context-length", "-L", metavar="L", help="Ids in a window.", rich_help_panel=_WINDOWS
        ),
    ] = 1024,
    stride: Annotated[
        int | None,
        typer.Option(
            "--stride",
            "-S",
            metavar="S",
            help="Ids between window starts; L where it is not given.",
            show_default=False,
            rich_help_panel=_WINDOWS,
        ),
    ] = None,
    val_fraction: Annotated[
        str,
        typer.Option(
            metavar="F", help="The share of the stream's tail that goes to val.", rich_help_panel=_WINDOWS
        ),
    ] = "0",
    shard_size: Annotated[
        str,
        typer.Option(
            metavar="SIZE", help="The largest file, such as 64MB or 1GiB.", rich_help_panel=_WINDOWS
        ),
    ] = "256MB",
    tokenizer: options.TokenizerName = "gpt2",
    special: options.Special = "allow",
    engine: options.EngineName = "auto",
    no_cross_check: options.NoCrossCheck = False,
    encoding: options.Encoding = "utf-8",
    errors: options.ErrorPolicy = "strict",
    text_field: options.TextField = None,
    separator: options.Separator = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            help="Processes that encode; the result is the same for any number. [default: one a core]",
            show_default=False,
            rich_help_panel="General",
        ),
    ] = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
) -> None:
    from gptprep.cli import render
    from gptprep.pipelines.window import WindowOptions, plan_window, run_window

    wanted = WindowOptions(
        inputs=tuple(inputs),
        output=output,
        context_length=context_length,
        stride=stride,
        val_fraction=val_fraction,
        shard_size=options.parse_size(shard_size),
        tokenizer=tokenizer,
        special=special,
        engine=engine,
        cross_check=not no_cross_check,
        workers=workers,
        text=options.text_options(encoding, errors, text_field, separator),
        stdin=options.stdin_kind(text_field),
        force=force,
    )
    plan = plan_window(wanted)
    if not (dry_run and shell.json):
        shell.say(render.window_plan(plan))
    if dry_run:
        if shell.json:
            shell.write_json(plan.to_json())
        return
    with shell.progress() as progress:
        report = run_window(plan, progress)
    if shell.json:
        shell.write_json(report.to_json())
    else:
        shell.say(*render.window(report, progress.seconds))
