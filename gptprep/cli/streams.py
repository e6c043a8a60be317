"""The streams of one run: data on standard output, everything else on standard error, colour on terminals."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, TypeVar

from gptprep.cli.numbers import printable
from gptprep.cli.progress import ProgressDisplay
from gptprep.errors import GptprepError
from gptprep.progress import Progress
from gptprep.storage.json_files import json_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType

Plan = TypeVar("Plan")
Report = TypeVar("Report")
_MIN_WIDTH = 80
"""Columns of a table: on a narrower terminal lines wrap, and no column is lost."""
_LABEL_STYLES = {"  why": "bold", "  fix": "bold green", " note": "bold yellow"}


class Streams:
    """The streams of one run of a verb, and what the user wants on them."""

    def __init__(self, *, json_output: bool, quiet: bool, no_color: bool) -> None:
        self.json, self.quiet = json_output, quiet
        if no_color:
            os.environ["NO_COLOR"] = "1"  # rich reads it

    @property
    def data(self) -> BinaryIO:
        """Standard output, for bytes."""
        if sys.stdout is None:
            raise GptprepError("cannot write to standard output", "it is closed", "give an output with -o")
        return sys.stdout.buffer

    def say(self, *lines: RenderableType) -> None:
        """Tell the user something, on standard error."""
        if not self.quiet and sys.stderr:
            _write(sys.stderr, *lines)

    def note(self, text: str) -> None:
        """Tell the user something about the run that they may not know."""
        from rich.text import Text

        self.say(Text(printable(f"note: {text}"), "yellow"))

    def show(self, *lines: RenderableType) -> None:
        """Show what the user asked for, on standard output."""
        self.data.flush()
        _write(sys.stdout, *lines)

    def write_json(self, value: Any) -> None:
        """Write one JSON document to standard output."""
        self.data.write(json_bytes(value))

    def progress(self, *, beside_data: bool = False) -> ProgressDisplay:
        """A progress display, which is a context manager and a pipeline's `progress`.

        With `beside_data` it shows nothing on a terminal that also gets the data.
        """
        shared = beside_data and sys.stdout and sys.stdout.isatty()
        return ProgressDisplay(None if self.quiet or shared else sys.stderr)

    def announce(self, plan: Any, line: RenderableType, *, dry_run: bool) -> None:
        """Say what a run will write; if there will be no run, this is the result."""
        if dry_run and self.json:
            self.write_json(plan)
        else:
            self.say(line)

    def carry_out(
        self,
        run: Callable[[Plan, Progress], Report],
        plan: Plan,
        render: Callable[[Report, float], Iterable[RenderableType]],
    ) -> Report:
        """Run a plan with a progress display, and show its report: one JSON document, or lines."""
        with self.progress() as progress:
            report = run(plan, progress)
        if self.json:
            self.write_json(report)
        else:
            self.say(*render(report, progress.seconds))
        return report


def print_labelled(*lines: str) -> None:
    """Print lines such as "error: ..." on standard error, with coloured labels and harmless characters."""
    if sys.stderr is None:
        return
    from rich.text import Text

    for line in lines:
        label, colon, rest = line.partition(":")
        style = _LABEL_STYLES.get(label, "bold red")
        with suppress(OSError):  # nobody reads it, or its disk is full too: the exit code says enough
            _write(sys.stderr, Text.assemble((label + colon, style), printable(rest)))


def discard_output() -> None:
    """Send what is still buffered to /dev/null; otherwise Python would fail again when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def _write(stream: TextIO, *lines: RenderableType) -> None:
    """Render for a stream, then write. (rich itself would end the process when the reader has gone.)

    Text is written as it is: without markup, automatic colours or wrapping.
    """
    from rich.console import Console

    rendered = io.StringIO()
    plain: dict[str, Any] = {"markup": False, "highlight": False, "emoji": False, "soft_wrap": True}
    width = max(_MIN_WIDTH, shutil.get_terminal_size().columns)
    is_terminal = stream.isatty() or None
    console = Console(file=rendered, width=width, force_terminal=is_terminal, **plain)
    for line in lines:
        console.print(line)
    stream.buffer.write(rendered.getvalue().encode(stream.encoding, "backslashreplace"))
    stream.flush()
