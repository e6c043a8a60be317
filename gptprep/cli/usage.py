"""Explaining the usage errors of the argument parser like all other errors: what, why and fix."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from gptprep.errors import UsageError

_JOBS = {
    "gptprep --version": "version",
    "gptprep --help": "help",
    "gptprep encode": "tokenize tokenise",
    "gptprep count": "stats wc",
    "gptprep decode": "detokenize detokenise",
    "gptprep vocab": "train bpe",
    "gptprep window": "split chunk shard dataset",
    "gptprep embed": "embedding embeddings",
    "gptprep verify": "check validate",
    "gptprep inspect": "show view",
}
"""Command lines, and what people call them who do not know the verb."""
_LINES = {word: line for line, words in _JOBS.items() for word in words.split()}


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
        return f"{[*words, given][0]} is missing", "", f"give {given}"
    if message.startswith("No such option"):
        names = {name.strip("-"): name for param in params for name in param.opts if name.startswith("--")}
        fix = _before_the_verb(error, option) or _near(option.strip("-"), names)
        return f"there is no option {option}", "", fix
    if "does not take a value" in message:
        return f"{option} takes no value", "", f"give {option} alone"
    if "requires an argument" in message:
        return f"{option} has no value", "", f"give {option} a value"
    if unknown := re.match(r"No such command ['\"](.*?)['\"](\. Did you mean.*)?$", message, re.DOTALL):
        names = {name: name for name in error.ctx.command.list_commands(error.ctx)}
        line = _LINES.get(unknown[1].lower())
        fix = f"did you mean {line}?" if line else _near(unknown[1], names)
        return f"there is no command {unknown[1]}", "", fix
    if extra := re.match(r"Got unexpected extra argument\S* \((.*)\)$", message, re.DOTALL):
        takes = "no more" if any(param.param_type_name == "argument" for param in params) else "no"
        return f"unexpected argument: {extra[1]}", f"{command} takes {takes} arguments", ""
    return message[:1].lower() + message[1:], "", ""


def _before_the_verb(error: Any, option: str) -> str:
    """A suggestion for an option of the app that was given to a verb."""
    parent: Any = getattr(getattr(error, "ctx", None), "parent", None)
    if parent is None:
        return ""
    names = {name for param in parent.command.get_params(parent) for name in param.opts}
    return f"give it before the verb: {parent.command_path} {option}" if option in names else ""


def _near(wrong: str, names: dict[str, str]) -> str:
    """A suggestion, if one of the names is similar."""
    meant = nearest(wrong, names)
    return f"did you mean {meant}?" if meant else ""


def nearest(wrong: str, names: Mapping[str, str]) -> str | None:
    """What stands for the name that is most similar to a wrong one."""
    wrong = wrong.lower().replace("_", "-")
    longer = [name for name in names if name.startswith(wrong) and len(wrong) > 1]
    near = longer or difflib.get_close_matches(wrong, names, 1, 0.6)
    return names[near[0]] if near else None
