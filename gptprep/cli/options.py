"""The options that several verbs share, each written once."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Literal

import typer

from gptprep.corpus import Errors, SourceKind, TextOptions
from gptprep.errors import WrongUsage
from gptprep.tokenizers.base import Engine, SpecialPolicy

READING = "Reading"
TOKENIZER = "Tokenizer"
OUTPUT = "Output"
WINDOWS = "Windows"

Inputs = Annotated[
    list[str],
    typer.Argument(metavar="INPUT", help="Files, folders, quoted globs, or - for standard input."),
]
OptionalInputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT", help="Files, folders, quoted globs, or - for standard input.", show_default=False
    ),
]
TokenizerName = Annotated[
    str,
    typer.Option(
        "--tokenizer",
        "-T",
        metavar="NAME|FILE",
        help="gpt2, another tiktoken name (cl100k_base), a .tiktoken file, tokenizer.json or vocabulary.",
        rich_help_panel=TOKENIZER,
    ),
]
Special = Annotated[
    SpecialPolicy,
    typer.Option(
        help="A literal special token in the text becomes its id, ordinary text, or an error.",
        rich_help_panel=TOKENIZER,
    ),
]
EngineName = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="What encodes BPE, with the same ids: auto is gigatoken where it is known to be exact.",
        rich_help_panel=TOKENIZER,
    ),
]
NoCrossCheck = Annotated[
    bool,
    typer.Option(
        "--no-cross-check",
        help="Do not compare stretches of gigatoken's ids with tiktoken's.",
        show_default=False,
        rich_help_panel=TOKENIZER,
    ),
]
Encoding = Annotated[str, typer.Option(metavar="NAME", help="Of the input.", rich_help_panel=READING)]
ErrorPolicy = Annotated[
    Errors,
    typer.Option(
        "--errors",
        help="Invalid bytes are an error, become U+FFFD, or leave their document out.",
        rich_help_panel=READING,
    ),
]
TextField = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of .jsonl and .parquet inputs; given, standard input is read as JSON lines.",
        show_default="text",
        rich_help_panel=READING,
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help=r"Cut text files into documents here; \n, \t, \r and \\ are understood.",
        show_default=False,
        rich_help_panel=READING,
    ),
]
OutputFile = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write here, whole or not at all.", rich_help_panel=OUTPUT
    ),
]
RequiredFile = Annotated[
    str,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write here, whole or not at all.", rich_help_panel=OUTPUT
    ),
]
OutputFolder = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="The folder to make, whole or not at all.",
        rich_help_panel=OUTPUT,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        "-f",
        help="Replace an output that exists, once the new one is whole.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Say what would be written, and stop.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]

Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="Processes; the result is the same for any number.",
        show_default="one a core",
        rich_help_panel="General",
    ),
]

ContextLength = Annotated[
    int,
    typer.Option("--context-length", "-L", metavar="L", help="Ids in a window.", rich_help_panel=WINDOWS),
]
Stride = Annotated[
    int | None,
    typer.Option(
        "--stride",
        "-S",
        metavar="S",
        help="Ids between window starts; L where it is not given.",
        show_default=False,
        rich_help_panel=WINDOWS,
    ),
]
ValFraction = Annotated[
    str,
    typer.Option(
        metavar="F",
        help="The share of the stream, or of the documents, that goes to val.",
        rich_help_panel=WINDOWS,
    ),
]
SplitBy = Annotated[
    Literal["tail", "document"],
    typer.Option(
        "--split-by",
        help="val gets the tail of the stream, or whole documents, by a seeded hash of their number.",
        rich_help_panel=WINDOWS,
    ),
]
Boundary = Annotated[
    Literal["stream", "document"],
    typer.Option(
        "--boundary",
        help="Windows run across documents, or end with theirs, padded, with lengths beside them.",
        rich_help_panel=WINDOWS,
    ),
]
Shuffle = Annotated[
    bool,
    typer.Option(
        "--shuffle",
        help="Put all windows of a split in a seeded random order.",
        show_default=False,
        rich_help_panel=WINDOWS,
    ),
]
WindowSeed = Annotated[
    int,
    typer.Option(metavar="N", help="Of --shuffle and --split-by document.", rich_help_panel=WINDOWS),
]
Layout = Annotated[
    Literal["pairs", "tokens"],
    typer.Option(
        "--layout",
        help="Inputs and targets, or each id once: windows are then cut when they are read.",
        rich_help_panel=WINDOWS,
    ),
]
Dtype = Annotated[
    Literal["auto", "uint16", "uint32", "int32", "int64"],
    typer.Option("--dtype", help="Of the ids; auto is the smallest.", rich_help_panel=WINDOWS),
]
ShardSize = Annotated[
    str,
    typer.Option(metavar="SIZE", help="The largest file, such as 64MB or 1GiB.", rich_help_panel=WINDOWS),
]

_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\"}
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def text_options(encoding: str, errors: Errors, text_field: str | None, separator: str | None) -> TextOptions:
    """The reading options of a command line.

    Raises:
        WrongUsage: one of them makes no sense.
    """
    if separator is not None:
        separator = re.sub(r"\\[ntr\\]", lambda match: _ESCAPES[match[0]], separator)
    return TextOptions(encoding, errors, "text" if text_field is None else text_field, separator)


def stdin_kind(text_field: str | None) -> SourceKind:
    """What standard input holds: it has no ending that would say so."""
    return "text" if text_field is None else "jsonl"


def parse_size(text: str) -> int:
    """A size in bytes: `256MB`, `1.5 GiB`, `1000000`.

    Raises:
        WrongUsage: it is none.
    """
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([KMGT]?)(i?)B?", text.strip(), re.IGNORECASE)
    if not match or (match[3] and not match[2]):
        raise WrongUsage(f"{text[:40]!r} is not a size", fix="write it as 256MB, 1GiB or 1000000")
    units = _BINARY_UNITS if match[3] else _UNITS
    return int(Fraction(match[1]) * units[match[2].upper()])


def parse_batch_size(text: str) -> int | None:
    """A number of windows, or None for `auto`.

    Raises:
        WrongUsage: it is neither.
    """
    if text == "auto":
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise WrongUsage(f"--batch-size is {text[:40]!r}", fix="give a number of windows, or auto")
    return int(text)
