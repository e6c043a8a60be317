"""`gptprep window`."""

from __future__ import annotations

import typer

from gptprep.cli import options
from gptprep.cli.shell import Shell, verb


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "window", help=_HELP)(_window)


_HELP = """A corpus to sliding-window input/target shards in .npy.

Documents are joined by the end-of-text id and windows run across; targets are the inputs one id later.
DIR appears when everything in it is whole; the same command takes up a run that was stopped.
Files that end in .npy or .bin are taken as ids.
"""


def _window(
    shell: Shell,
    inputs: options.Inputs,
    output: options.OutputFolder,
    context_length: options.ContextLength = 1024,
    stride: options.Stride = None,
    val_fraction: options.ValFraction = "0",
    split_by: options.SplitBy = "tail",
    boundary: options.Boundary = "stream",
    shuffle: options.Shuffle = False,
    seed: options.WindowSeed = 0,
    layout: options.Layout = "pairs",
    dtype: options.Dtype = "auto",
    shard_size: options.ShardSize = "256MB",
    tokenizer: options.TokenizerName = "gpt2",
    special: options.Special = "allow",
    engine: options.EngineName = "auto",
    no_cross_check: options.NoCrossCheck = False,
    encoding: options.Encoding = "utf-8",
    errors: options.ErrorPolicy = "strict",
    text_field: options.TextField = None,
    separator: options.Separator = None,
    workers: options.Workers = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
) -> None:
    from gptprep.cli import render
    from gptprep.pipelines.planning import WindowOptions, plan_window
    from gptprep.pipelines.window import run_window

    wanted = WindowOptions(
        inputs=tuple(inputs),
        output=output,
        context_length=context_length,
        stride=stride,
        val_fraction=val_fraction,
        split_by=split_by,
        boundary=boundary,
        shuffle=shuffle,
        seed=seed,
        layout=layout,
        dtype=dtype,
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
