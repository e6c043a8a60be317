"""What all verbs do the same: streams, colours, progress, errors, exit codes.

Data go to standard output, everything else to standard error. Nothing moves unless that is a terminal.
"""

from __future__ import annotations

import errno
import inspect
import io
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NoReturn, TextIO

import typer

from gptprep.cli.numbers import printable
from gptprep.cli.progress import ProgressDisplay
from gptprep.errors import GptprepError
from gptprep.files import json_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType

BROKEN_PIPE, INTERRUPTED, TERMINATED = 141, 130, 143
"""Exit codes: 128 + the signal, as a shell reports it."""

_GENERAL = "General"
_COMMON = {
    "json_output": Annotated[
        bool,
        typer.Option(
            "--json",
            help="One JSON document on standard output.",
            show_default=False,
            rich_help_panel=_GENERAL,
        ),
    ],
    "quiet": Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Only errors.", show_default=False, rich_help_panel=_GENERAL),
    ],
    "no_color": Annotated[
        bool,
        typer.Option("--no-color", help="Plain text.", show_default=False, rich_help_panel=_GENERAL),
    ],
    "debug": Annotated[
        bool,
        typer.Option(
            "--debug", help="A traceback with errors.", show_default=False, rich_help_panel=_GENERAL
        ),
    ],
}


class Terminated(BaseException):
    """The process was asked to end (SIGTERM)."""


class Shell:
    """The streams of one run of a verb, and what the user wants on them."""

    def __init__(self, *, json_output: bool, quiet: bool, no_color: bool, debug: bool) -> None:
        self.json, self.quiet, self.debug = json_output, quiet, debug
        if no_color:
            os.environ["NO_COLOR"] = "1"  # what rich looks at

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

    def show(self, *lines: RenderableType) -> None:
        """Show what the user asked to see, on standard output."""
        self.data.flush()
        _write(sys.stdout, *lines)

    def write_json(self, value: Any) -> None:
        """One JSON document on standard output."""
        self.data.write(json_bytes(value))

    def progress(self, *, beside_data: bool = False) -> ProgressDisplay:
        """A display of progress, to be used as a context manager and called by a pipeline.

        There is none where it would run into data on the same terminal (`beside_data`).
        """
        shared = beside_data and sys.stdout and sys.stdout.isatty()
        return ProgressDisplay(None if self.quiet or shared else sys.stderr)


def _write(stream: TextIO, *lines: RenderableType) -> None:
    """Render for a stream, then write: rich itself would end the process when the reader has gone.

    A text is taken as it is: no markup, no colours by guess, no wrapping.
    """
    from rich.console import Console

    rendered = io.StringIO()
    console = Console(
        file=rendered,
        width=shutil.get_terminal_size().columns,
        force_terminal=stream.isatty() or None,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
    )
    for line in lines:
        console.print(line)
    stream.buffer.write(rendered.getvalue().encode(stream.encoding, "backslashreplace"))
    stream.flush()


def verb(
    app: typer.Typer, name: str, **settings: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a verb: it gets a `Shell` first, and the common options are added to its own."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "shell"]
        common = [
            inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
            for option, annotation in _COMMON.items()
        ]

        def run(**arguments: Any) -> NoReturn:
            shell = Shell(**{option: arguments.pop(option) for option in _COMMON})
            raise typer.Exit(_run(shell, function, arguments))

        run.__doc__ = function.__doc__
        run.__annotations__ = {}
        run.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own), *common],
            return_annotation=inspect.Signature.empty,
        )
        app.command(name, **settings)(run)
        return function

    return register


def _run(shell: Shell, function: Callable[..., None], arguments: dict[str, Any]) -> int:
    """Call a verb; every way that it can end becomes an exit code."""
    output = arguments.get("output") or "-"
    before = _identity(output)
    try:
        _call(shell, function, arguments)
    except BaseException as error:
        if interrupt := _interrupt_behind(error):
            return _stopped(interrupt, _notes(error), output, before)
        return _failed(shell, error)
    return 0


