"""The answer to a Tab, in the form that the script of each shell reads."""

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from gptprep.cli.completion.bash_line import parse_bash_line
from gptprep.cli.completion.line import Line, Parameter, read_line
from gptprep.cli.completion.offers import offers
from gptprep.cli.completion.paths import LeaveToShellError, Offer


class Answer(NamedTuple):
    """What can be at the cursor."""

    option: str
    """`--name=`, if the word at the cursor starts with that."""
    word: str
    """The rest of it."""
    offers: list[Offer]


def reply(shell: str, words: list[str]) -> str:
    """The lines for the script of a shell.

    Raises:
        LeaveToShellError: only the shell knows what the word stands for.
    """
    return "".join(f"{line}\n" for line in _REPLIES[shell](words))


def find(words: list[str], current: str) -> Answer:
    """What can follow some words where `current` is at the cursor."""
    line = read_line(words)
    name, equals, value = current.partition("=")
    if equals and not line.waiting and (option := _long_option(line, name)):
        line.waiting = option
        return Answer(f"{name}=", value, list(offers(line, value)))
    return Answer("", current, list(offers(line, current)))


def _long_option(line: Line, name: str) -> Parameter | None:
    option = line.option(name) if name.startswith("--") and not line.has_dashes else None
    return option if option and option.takes_value else None


def _bash(words: list[str]) -> Iterable[str]:
    """First the options for `compopt`, then what replaces the word that bash knows."""
    text, breaks = words
    line = parse_bash_line(text, breaks)
    if line.is_expanded or line.is_redirection:
        raise LeaveToShellError
    option, word, found = find(line.words, line.current)
    found = [offer for offer in found if offer.value.startswith(word)]
    inserted = [_without_slash(f"{option}{offer.value}"[line.kept :]) for offer in found]
    options = ["filenames"] if any(offer.is_path for offer in found) else []
    if inserted and inserted[0].endswith("/"):
        options.append("nospace")
    return [" ".join(options), *inserted]


def _without_slash(path: str) -> str:
    """A folder that bash finds: it adds the slash, and would list it with two otherwise."""
    return path.rstrip("/") if os.path.isdir(os.path.expanduser(path)) else path


def _zsh(words: list[str]) -> Iterable[str]:
    """`=` for a word that starts with an option, then values, folders and files by their first letter.

    zsh keeps the folder that is typed, so names are those in it.
    """
    option, word, found = find(words[:-1], words[-1])
    start = word[: word.rfind("/") + 1]
    lines = ["="] if option else []
    for value, text, is_path in found:
        if is_path:
            lines.append(f"{'d' if value.endswith('/') else 'f'}{value.removeprefix(start).rstrip('/')}")
        else:
            described = value.replace("\\", "\\\\").replace(":", "\\:")
            lines.append(f"v{described}:{text}" if text else f"v{described}")
    return lines


def _fish(words: list[str]) -> Iterable[str]:
    if "$" in words[-1]:
        raise LeaveToShellError  # it would insert it as an ordinary character
    option, _, found = find(words[:-1], words[-1])
    return (f"{option}{offer.value}\t{offer.help}".rstrip("\t") for offer in found)


_REPLIES: dict[str, Callable[[list[str]], Iterable[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
