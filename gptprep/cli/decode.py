"""`gptprep decode`."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from gptprep.cli import options
from gptprep.cli.shell import Shell, verb
from gptprep.errors import WrongUsage


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "decode", help=_HELP)(_decode)


_HELP = """Token ids to text, byte for byte.

Ids are given as arguments, as a file (.npy, .bin, or text as `encode` prints it) or on standard input.
"""


def _decode(
    shell: Shell,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID...|FILE", help="Ids, or one file, or - for standard input.", show_default=False
        ),
    ] = None,
    tokenizer: options.TokenizerName = "gpt2",
    output: options.OutputFile = None,
    force: options.Force = False,
) -> None:
    from gptprep.pipelines.decode import DecodeOptions, decode

    numbers, path = _ids_or_path(ids or [])
    to_file = None if output == "-" else output
    wanted = DecodeOptions(ids=numbers, input=path, tokenizer=tokenizer, output=to_file, force=force)
    if to_file is not None:
        report = decode(wanted)
        if shell.json:
            shell.write_json(report)
        else:
            from gptprep.cli import render

            shell.say(*render.decode(report))
    elif shell.json:
        text = io.BytesIO()
        report = decode(wanted, text)
        shell.write_json({**asdict(report), "text": text.getvalue().decode(errors="replace")})
    elif not decode(wanted, shell.data).ends_line and sys.stdout.isatty():
        shell.data.write(b"\n")  # so that the prompt stands on a line of its own


def _ids_or_path(arguments: list[str]) -> tuple[tuple[int, ...], str]:
    """Ids where all arguments are numbers (commas and brackets are white space), else the one path.

    Raises:
        WrongUsage: there are several arguments, and not all are numbers.
    """
    words = re.sub(r"[][,]", " ", " ".join(arguments)).split()
    wrong = next((word for word in words if not re.fullmatch(r"-?[0-9]{1,30}", word)), None)
    if words and wrong is None:
        return tuple(map(int, words)), "-"
    if len(arguments) > 1:
        what = f"{wrong!r} is not an id" if wrong else "there is no id among the arguments"
        raise WrongUsage(what, fix="give ids, or one file of ids, or - for standard input")
    return (), arguments[0] if arguments else "-"