def _failed(shell: Shell, error: BaseException) -> int:
    """The exit code for an error, which is explained; one that is a bug is raised again."""
    match error:
        case GptprepError():
            _explain(shell, error)
            return error.exit_code
        case BrokenPipeError():
            give_up_streams()
            return BROKEN_PIPE
        case MemoryError():
            why = str(error) or "what was asked for takes more than is free"
            explained = GptprepError("not enough memory", why, "free some, or give fewer --workers")
            _explain(shell, explained.with_traceback(error.__traceback__))
            return 1
        case OSError():  # inputs and outputs have been named already where they are used
            _explain(shell, unnamed_os_error(error))
            give_up_streams()
            return 1
    raise error


def _call(shell: Shell, function: Callable[..., None], arguments: dict[str, Any]) -> None:
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _terminate}
    taken = [number for number in handlers if signal.getsignal(number) is not signal.SIG_IGN]
    for number in taken:  # a job in the background of a script is told to ignore Ctrl-C
        signal.signal(number, handlers[number])
    sys.unraisablehook = _send_again
    try:
        function(shell, **arguments)
        if sys.stdout:
            sys.stdout.flush()
    finally:  # what comes now ends the process at once
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
        sys.unraisablehook = sys.__unraisablehook__
        if callable(signal.getsignal(signal.SIGALRM)):  # one that was to come once more is too late
            signal.setitimer(signal.ITIMER_REAL, 0)


def unnamed_os_error(error: OSError) -> GptprepError:
    """What the system says without a name: standard output is full, or the current folder is gone."""
    is_full = error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
    where = "write to standard output" if is_full else f"use {error.filename or 'the current folder'}"
    fix = (
        "free some space, or send the output elsewhere"
        if is_full
        else "check that it is there and may be used"
    )
    return GptprepError(f"cannot {where}", error.strerror or str(error), fix)


def give_up_streams() -> None:
    """Send what is left in the streams nowhere: Python would complain again when it closes them."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def _send_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Let an interrupt come once more that came where Python drops exceptions: in a callback, say."""
    signals = {KeyboardInterrupt: signal.SIGINT, Terminated: signal.SIGTERM}
    if number := signals.get(unraisable.exc_type):
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt_behind(error: BaseException | None) -> KeyboardInterrupt | Terminated | None:
    """The interrupt that ended the work, if one did: cleaning up after it may have failed in turn."""
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, Terminated)):
            return error
        error = error.__cause__ or error.__context__
    return None


def _stopped(
    interrupt: KeyboardInterrupt | Terminated, notes: list[str], output: str, before: tuple[int, int] | None
) -> int:
    again = [] if notes else ["run the same command again"]
    now = _identity(output)
    if output == "-":
        parts = []
    elif now is None:
        parts = [f"{output} was not written", *again]
    elif now == before:
        parts = again
    else:
        parts = [f"{output} is whole"]
    is_terminated = isinstance(interrupt, Terminated)
    how = "terminated" if is_terminated else "interrupted"
    _print_error(": ".join(filter(None, [how, "; ".join(parts)])), *notes)
    return TERMINATED if is_terminated else INTERRUPTED


def _identity(path: str) -> tuple[int, int] | None:
    """Which file or folder it is; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _notes(error: BaseException) -> list[str]:
    return [f" note: {note}" for note in getattr(error, "__notes__", ())]


def _explain(shell: Shell, error: GptprepError) -> None:
    if shell.debug:
        traceback.print_exception(error)
    parts = {"error": error.what, "  why": error.why, "  fix": error.fix}
    _print_error(*(f"{label}: {part}" for label, part in parts.items() if part), *_notes(error))


def _print_error(*lines: str) -> None:
    """Labels in colour on a terminal; control characters of file names and texts are made harmless."""
    if sys.stderr is None:
        return
    from rich.text import Text

    for line in lines:
        label, colon, rest = line.partition(":")
        safe = printable(rest)
        style = {"  why": "bold", "  fix": "bold green", " note": "bold yellow"}.get(label, "bold red")
        with suppress(OSError):  # nobody reads it, or its disk is full too: the exit code says enough
            _write(sys.stderr, Text.assemble((label + colon, style), safe))
