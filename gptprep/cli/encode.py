"""`gptprep encode`."""

from __future__ import annotations

import io
import sys
from typing import Annotated, Literal

import typer

from gptprep.cli import options
from gptprep.cli.shell import Shell, verb
from gptprep.errors import WrongUsage

_Format = Literal["ids", "tokens", "json", "npy", "bin"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "encode", help=_HELP)(_encode)


_HELP = """Text to token ids.

One line of ids for each document on standard output; with -o x.npy or -o x.bin all of them as one stream of
numbers, with the end-of-text id between documents. Without INPUT and -t, standard input is read.
"""


def _encode(
    shell: Shell,
    inputs: options.OptionalInputs = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", "-t", metavar="TEXT", help="A text to encode; may be given again."),
    ] = None,
    tokenizer: options.TokenizerName = "gpt2",
    special: options.Special = "allow",
    engine: options.EngineName = "auto",
    no_cross_check: options.NoCrossCheck = False,
    encoding: options.Encoding = "utf-8",
    errors: options.ErrorPolicy = "strict",
    text_field: options.TextField = None,
    separator: options.Separator = None,
    output: options.OutputFile = None,
    format_: Annotated[
        _Format | None,
        typer.Option(
            "--format",
            help="Without it, by the ending of FILE, else ids as text.",
            show_default=False,
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    count: Annotated[
        bool,
        typer.Option(
            "--count",
            help="Only the number of ids.",
            show_default=False,
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    workers: options.Workers = None,
    force: options.Force = False,
) -> None:
    from gptprep.pipelines.encode import EncodeOptions, argument_bytes, encode

    if not inputs and not text and not (sys.stdin and sys.stdin.isatty()):
        inputs = ["-"]
    to_file = None if output == "-" else output
    _check_together(shell, to_file, format_, count)
    wanted = EncodeOptions(
        inputs=tuple(inputs or ()),
        texts=argument_bytes(text or ()),
        tokenizer=tokenizer,
        special=special,
        engine=engine,
        cross_check=not no_cross_check,
        text=options.text_options(encoding, errors, text_field, separator),
        stdin=options.stdin_kind(text_field),
        output=to_file,
        format="count" if count else format_ or ("json" if shell.json and to_file is None else None),
        workers=workers,
        force=force,
    )
    number = io.BytesIO() if count else None
    out = number or (shell.data if to_file is None else None)
    with shell.progress(beside_data=to_file is None and not count) as progress:
        report = encode(wanted, out, progress)
    if shell.json and (to_file is not None or count):
        shell.write_json(report)
    elif number:
        shell.data.write(number.getvalue())
    of_others = report.engine_note and tokenizer.endswith(".json")  # what a file asks for and does not get
    if not shell.json and (to_file is not None or report.replaced or report.skipped or of_others):
        from gptprep.cli import render

        shell.say(*render.encode(report, progress.seconds))


def _check_together(shell: Shell, to_file: str | None, format_: _Format | None, count: bool) -> None:
    """Refuse options that exclude each other.

    Raises:
        WrongUsage: says which.
    """
    clash = ""
    if count and (to_file is not None or format_):
        clash = "--count prints a number: it goes with neither --output nor --format"
    elif shell.json and to_file is None and format_ not in (None, "json"):
        clash = f"--json and --format {format_} exclude each other on standard output"
    if clash:
        raise WrongUsage(clash, fix="give one of them")
