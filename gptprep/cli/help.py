"""Help texts: description, arguments, options, advanced options, examples.

Typer's own formatter divides option names and choices at narrow widths; this one divides nothing but
sentences.
"""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from gptprep.cli.terminal import columns, is_plain

ADVANCED = "Advanced"
_MAX_WIDTH, _MIN_WIDTH = 100, 30
_NAME_WIDTH = 26
"""Names that are longer have their text on the next line."""
_NARROW = 60
"""Columns below which all texts are on the next line."""
_NO_BREAK = "\0"


class HelpCommand(TyperCommand):
    """A verb."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        params = [_described(param) for param in self.get_params(ctx)]
        named = [param for param in params if param]
        text = _Text(self, ctx)
        for panel in ("Arguments", "Options", ADVANCED):
            text.section(panel, [(name, what) for owner, name, what in named if owner == panel])
        if self.epilog:
            text.heading("Examples")
            text.lines += [f"  {line}" for line in self.epilog.splitlines()]
        formatter.write("\n".join(text.lines) + "\n")


class HelpGroup(TyperGroup):
    """The app with all verbs."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        text = _Text(self, ctx)
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        text.section("Commands", [(name, _summary(command)) for name, command in commands if command])
        params = [_described(param) for param in self.get_params(ctx)]
        text.section("Options", [(name, what) for _, name, what in filter(None, params)])
        text.paragraph("gptprep COMMAND --help describes a command.")
        formatter.write("\n".join(text.lines) + "\n")


class _Text:
    """The lines of a help text."""

    def __init__(self, command: Any, ctx: Any) -> None:
        self._width = max(_MIN_WIDTH, min(columns(), _MAX_WIDTH))
        arguments = [param.metavar for param in command.params if param.param_type_name == "argument"]
        arguments += ["COMMAND ..."] if hasattr(command, "commands") else []
        usage = " ".join([ctx.command_path, "[OPTIONS]", *arguments])
        self.lines = [*self._wrap(f"{_bold('Usage:')} {usage}", "       ")]
        for paragraph in (command.help or "").split("\n\n"):
            self.paragraph(paragraph)

    def paragraph(self, text: str) -> None:
        """Add a paragraph."""
        self.lines += ["", *self._wrap(" ".join(text.split()))]

    def heading(self, name: str) -> None:
        """Start a section."""
        self.lines += ["", _bold(f"{name}:")]

    def section(self, name: str, rows: Iterable[tuple[str, str]]) -> None:
        """Add a section of names and what they mean, if there are any."""
        rows = list(rows)
        if not rows:
            return
        self.heading(name)
        longest = max(len(name) for name, _ in rows)
        column = 6 if self._width < _NARROW else min(longest, _NAME_WIDTH) + 4
        for name, what in rows:
            text = self._wrap(what, width=self._width - column)
            if len(name) + 4 > column:
                self.lines.append(f"  {name}")
            else:
                self.lines.append(f"  {name}".ljust(column) + text.pop(0))
            self.lines += [" " * column + line for line in text]

    def _wrap(self, text: str, indent: str = "", width: int | None = None) -> list[str]:
        options: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
        lines = textwrap.wrap(text, width or self._width, subsequent_indent=indent, **options)
        return [line.replace(_NO_BREAK, " ") for line in lines]


def _described(param: Any) -> tuple[str, str, str] | None:
    """The section, name and description of a parameter; None if it is hidden."""
    if getattr(param, "hidden", False):
        return None
    what = param.help or ""
    if extra := "; ".join(_extras(param)):
        what += " " + (f"[{extra}]".replace(" ", _NO_BREAK) if len(extra) < _NAME_WIDTH else f"[{extra}]")
    if param.param_type_name == "argument":
        return "Arguments", param.metavar or param.name.upper(), what
    name = ", ".join(sorted(set(param.opts) - aliases(param), key=len))
    if not param.is_flag:
        name += f" {param.metavar or 'TEXT'}"
    return param.rich_help_panel or "Options", name, what


def aliases(param: Any) -> set[str]:
    """The long names of an option after its first, which are accepted but not shown."""
    return set([name for name in param.opts if name.startswith("--")][1:])


def _extras(param: Any) -> Iterator[str]:
    shown = param.show_default
    if param.required:
        yield "required"
    elif isinstance(shown, str):
        yield f"default: {shown}"
    elif shown and (default := param.default) is not None and default is not False:  # the built-in one
        yield f"default: {default}"


def _summary(command: Any) -> str:
    """The first sentence of a verb's help."""
    return str(command.help or "").partition("\n\n")[0].partition(". ")[0].rstrip(".") + "."


def _bold(text: str) -> str:
    return text if is_plain() else typer.style(text, bold=True)  # echo removes it if there is no terminal
