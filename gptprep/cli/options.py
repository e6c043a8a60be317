"""The options that several verbs share, and what all options have in common.

A verb is a function whose parameters are annotated with `option`, `choice` or `flag`. A parameter that is a
dataclass is a group: it stands for one option for each of its fields, under "Advanced" in the help.
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from gptprep.choices import Engine, ErrorPolicy, RawDtype, SourceKind, SpecialPolicy
from gptprep.cli.help import ADVANCED
from gptprep.errors import GptprepError, UsageError

if TYPE_CHECKING:
    from gptprep.pipelines.encode import EncodingSpec, FileFilter, TextOptions


def option(names: str, metavar: str, help: str, shown: str | bool = True) -> Any:
    """An option with a value; `shown` is its default in the help, if it is another text."""
    return typer.Option(*names.split(), metavar=metavar, help=help, show_default=shown)


def choice(name: str, help: str, shown: str | bool = True) -> Any:
    """An option whose value is one of those of its `Literal`."""
    return typer.Option(name, help=help, show_default=shown)


def flag(names: str, help: str) -> Any:
    """An option without a value."""
    return typer.Option(*names.split(), help=help, show_default=False)


class Configured(frozenset[str]):
    """The options whose values are the user's defaults, by their names without hyphens before them.

    A parameter of a verb, or a field of a group, with this type is no option. A default applies where it can:
    if it does nothing for an input, that is neither an error nor worth a note.
    """


NOT_CONFIGURED = Configured()
"""No default is the user's."""


def declared(name: str, default: Any, annotation: Any, *, advanced: bool) -> Parameter:
    """An option for typer, with the parser and metavar that follow from its type."""
    kind, shared = get_args(annotation)
    info = copy.copy(shared)
    long_name = info.default  # where typer keeps the first name until it builds the command
    if values := _choices(kind):
        info.metavar = "|".join(values)
    if parser := parser_of(kind, long_name):
        info.parser = parser
    if advanced:
        info.rich_help_panel = ADVANCED
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def parser_of(kind: Any, name: str) -> Callable[[Any], str | int] | None:
    """What checks the value of an option of a type, by which name its errors call it; None for any text."""
    if values := _choices(kind):
        return _choice_parser(name, values)
    return _number_parser(name) if int in (kind, *get_args(kind)) else None


def _choices(kind: Any) -> tuple[str, ...]:
    """The values of a type that has a `Literal`."""
    return next((get_args(one) for one in (kind, *get_args(kind)) if get_origin(one) is Literal), ())


def _choice_parser(name: str, values: tuple[str, ...]) -> Callable[[Any], str]:
    def parse(text: Any) -> str:
        if text not in values:
            either = f"{', '.join(values[:-1])} or {values[-1]}"
            raise UsageError(f"{name} is {str(text)[:40]!r}", fix=f"give {either}")
        return str(text)

    return parse


def _number_parser(name: str) -> Callable[[Any], int]:
    def parse(text: Any) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,40}", str(text).strip()):
            what = f"{name} is {str(text)[:40]!r}"
            raise UsageError(what, "it is not a whole number", "give a whole number")
        return int(text)

    return parse


# Arguments and outputs

_INPUTS = "Files, folders, quoted globs, URLs of object stores, or - for standard input."
OptionalInputs = Annotated[list[str] | None, typer.Argument(metavar="[INPUT...]", help=_INPUTS)]
OutputFile = Annotated[str | None, option("--output -o", "FILE", "File to write.")]
OutputFolder = Annotated[str, option("--output -o", "DIR", "Folder to write.")]
Force = Annotated[bool, flag("--force -f", "Replace an existing output, once the new one is complete.")]
_IF_CHANGED = """Do nothing if the output was made from the same inputs, options and tokenizer; otherwise
replace it."""
IfChanged = Annotated[bool, flag("--if-changed", _IF_CHANGED)]
DryRun = Annotated[bool, flag("--dry-run", "Show what would be written and how long it takes, and stop.")]
TOKENIZER = """gpt2, another tiktoken encoding, a model such as gpt-4o, a .tiktoken file, a tokenizer.json, a
vocabulary, or a folder of shards for the one that made it."""
TOKENIZER_OF_IDS = "the one of the ids, gpt2 for text"
TokenizerName = Annotated[str, option("--tokenizer -T", "NAME|FILE", TOKENIZER)]
IdsTokenizerName = Annotated[str | None, option("--tokenizer -T", "NAME|FILE", TOKENIZER, TOKENIZER_OF_IDS)]
_INPUT_DTYPE = "Data type of .bin inputs that have no .bin.json beside them."
InputDtype = Annotated[RawDtype | None, choice("--input-dtype", _INPUT_DTYPE, "by the vocabulary")]
_SPECIAL = "What a special token in the text becomes: its id, ordinary text, or an error."
Special = Annotated[SpecialPolicy, choice("--special", _SPECIAL)]


_TOKEN_TABLE = "Name of the token table in a file of weights."
_POSITION_TABLE = "Name of the position table in a file of weights."
TokenTable = Annotated[
    str | None, option("--token-table", "NAME", _TOKEN_TABLE, "wte, tok_emb, ... with any prefix")
]
PositionTable = Annotated[
    str | None, option("--position-table", "NAME", _POSITION_TABLE, "wpe, pos_emb, ... with any prefix")
]


def or_standard_input(inputs: Sequence[str] | None, verb: str, fix: str) -> list[str]:
    """The inputs, or standard input if there are none.

    Raises:
        UsageError: there are none, and standard input is a terminal, which would wait for typing.
    """
    if inputs:
        return list(inputs)
    if sys.stdin is not None and sys.stdin.isatty():
        raise UsageError(f"there is nothing to {verb}", "standard input is a terminal", fix)
    return ["-"]


