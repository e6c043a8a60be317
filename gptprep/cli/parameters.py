"""The parameters of the functions of verbs, and the options that they stand for."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from inspect import Parameter
from typing import Any, NamedTuple, get_args, get_type_hints

from gptprep.cli.options import CommonArguments, Configured, declared

VERBS = ("inspect", "encode", "count", "decode", "vocab", "window", "embed", "verify")
Command = Callable[..., None]


def command_of(verb: str) -> Command:
    """The function of a verb, imported when it is needed."""
    command: Command = import_module(f"gptprep.cli.{verb}").command
    return command


class DeclaredOption(NamedTuple):
    """An option or argument of a verb."""

    name: str
    """Its first long name without hyphens before it; nothing for an argument."""
    kind: Any
    """Its type, such as `int | None`."""
    parameter: Parameter
    """What typer makes it of."""


@cache
def parameters_of(command: Command) -> tuple[Parameter, ...]:
    """The parameters of a verb after `Streams`, and the group of those that all verbs have."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    return (*own, Parameter("common", own[0].kind, annotation=CommonArguments))


@cache
def options_of(command: Command) -> tuple[DeclaredOption, ...]:
    """The options and arguments of a verb."""
    return tuple(option for parameter in parameters_of(command) for option in _options(parameter))


def _options(parameter: Parameter) -> Iterator[DeclaredOption]:
    """The options that a parameter stands for: one for each field if it is a dataclass."""
    if parameter.annotation is Configured:
        return
    if not is_dataclass(parameter.annotation):
        yield _option(declared(parameter.name, parameter.default, parameter.annotation, advanced=False))
        return
    hints = get_type_hints(parameter.annotation, include_extras=True)
    for field in fields(parameter.annotation):
        if hints[field.name] is not Configured:
            yield _option(declared(field.name, field.default, hints[field.name], advanced=True))


def _option(parameter: Parameter) -> DeclaredOption:
    kind, info = get_args(parameter.annotation)
    names = [name for name in (info.default, *(info.param_decls or ())) if isinstance(name, str)]
    long = (name.removeprefix("--") for name in names if name.startswith("--"))
    return DeclaredOption(next(long, ""), kind, parameter)


def gathered(parameter: Parameter, arguments: dict[str, Any], configured: Configured) -> Any:
    """The value of a verb's parameter, from the options that it stands for."""
    kind: Any = parameter.annotation
    if kind is Configured:
        return configured
    if not is_dataclass(kind):
        return arguments[parameter.name]
    names = (field.name for field in fields(kind))  # the one that is no argument is `configured`
    return kind(**{name: arguments.get(name, configured) for name in names})  # type: ignore[operator]
