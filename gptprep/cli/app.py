"""The app: its verbs, imported when they are used."""

import sys
from contextlib import suppress
from importlib import import_module
from typing import Annotated, Any

import typer

from gptprep import __version__
from gptprep.cli import options
from gptprep.cli.help import HelpGroup
from gptprep.cli.run import make_verb
from gptprep.errors import UsageError

VERBS = ("inspect", "encode", "count", "decode", "vocab", "window", "embed", "verify")


class _Verbs(HelpGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _help_as_option(args))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        return make_verb(import_module(f"gptprep.cli.{cmd_name}").command) if cmd_name in VERBS else None


def _help_as_option(args: list[str]) -> list[str]:
    """`help VERB`, which common options may precede, as `VERB --help`."""
    words = [arg for arg in args if not arg.startswith("-")]
    if words[:1] != ["help"]:
        return args
    return [*args[: args.index("help")], *words[1:2], "--help"]


app = typer.Typer(
    cls=_Verbs,
    help="Turn raw text into what a GPT trains on: vocabularies, ids, sliding-window shards, embeddings.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gptprep {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  its callback does the work
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
    debug: options.Debug = False,
) -> None:
    context.obj = options.CommonArguments(json, quiet, no_color, debug)
    if context.invoked_subcommand is None and json:
        raise UsageError("there is no command", fix="give one; gptprep --help lists them")
    if context.invoked_subcommand is None:
        with suppress(OSError):
            typer.echo(context.get_help(), file=sys.stderr)
        raise typer.Exit(2)
