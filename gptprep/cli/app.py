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
        return super().parse_args(ctx, _shell_as_value(_help_as_option(args)))

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


def _shell_as_value(args: list[str]) -> list[str]:
    """`--install-completion`, which may stand alone, with a value: that of the next word, or an empty one."""
    for position, arg in enumerate(args):
        if arg in ("--install-completion", "--show-completion"):
            shell = [word for word in args[position + 1 : position + 2] if not word.startswith("-")]
            rest = args[position + 1 + len(shell) :]
            return [*args[:position], f"{arg}={''.join(shell)}", *rest]
        if not arg.startswith("-"):  # the verb
            break
    return args


app = typer.Typer(
    cls=_Verbs,
    add_completion=False,
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


def _install_completion(shell: str | None) -> None:
    if shell is not None:
        from gptprep.cli.completion.install import install

        typer.echo("\n".join(install(shell)))
        raise typer.Exit


def _show_completion(shell: str | None) -> None:
    if shell is not None:
        from gptprep.cli.completion.install import script_of

        typer.echo(script_of(shell), nl=False)
        raise typer.Exit


_SHELL = {"metavar": "[bash|zsh|fish]", "is_eager": True, "show_default": False}
_INSTALL = "Install completion for a shell, or for the one that runs this."
_SHOW = "Print what --install-completion writes, to put it elsewhere."


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
    install_completion: Annotated[  # noqa: ARG001  as above
        str | None,
        typer.Option("--install-completion", callback=_install_completion, help=_INSTALL, **_SHELL),
    ] = None,
    show_completion: Annotated[  # noqa: ARG001  as above
        str | None, typer.Option("--show-completion", callback=_show_completion, help=_SHOW, **_SHELL)
    ] = None,
) -> None:
    context.obj = options.CommonArguments(json, quiet, no_color, debug)
    if context.invoked_subcommand is None and json:
        raise UsageError("there is no command", fix="give one; gptprep --help lists them")
    if context.invoked_subcommand is None:
        with suppress(OSError):
            typer.echo(context.get_help(), file=sys.stderr)
        raise typer.Exit(2)
