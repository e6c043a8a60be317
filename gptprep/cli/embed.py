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

The tables are random, from the seed, or those of a checkpoint.

They are saved beside the embeddings. Needs the extra `torch`.
"""
_TABLES = "Tables"
_PRETRAINED = "Pretrained tables"
_WORK = "Work"

_Shards = Annotated[str, typer.Argument(metavar="SHARDS", help="A folder that `gptprep window` wrote.")]
_Dim = Annotated[
    int | None,
    typer.Option(
        metavar="D",
        help="The embedding width.",
        show_default="768, or that of --weights",
        rich_help_panel=_TABLES,
    ),
]
_Position = Annotated[
    Literal["learned", "sinusoidal", "none"],
    typer.Option(help="The position embedding.", rich_help_panel=_TABLES),
]
_Init = Annotated[
    Literal["normal", "gpt2"] | None,
    typer.Option(
        help="Random tables: N(0, 1), or GPT-2's deviations, 0.02 and 0.01.",
        show_default="normal",
        rich_help_panel=_TABLES,
    ),
]
_Seed = Annotated[int, typer.Option(help="Of random tables.", rich_help_panel=_TABLES)]
_Weights = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Take the tables of a checkpoint: .safetensors, or .pt, .pth or .bin of torch.save.",
        show_default=False,
        rich_help_panel=_PRETRAINED,
    ),
]
_TokenTable = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The tensor that is the token table.",
        show_default="wte, tok_emb, ... under any prefix",
        rich_help_panel=_PRETRAINED,
    ),
]
_PositionTable = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The tensor that is the position table.",
        show_default="wpe, pos_emb, ... under any prefix",
        rich_help_panel=_PRETRAINED,
    ),
]
_Device = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda[:i]|mps", help="Where to compute.", rich_help_panel=_WORK)
]
_OnlySplit = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Only this split.", show_default=False, rich_help_panel=_WORK),
]
_Limit = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Only the first N windows of a split.", show_default=False, rich_help_panel=_WORK
    ),
]
_BatchSize = Annotated[
    str, typer.Option(metavar="N|auto", help="Windows of a file computed at a time.", rich_help_panel=_WORK)
]
_Dtype = Annotated[
    Literal["float32", "float16"], typer.Option(help="Of the output.", rich_help_panel=options.OUTPUT)
]


def _embed(
    shell: Shell,
    shards: _Shards,
    output: options.OutputFolder,
    dim: _Dim = None,
    position: _Position = "learned",
    init: _Init = None,
    seed: _Seed = 0,
    weights: _Weights = None,
    token_table: _TokenTable = None,
    position_table: _PositionTable = None,
    device: _Device = "auto",
    split: _OnlySplit = None,
    limit: _Limit = None,
    batch_size: _BatchSize = "auto",
    dtype: _Dtype = "float32",
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
        weights=weights,
        token_table=token_table,
        position_table=position_table,
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
