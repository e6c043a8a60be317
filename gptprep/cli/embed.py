"""`gptprep embed`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from gptprep.cli import options
from gptprep.cli.shell import Shell, verb


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "embed", help=_HELP)(_embed)


_HELP = """Shards to token + position embeddings in .npy, on a chosen device.

The tables are random, from the seed, and are saved beside the embeddings. Needs the extra `torch`.
"""
_TABLES = "Tables"
_WORK = "Work"


def _embed(
    shell: Shell,
    shards: Annotated[str, typer.Argument(metavar="SHARDS", help="A folder that `gptprep window` wrote.")],
    output: options.OutputFolder,
    dim: Annotated[
        int, typer.Option(metavar="D", help="The embedding width.", rich_help_panel=_TABLES)
    ] = 768,
    position: Annotated[
        Literal["learned", "sinusoidal", "none"],
        typer.Option(help="The position embedding.", rich_help_panel=_TABLES),
    ] = "learned",
    init: Annotated[
        Literal["normal", "gpt2"],
        typer.Option(help="N(0, 1), or GPT-2's deviations: 0.02 and 0.01.", rich_help_panel=_TABLES),
    ] = "normal",
    seed: Annotated[int, typer.Option(help="Of the tables.", rich_help_panel=_TABLES)] = 0,
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda[:i]|mps", help="Where to compute.", rich_help_panel=_WORK)
    ] = "auto",
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only this split.", show_default=False, rich_help_panel=_WORK),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Only the first N windows of a split.",
            show_default=False,
            rich_help_panel=_WORK,
        ),
    ] = None,
    batch_size: Annotated[
        str, typer.Option(metavar="N|auto", help="Windows computed at a time.", rich_help_panel=_WORK)
    ] = "auto",
    dtype: Annotated[
        Literal["float32", "float16"], typer.Option(help="Of the output.", rich_help_panel=options.OUTPUT)
    ] = "float32",
    force: options.Force = False,
    dry_run: options.DryRun = False,
) -> None:
    from gptprep.cli import render
    from gptprep.pipelines.embed import EmbedOptions, plan_embed, run_embed

    wanted = EmbedOptions(
        shards=shards,
        output=output,
        dim=dim,
        position=position,
        init=init,
        seed=seed,
        device=device,
        dtype=dtype,
        split=split,
        limit=limit,
        batch_size=options.parse_batch_size(batch_size),
        force=force,
    )
    plan = plan_embed(wanted)
    if not (dry_run and shell.json):
        shell.say(render.embed_plan(plan))
    if dry_run:
        if shell.json:
            shell.write_json(plan.to_json())
        return
    with shell.progress() as progress:
        report = run_embed(plan, progress)
    if shell.json:
        shell.write_json(report)
    else:
        shell.say(*render.embed(report, progress.seconds))
