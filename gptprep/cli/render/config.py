"""What `--show-config` shows: the defaults of options, and where they are set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from gptprep.cli.defaults import Report
from gptprep.cli.defaults.names import ALLOWED
from gptprep.cli.numbers import printable
from gptprep.cli.render.common import table

if TYPE_CHECKING:
    from rich.console import RenderableType

_NONE = "there is no gptprep.toml, and no pyproject.toml with [tool.gptprep], here or in a folder above"


def config(report: Report) -> Iterator[RenderableType]:
    """A line about the settings file, and a table."""
    yield Text(printable(f"settings file: {report.file}" if report.file else f"no settings file: {_NONE}"))
    verbs: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
    for setting in report.settings:
        verbs.setdefault((setting.option, setting.texts, setting.place), []).append(setting.verb)
    if not verbs:
        return
    made = table("option")
    for name in ("value", "verbs", "from"):
        made.add_column(name)
    for (option, texts, place), names in verbs.items():
        shown = "all that have it" if len(names) == len(ALLOWED[option]) > 1 else ", ".join(names)
        value = Text(printable(", ".join(texts)), "green")
        made.add_row(Text(option), value, Text(shown), Text(printable(place.partition(" in ")[2] or place)))
    yield made
