"""Explaining the usage errors of the argument parser like all other errors: what, why and fix."""

import difflib
import re
from typing import Any

from gptprep.errors import UsageError


def explain_usage(error: Exception) -> UsageError | None:
    """One of our errors for an error of the parser; None if it is another exception.

    The parser's classes are recognized by their attributes, because typer has moved them between packages.
    """
    if not hasattr(error, "format_message"):
        return None
    context: Any = getattr(error, "ctx", None)  # some errors do not have one
    command = context.command_path if context else "gptprep"
    what, why, fix = _explain(error, command, context.command.get_params(context) if context else [])
    return UsageError(what, why, fix or f"see {command} --help")


def _explain(error: Any, command: str, params: list[Any]) -> tuple[str, str, str]:
    message, option = error.format_message().rstrip("."), getattr(error, "option_name", "")
    if message.startswith("Missing"):
        words = [max(error.param.opts, key=len)] if error.param.param_type_name == "option" else []
        given = " ".join([*words, error.param.metavar])
        return f"{[*words, given][0]} is missing", f"{command} needs it", f"give {given}"
    if message.startswith("No such option"):
        names = {name.strip("-"): name for param in params for name in param.opts if name.startswith("--")}
        return f"there is no option {option}", f"{command} does not have it", _near(option.strip("-"), names)
    if "does not take a value" in message:
        return f"{option} takes no value", "it is on or off", f"give {option} alone"
    if "requires an argument" in message:
        return f"{option} has no value", "it needs one", f"give {option} a value"
    if unknown := re.match(r"No such command ['\"](.*?)['\"](\. Did you mean.*)?$", message, re.DOTALL):
        names = {name: name for name in error.ctx.command.list_commands(error.ctx)}
        return f"there is no command {unknown[1]}", f"{command} does not have it", _near(unknown[1], names)
    if extra := re.match(r"Got unexpected extra argument\S* \((.*)\)$", message, re.DOTALL):
        takes = "no more" if any(param.param_type_name == "argument" for param in params) else "no"
        return f"unexpected argument: {extra[1]}", f"{command} takes {takes} arguments", ""
    return message[:1].lower() + message[1:], "", ""


def _near(wrong: str, names: dict[str, str]) -> str:
    """A suggestion, if one of the names is similar."""
    wrong = wrong.lower().replace("_", "-")
    longer = [name for name in names if name.startswith(wrong) and len(wrong) > 1]
    near = longer or difflib.get_close_matches(wrong, names, 1, 0.6)
    return f"did you mean {names[near[0]]}?" if near else ""
