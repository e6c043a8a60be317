"""The streams of one run: data on standard output, everything else on standard error, colour on terminals."""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, TypeVar, cast

from gptprep.cli.numbers import printable
from gptprep.cli.terminal import columns, discard_errors, is_plain
from gptprep.errors import GptprepError, UsageError
from gptprep.progress import Progress
from gptprep.storage.json_files import document_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gptprep.cli.progress import ProgressDisplay

Plan = TypeVar("Plan")
Report = TypeVar("Report")
_SCHEMA_VERSION = 1
"""Of all documents of `--json`; docs/schemas/ has their schemas."""
_TABLE_WIDTH = 80
"""Columns that a table may have at least where there is no terminal."""
_LABEL_STYLES = {"  why": "bold", "  fix": "bold green", " note": "bold yellow"}


class Streams:
    """The streams of one run, and what the user wants on them.

    Args:
        verb: names the JSON documents; nothing if the run has none but errors.
    """

    def __init__(self, verb: str = "", *, json_output: bool, quiet: bool, no_color: bool) -> None:
        self._verb, self.json, self.quiet = verb, json_output, quiet
        self._json_output = _JsonOutput()
        if no_color:
            os.environ["NO_COLOR"] = "1"  # rich reads it

    @property
    def data(self) -> BinaryIO:
        """Standard output, for bytes."""
        if sys.stdout is None:
            raise GptprepError("cannot write to standard output", "it is closed", "give an output with -o")
        return cast("BinaryIO", self._json_output) if self.json else sys.stdout.buffer

    @property
    def is_data_shown(self) -> bool:
        """Whether standard output is a terminal."""
        return sys.stdout is not None and sys.stdout.isatty()

    def say(self, *lines: RenderableType) -> None:
        """Tell the user something, on standard error."""
        if lines and not self.quiet:
            _write_errors(*lines)

    def note(self, text: str) -> None:
        """Tell the user something about the run that they may not know."""
        from rich.text import Text

        self.say(Text(printable(f"note: {text}"), "yellow"))

    def note_each(self, texts: Iterable[str]) -> None:
        """Give some notes."""
        for text in texts:
            self.note(text)

    def suggest(self, *words: str) -> None:
        """Tell people at a terminal which command may come next, on one line, which can be pasted."""
        if not words or self.quiet or self.json or sys.stderr is None or not sys.stderr.isatty():
            return
        from rich.text import Text

        command = shlex.join(["gptprep", *words])
        if command.isprintable():  # names with control characters could not be pasted
            _write_errors(Text(f"next: {command}", "dim"), wrap=False)

    def show(self, *lines: RenderableType) -> None:
        """Show what the user asked for, on standard output."""
        self.data.flush()
        _write(sys.stdout, *lines)

    def require_no_terminal(self, what: str) -> None:
        """Refuse to write binary data to a terminal.

        Raises:
            UsageError: standard output is one.
        """
        if self.is_data_shown:
            fix = "give a file with -o, or send standard output to a file or a pipe"
            raise UsageError(f"{what} cannot be shown on a terminal", fix=fix)

    def write_json(self, value: Any, kind: str = "report") -> None:
        """Write one JSON document to standard output; its schema is that of the verb and a kind."""
        self.data.write(document_bytes(f"gptprep-{self._verb}-{kind}", _SCHEMA_VERSION, value))

    def write_error(self, error: dict[str, Any]) -> None:
        """Write an error as the JSON document, if one is wanted and nothing else was written."""
        if not self.json or self._json_output.is_used or sys.stdout is None:
            return
        try:
            self.data.write(document_bytes("gptprep-error", _SCHEMA_VERSION, {"error": error}))
            self.data.flush()
        except OSError:  # standard error has the error, and so has the exit code
            discard_output()

    def up_to_date(self, output: str, *, dry_run: bool = False) -> None:
        """Say that there is nothing to do, because an output was made from the same.

        What a stopped run to it left is then of no use, and is removed.
        """
        if not dry_run:
            from gptprep.storage.publish import clear_leftover

            clear_leftover(output)
        if self.json:
            self.data.write(document_bytes("gptprep-up-to-date", _SCHEMA_VERSION, {"output": output}))
        else:
            from gptprep.cli.render.common import done

            self.say(done(f"{output} is up to date"))

    def progress(self, *, beside_data: bool = False) -> ProgressDisplay:
        """A progress display, which is a context manager and a pipeline's `progress`.

        With `beside_data` it shows nothing on a terminal that also gets the data.
        """
        from gptprep.cli.progress import ProgressDisplay

        shared = beside_data and self.is_data_shown
        return ProgressDisplay(None if self.quiet or shared else sys.stderr)

    def announce(self, plan: Any, *lines: RenderableType, dry_run: bool) -> None:
        """Say what a run will write; if there will be no run, this is the result."""
        if dry_run and self.json:
            self.write_json(plan, "plan")
        else:
            self.say(*lines)

    def carry_out(
        self,
        run: Callable[[Plan, Progress], Report],
        plan: Plan,
        render: Callable[[Report, float], Iterable[RenderableType]],
        next_command: Sequence[str] = (),
        kind: Callable[[Report], str] = lambda _: "report",
    ) -> Report:
        """Run a plan with a progress display, and show its report: one JSON document, or lines.

        Args:
            next_command: the words of a command that may come next, for `suggest`.
            kind: gives that of the document.
        """
        with self.progress() as progress:
            report = run(plan, progress)
        if self.json:
            self.write_json(report, kind(report))
        else:
            self.say(*render(report, progress.seconds))
        self.suggest(*next_command)
        return report


