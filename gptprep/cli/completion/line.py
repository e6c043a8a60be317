"""What is on a command line already, and what the word at the cursor is."""

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args, get_origin

import typer.models

from gptprep.cli.app import app
from gptprep.cli.help import ADVANCED
from gptprep.cli.parameters import VERBS, command_of, options_of


@dataclass(frozen=True)
class Parameter:
    """An option or an argument, as the shell offers it."""

    key: str
    """Its name in Python."""
    names: tuple[str, ...]
    """As it is given, without aliases; nothing for an argument."""
    aliases: tuple[str, ...]
    metavar: str
    help: str
    takes_value: bool
    repeats: bool
    is_advanced: bool = False

    @property
    def choices(self) -> list[str]:
        """The values that its metavar names."""
        words = self.metavar.strip("[]").split("|")
        return [word for word in words if re.fullmatch(r"[a-z][a-z0-9]*", word)]


@dataclass
class Line:
    """The complete words of a line, read as gptprep would read them."""

    verb: str | None = None
    options: list[Parameter] = field(default_factory=list)
    arguments: list[Parameter] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    """The keys of options that are given."""
    values: list[str] = field(default_factory=list)
    """Those of arguments."""
    waiting: Parameter | None = None
    """The option whose value is the next word."""
    is_help: bool = False
    """Whether the next word is the verb to describe."""
    has_dashes: bool = False
    """Whether `--` has ended the options."""

    def option(self, name: str) -> Parameter | None:
        """The option of a name or an alias."""
        return next((one for one in self.options if name in one.names + one.aliases), None)

    @property
    def argument(self) -> Parameter | None:
        """The argument that the next word would be; None if there are no more."""
        for parameter in self.arguments:
            if parameter.repeats or not self.values:
                return parameter
        return None


def read_line(words: Iterable[str]) -> Line:
    """Read the words after the program and before the cursor."""
    line = Line(options=_common_options())
    for word in words:
        if line.waiting:
            line.waiting = None
        elif word == "--" and not line.has_dashes:
            line.has_dashes = True
        elif word.startswith("-") and word != "-" and not line.has_dashes:
            _read_option(line, word)
        elif line.verb or line.is_help:
            line.values.append(word)
        elif word == "help":
            line.is_help = True
        elif word in VERBS:
            line.verb = word
            line.options, line.arguments = verb_parameters(word)
    return line


def _read_option(line: Line, word: str) -> None:
    name, has_value, _ = word.partition("=")
    if word.startswith("--"):
        if option := line.option(name):
            line.given.add(option.key)
            line.waiting = option if option.takes_value and not has_value else None
        return
    for position, letter in enumerate(word[1:], 2):  # -qf is -q -f, and -Tgpt2 is -T gpt2
        if option := line.option(f"-{letter}"):
            line.given.add(option.key)
            if option.takes_value:
                line.waiting = option if position == len(word) else None
                return


def summary(verb: str) -> str:
    """The first sentence of the help of a verb."""
    return _sentence(command_of(verb).__doc__ or "")


_HELP = Parameter("help", ("--help", "-h"), (), "", "Show this message and exit", False, False)


def _common_options() -> list[Parameter]:
    """The options that may stand before a verb."""
    callback: Any = app.registered_callback and app.registered_callback.callback
    parameters = list(inspect.signature(callback, eval_str=True).parameters.values())[1:]
    return [*map(_parameter, parameters), _HELP]


@cache
def verb_parameters(verb: str) -> tuple[list[Parameter], list[Parameter]]:
    """The options of a verb, in the order of its help, and its arguments."""
    parameters = [_parameter(option.parameter) for option in options_of(command_of(verb))]
    usual = [one for one in parameters if not one.is_advanced]
    advanced = [one for one in parameters if one.is_advanced]
    options = [one for one in (*usual, _HELP, *advanced) if one.names]
    return options, [one for one in parameters if not one.names]


def _parameter(parameter: inspect.Parameter) -> Parameter:
    kind, info = get_args(parameter.annotation)
    kinds = (kind, *get_args(kind))
    is_option = isinstance(info, typer.models.OptionInfo)
    names = [info.default, *info.param_decls] if is_option else []
    aliases = [name for name in names if name.startswith("--")][1:]
    return Parameter(
        key=parameter.name,
        names=tuple(name for name in names if name not in aliases),
        aliases=tuple(aliases),
        metavar=info.metavar or "",
        help=_sentence(info.help or ""),
        takes_value=kind is not bool,
        repeats=any(get_origin(one) is list for one in kinds),
        is_advanced=is_option and info.rich_help_panel == ADVANCED,
    )


def _sentence(text: str) -> str:
    """The first sentence, on one line."""
    return " ".join(text.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".")
