"""The values of defaults, as Typer takes them: text, lists of texts, and booleans for flags."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from gptprep.cli.defaults.names import NUMERIC, ONE_WORD
from gptprep.cli.options import parser_of
from gptprep.cli.parameters import DeclaredOption
from gptprep.errors import UsageError

Value = str | bool | list[str]
_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def from_file(option: DeclaredOption, value: Any, place: str) -> Value:
    """The value of an option, from one of TOML.

    Raises:
        UsageError: it has a type or a value that the option does not take.
    """
    kinds = (option.kind, *get_args(option.kind))
    is_text, is_number = isinstance(value, str), type(value) in (int, float)
    if bool in kinds:
        is_right, right = isinstance(value, bool), "true or false, without quotes"
    elif _is_repeatable(option):
        value = [value] if is_text else value
        is_right, right = _is_texts(value), 'text in quotes, or a list of such: ["a", "b"]'
    elif int in kinds:
        is_right, right = type(value) is int, "a whole number, without quotes"
    else:
        is_right = is_text or (is_number and option.name in NUMERIC)
        right = "a number, or text in quotes" if option.name in NUMERIC else "text in quotes"
    if not is_right:
        raise UsageError(f"{place} is {kind_of(value)}", fix=f"write {right}")
    converted = value if isinstance(value, (bool, list)) else str(value)
    return _parsed(option, converted, place)


def from_variable(option: DeclaredOption, text: str, place: str) -> Value:
    """The value of an option, from the text of a variable; a list is divided at white space.

    Raises:
        UsageError: it is a value that the option does not take.
    """
    if option.kind is bool:
        if text.strip().lower() not in _WORDS:
            raise UsageError(f"{place} is {text[:40]!r}", fix="give 1, true, yes, on, 0, false, no or off")
        return _WORDS[text.strip().lower()]
    if _is_repeatable(option):
        return [text] if option.name in ONE_WORD else text.split()
    return _parsed(option, text, place)


def _parsed(option: DeclaredOption, value: Value, place: str) -> Value:
    """A value that the parser of the option accepts, which names the place if it does not."""
    texts = value if isinstance(value, list) else [str(value)]
    if any("\0" in text for text in texts):
        raise UsageError(f"{place} has a null character", fix=f"remove it from {place}")
    if not isinstance(value, bool) and (parse := parser_of(option.kind, place)):
        for text in texts:
            parse(text)
    return value


def _is_repeatable(option: DeclaredOption) -> bool:
    return any(get_origin(kind) is list for kind in (option.kind, *get_args(option.kind)))


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def kind_of(value: Any) -> str:
    """What a value of TOML is, for a message."""
    kinds = {bool: "a boolean", int: "a whole number", float: "a number", str: "text", dict: "a table"}
    if isinstance(value, list):
        return next((f"a list with {kind_of(item)}" for item in value if not isinstance(item, str)), "a list")
    return kinds.get(type(value), "a date or time")
