"""The app: its verbs, imported when they are used."""

import sys
from contextlib import suppress
from typing import Annotated, Any, cast

import typer

from gptprep import __version__
from gptprep.cli import options
from gptprep.cli.defaults import Defaults
from gptprep.cli.help import HelpGroup
from gptprep.cli.options import flag
from gptprep.cli.parameters import VERBS, command_of
from gptprep.cli.run import make_verb
from gptprep.cli.streams import Streams
from gptprep.errors import UsageError


class _Verbs(HelpGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _shell_as_value(_help_as_option(args)))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        return make_verb(command_of(cmd_name)) if cmd_name in VERBS else None


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


_SHOW_CONFIG = "Show the defaults that a settings file or GPTPREP_ variables set, and from where."
_NO_CONFIG = "Ignore settings files and GPTPREP_ variables; stands before the verb."


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
    show_config: Annotated[bool, flag("--show-config", _SHOW_CONFIG)] = False,
    no_config: Annotated[bool, flag("--no-config", _NO_CONFIG)] = False,
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
    defaults = Defaults()
    if not no_config:
        context.default_map = cast("Any", defaults)
    if show_config:
        _show_config(context, defaults, no_config=no_config)
        return
    if context.invoked_subcommand is None and json:
        raise UsageError("there is no command", fix="give one; gptprep --help lists them")
    if context.invoked_subcommand is None:
        with suppress(OSError):
            typer.echo(context.get_help(), file=sys.stderr)
        raise typer.Exit(2)


def _show_config(context: typer.Context, defaults: Defaults, *, no_config: bool) -> None:
    """Show what holds without options on the command line."""
    if no_config or context.invoked_subcommand:
        other = "--no-config" if no_config else f"gptprep {context.invoked_subcommand}"
        raise UsageError(f"--show-config cannot be used with {other}", fix="give gptprep --show-config alone")
    common: options.CommonArguments = context.obj
    streams = Streams("show", json_output=common.json, quiet=common.quiet, no_color=common.no_color)
    report = defaults.report()
    streams.note_each(defaults.notes)
    if streams.json:
        streams.write_json(report, "config")
        return
    from gptprep.cli.render import config as render

    streams.show(*render.config(report))
