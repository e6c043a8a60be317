"""`gptprep inspect`."""

from __future__ import annotations

import shutil
from typing import Annotated

import typer

from gptprep.cli import options
from gptprep.cli.shell import Shell, verb


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "inspect", help=_HELP)(_inspect)


_HELP = """See how a text tokenizes: its tokens in colour, with their ids.

`·` is a space, `⏎` a newline, `⇥` a tab; `<0xE4>` is a byte of a character that several tokens share.
"""


def _inspect(
    shell: Shell,
    text: Annotated[str, typer.Option("--text", "-t", metavar="TEXT", help="The text.", show_default=False)],
    tokenizer: options.TokenizerName = "gpt2",
    special: options.Special = "allow",
) -> None:
    from gptprep.pipelines.encode import argument_bytes
    from gptprep.pipelines.inspect import inspect_text

    report = inspect_text(argument_bytes([text])[0], tokenizer, special)
    if shell.json:
        shell.write_json(report)
    else:
        from gptprep.cli import render

        shell.show(*render.text(report, shutil.get_terminal_size().columns))
