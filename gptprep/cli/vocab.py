"""`gptprep vocab`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from gptprep.cli import options
from gptprep.cli.shell import Shell, verb
from gptprep.errors import WrongUsage
from gptprep.tokenizers.vocabulary import DEFAULT_SPECIAL_TOKENS


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "vocab", help=_HELP)(_vocab)


_HELP = """A vocabulary of words or characters, or a byte-level BPE, from text.

Words and characters: a JSON file with the tokens in id order, sorted, special tokens last.
BPE: a Hugging Face tokenizer.json of --size tokens; its text is counted by gigatoken's own threads.
Name either as --tokenizer elsewhere.
"""


def _vocab(
    shell: Shell,
    inputs: options.Inputs,
    output: options.RequiredFile,
    kind: Annotated[
        Literal["word", "char", "bpe"],
        typer.Option(help="What the tokens are.", rich_help_panel=options.TOKENIZER),
    ] = "word",
    size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="N tokens, special ones included; of words and characters the most frequent.",
            show_default=False,
            rich_help_panel=options.TOKENIZER,
        ),
    ] = None,
    min_count: Annotated[
        int,
        typer.Option(
            metavar="K",
            help="Keep, or merge, what is met K times or more.",
            rich_help_panel=options.TOKENIZER,
        ),
    ] = 1,
    special_token: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOKEN",
            help=f"Instead of {' and '.join(DEFAULT_SPECIAL_TOKENS)} (BPE: the first); may be given again.",
            show_default=False,
            rich_help_panel=options.TOKENIZER,
        ),
    ] = None,
    no_special_tokens: Annotated[
        bool,
        typer.Option("--no-special-tokens", help="None at all.", rich_help_panel=options.TOKENIZER),
    ] = False,
    top: Annotated[
        int, typer.Option(metavar="N", help="How many of the tokens to show.", rich_help_panel=options.OUTPUT)
    ] = 20,
    encoding: options.Encoding = "utf-8",
    errors: options.ErrorPolicy = "strict",
    text_field: options.TextField = None,
    separator: options.Separator = None,
    workers: options.Workers = None,
    force: options.Force = False,
) -> None:
    from gptprep.pipelines.vocab import VocabOptions, vocab

    if special_token and no_special_tokens:
        raise WrongUsage("--special-token and --no-special-tokens exclude each other", fix="give one of them")
    wanted = VocabOptions(
        inputs=tuple(inputs),
        output=output,
        kind=kind,
        size=size,
        min_count=min_count,
        special_tokens=() if no_special_tokens else tuple(special_token) if special_token else None,
        top=max(0, top),
        text=options.text_options(encoding, errors, text_field, separator),
        stdin=options.stdin_kind(text_field),
        workers=workers,
        force=force,
    )
    with shell.progress(beside_data=output == "-") as progress:
        report = vocab(wanted, shell.data if output == "-" else None, progress)
    if shell.json and output != "-":
        shell.write_json(report)
    elif not shell.json:
        from gptprep.cli import render

        shell.say(*render.vocab(report, progress.seconds))