def argument_bytes(texts: Sequence[str]) -> tuple[bytes, ...]:
    """Texts given as arguments, as the bytes that the shell gave.

    Raises:
        GptprepError: one of them is not valid Unicode.
    """
    try:
        return tuple(text.encode("utf-8", "surrogateescape") for text in texts)
    except UnicodeEncodeError as error:
        what, fix = "a text given with -t is not valid Unicode", "write it to a file, and name the file"
        raise GptprepError(what, str(error), fix) from error


# Groups

_ERRORS = "What invalid text becomes: an error, U+FFFD, or nothing (its document is skipped)."
_FIELD = """Field or column with the text, in .jsonl and .parquet inputs; a.b is b within a. If set, standard
input is read as JSON Lines."""
_SEPARATOR = r"Text between the documents of a file; may contain \n, \t, \r and \\."
_INCLUDE = "Read only the files of folders and globs that match, whatever their ending; can be repeated."
_EXCLUDE = "Do not read the files of folders and globs that match; can be repeated."
_WORKERS = "Number of processes; it does not change the result."
_ENGINE = """Library that encodes BPE; the ids are the same. auto is gigatoken where it is known to give
tiktoken's ids."""
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\"}


@dataclass(frozen=True)
class ReadingArguments:
    """How text is read."""

    encoding: Annotated[str, option("--encoding", "NAME", "Text encoding of the inputs.")] = "utf-8"
    errors: Annotated[ErrorPolicy, choice("--errors", _ERRORS)] = "strict"
    text_field: Annotated[str | None, option("--text-field", "NAME", _FIELD, "text")] = None
    separator: Annotated[str | None, option("--separator", "TEXT", _SEPARATOR)] = None
    include: Annotated[list[str] | None, option("--include", "GLOB", _INCLUDE, "by ending")] = None
    exclude: Annotated[list[str] | None, option("--exclude", "GLOB", _EXCLUDE, "hidden files")] = None
    workers: Annotated[int | None, option("--workers", "N", _WORKERS, "one per core")] = None
    configured: Configured = NOT_CONFIGURED

    @property
    def files(self) -> FileFilter:
        """Which files of folders are read, for the pipelines."""
        from gptprep.pipelines.encode import FileFilter

        return FileFilter(tuple(self.include or ()), tuple(self.exclude or ()))

    @property
    def text(self) -> TextOptions:
        """The options for the pipelines."""
        from gptprep.pipelines.encode import TextOptions

        field = "text" if self.text_field is None else self.text_field
        return TextOptions(self.encoding, self.errors, field, unescape(self.separator))

    @property
    def stdin(self) -> SourceKind:
        """What standard input holds, which has no file name ending that would say so.

        A default of `--text-field` says how a field is called, not that there is one.
        """
        return "text" if self.text_field is None or "text-field" in self.configured else "jsonl"

    def without_effect(self, kinds: Iterable[SourceKind]) -> Iterator[str]:
        """Notes about options that are given and do nothing for inputs of some kinds."""
        found = set(kinds)
        given = {name for name in ("text-field", "separator") if name not in self.configured}
        if self.text_field is not None and "text-field" in given and found.isdisjoint(("jsonl", "parquet")):
            yield "--text-field has no effect: no input is JSON Lines or Parquet"
        if self.separator is not None and "separator" in given and "text" not in found:
            yield "--separator has no effect: no input is plain text"


def unescape(separator: str | None) -> str | None:
    """A separator with its escapes replaced.

    Raises:
        UsageError: an escape is unknown.
    """
    if separator is None:
        return None

    def character(match: re.Match[str]) -> str:
        escape = match[0]
        if escape not in _ESCAPES:
            what, why = f"--separator has {escape}", r"its escapes are \n, \t, \r and \\"
            raise UsageError(what, why, f"write \\{escape} for a backslash")
        return _ESCAPES[escape]

    return re.sub(r"\\.?", character, separator, flags=re.DOTALL)


@dataclass(frozen=True)
class EncodingArguments(ReadingArguments):
    """How text is read and encoded."""

    special: Special = "allow"
    engine: Annotated[Engine, choice("--engine", _ENGINE)] = "auto"
    no_cross_check: Annotated[
        bool, flag("--no-cross-check", "Do not compare some of gigatoken's ids with tiktoken's.")
    ] = False

    def spec(self, tokenizer: str | None) -> EncodingSpec:
        """The options for the pipelines."""
        from gptprep.pipelines.encode import EncodingSpec

        return EncodingSpec(tokenizer, self.special, self.engine, not self.no_cross_check, self.text)

    def spec_of_ids(self, tokenizer: str | None) -> EncodingSpec:
        """As `spec`, for inputs that may be ids, which say their tokenizer: a default does not replace it."""
        if "tokenizer" not in self.configured:
            return self.spec(tokenizer)
        return replace(self.spec(None), default_tokenizer=tokenizer)


Json = Annotated[bool, flag("--json", "Write one JSON document to standard output.")]
Quiet = Annotated[bool, flag("--quiet -q", "Show no progress, notes or summaries.")]
NoColor = Annotated[bool, flag("--no-color", "Do not use colours.")]
Debug = Annotated[bool, flag("--debug", "Show a traceback with errors.")]


@dataclass(frozen=True)
class CommonArguments:
    """The options of every verb, which may also stand before it."""

    json: Json = False
    quiet: Quiet = False
    no_color: NoColor = False
    debug: Debug = False

    def __or__(self, other: CommonArguments) -> CommonArguments:
        """The options that are given in one of two places."""
        return CommonArguments(*(a or b for a, b in zip(astuple(self), astuple(other), strict=True)))