class _JsonOutput:
    """Standard output for bytes, which knows whether anything was written to it."""

    def __init__(self) -> None:
        self.is_used = False

    def write(self, data: bytes) -> int:
        self.is_used = True
        return sys.stdout.buffer.write(data)

    def flush(self) -> None:
        sys.stdout.buffer.flush()


def print_labelled(*lines: str) -> None:
    """Print lines such as "error: ..." on standard error, with coloured labels and harmless characters."""
    from rich.text import Text

    for line in lines:
        label, colon, rest = line.partition(":")
        style = _LABEL_STYLES.get(label, "bold red")
        _write_errors(Text.assemble((label + colon, style), printable(rest)))


def discard_output() -> None:
    """Send what is still buffered to /dev/null; otherwise Python would fail again when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def _write_errors(*lines: RenderableType, wrap: bool = True) -> None:
    """Write to standard error, if anybody wants it."""
    if sys.stderr is None:
        return
    width = columns(sys.stderr) if wrap and sys.stderr.isatty() else None
    try:
        _write(sys.stderr, *(_wrapped(line, width) for line in lines))
    except OSError:  # nobody reads it, or its disk is full: the output is what counts
        discard_errors()


_LABEL = re.compile(r" {0,2}(?:error|why|fix|note): |[✓✗] ")


def _wrapped(line: RenderableType, width: int | None) -> RenderableType:
    """A line of text divided between words where the terminal ends, with a hanging indent."""
    from rich.cells import cell_len
    from rich.text import Text

    if width is None or not isinstance(line, Text) or line.cell_len <= width:
        return line
    label = _LABEL.match(line.plain)
    indent = label.end() if label else 0
    starts, used = [indent], indent
    for word in re.finditer(r"\S+\s*", line.plain[indent:]):
        if used > indent and used + cell_len(word[0].rstrip()) > width:
            starts.append(indent + word.start())
            used = indent
        used += cell_len(word[0])
    head, *parts = line.divide(starts)
    for part in parts:
        part.rstrip()
    return head + Text("\n" + " " * indent).join(parts)


def _write(stream: TextIO, *lines: RenderableType) -> None:
    """Render for a stream, then write. (rich itself would end the process when the reader has gone.)

    Text is written as it is: without markup, automatic colours or wrapping.
    """
    from rich.console import Console

    rendered = io.StringIO()
    plain: dict[str, Any] = {"markup": False, "highlight": False, "emoji": False, "soft_wrap": True}
    is_terminal = stream.isatty()
    width = columns(stream) if is_terminal else max(_TABLE_WIDTH, columns(stream))
    force = False if is_plain() else is_terminal or None
    console = Console(file=rendered, width=width, force_terminal=force, **plain)
    for line in lines:
        console.print(line)
    stream.buffer.write(rendered.getvalue().encode(stream.encoding, "backslashreplace"))
    stream.flush()
