"""`gptprep embed`."""

import re
from dataclasses import dataclass
from typing import Annotated

import typer

from gptprep.choices import FloatDtype, Init, Position
from gptprep.cli import next_commands, options
from gptprep.cli.options import choice, option
from gptprep.cli.streams import Streams
from gptprep.errors import UsageError

_WEIGHTS = "Checkpoint that has the tables: .safetensors, or .pt, .pth or .bin of torch.save."
_INIT = "Random tables: N(0, 1), or GPT-2's standard deviations, 0.02 and 0.01."
_BATCH_SIZE = "Windows computed at a time; auto picks what fits in a processor's cache."


@dataclass(frozen=True)
class _AdvancedArguments:
    """Less common kinds of tables, and how to compute."""

    init: Annotated[Init | None, choice("--init", _INIT, "normal")] = None
    token_table: options.TokenTable = None
    position_table: options.PositionTable = None
    batch_size: Annotated[str, option("--batch-size", "N|auto", _BATCH_SIZE)] = "auto"
    configured: options.Configured = options.NOT_CONFIGURED

    def tables(self, weights: str | None, position: Position) -> tuple[str | None, str | None]:
        """The names of the token and the position table, without defaults that do nothing for this run."""
        token = None if weights is None and "token-table" in self.configured else self.token_table
        is_unused = weights is None or position != "learned"
        is_default = "position-table" in self.configured
        return token, None if is_unused and is_default else self.position_table


def command(
    streams: Streams,
    shards: Annotated[str, typer.Argument(metavar="SHARDS", help="Folder that `gptprep window` wrote.")],
    output: options.OutputFolder,
    advanced: _AdvancedArguments,
    dim: Annotated[int | None, option("--dim", "D", "Embedding width.", "768, or that of --weights")] = None,
    position: Annotated[Position, choice("--position", "Position embedding.")] = "learned",
    seed: Annotated[int, option("--seed", "N", "Seed for random tables.")] = 0,
    weights: Annotated[str | None, option("--weights", "FILE", _WEIGHTS)] = None,
    device: Annotated[str, option("--device", "auto|cpu|cuda[:i]|mps", "Where to compute.")] = "auto",
    dtype: Annotated[FloatDtype, choice("--dtype", "Data type of the embeddings.")] = "float32",
    split: Annotated[str | None, option("--split", "NAME", "Embed only this split.")] = None,
    limit: Annotated[int | None, option("--limit", "N", "Embed only N windows of each split.")] = None,
    force: options.Force = False,
    if_changed: options.IfChanged = False,
    dry_run: options.DryRun = False,
) -> None:
    """Turn shards into token + position embeddings in .npy, on a chosen device.

    The tables are random, from a seed, or those of a checkpoint. They are saved beside the embeddings. Needs
    the extra torch.

    Examples:
        gptprep embed shards -o embeddings --dim 64 --seed 123
        gptprep embed shards -o few --dim 64 --split val --limit 10 --dtype float16
        gptprep embed shards -o pretrained --weights model.safetensors
    """
    from gptprep.cli.render import folders
    from gptprep.pipelines import embed

    token_table, position_table = advanced.tables(weights, position)
    wanted = embed.EmbedOptions(
        shards=shards,
        output=output,
        dim=dim,
        position=position,
        init=advanced.init,
        seed=seed,
        weights=weights,
        token_table=token_table,
        position_table=position_table,
        device=device,
        dtype=dtype,
        split=split,
        limit=limit,
        batch_size=parse_batch_size(advanced.batch_size),
        force=force,
        if_changed=if_changed,
    )
    with streams.progress() as progress:
        plan = embed.plan(wanted, progress)
    if plan.up_to_date:
        streams.up_to_date(output, dry_run=dry_run)
        return
    streams.announce(plan, folders.embed_plan(plan, dry_run=dry_run), dry_run=dry_run)
    if not dry_run:
        streams.carry_out(embed.run, plan, folders.embeddings, next_commands.after_folder(output))


def parse_batch_size(text: str) -> int | None:
    """A number of windows, or None for `auto`.

    Raises:
        UsageError: it is neither.
    """
    if not re.fullmatch(r"auto|[0-9]{1,9}", text):
        what, why = f"--batch-size is {text[:40]!r}", "it is not a number of windows"
        raise UsageError(what, why, "give a number of windows, or auto")
    return None if text == "auto" else int(text)
