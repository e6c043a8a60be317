"""The app: its verbs in the order in which people meet them."""

from __future__ import annotations

from typing import Annotated

import typer

from gptprep import __version__
from gptprep.cli import decode, embed, encode, inspect, verify, vocab, window

app = typer.Typer(
    help="Raw text to what a GPT trains on: vocabularies, ids, sliding-window shards, embeddings.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"gptprep {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


for _verb in (inspect, encode, decode, vocab, window, embed, verify):
    _verb.register(app)
