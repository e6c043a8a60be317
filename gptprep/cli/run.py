"""Running verbs: common options, signals, errors and exit codes."""

import errno
import inspect
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from functools import cache
from types import FrameType
from typing import Any, NoReturn, get_type_hints

import typer
import typer.main

from gptprep.cli.help import HelpCommand
from gptprep.cli.options import CommonArguments, declared
from gptprep.cli.streams import Streams, discard_output, print_labelled
from gptprep.cli.usage import explain_usage
from gptprep.errors import GptprepError, NoteWarning, is_thread_limit, thread_limit_error

BROKEN_PIPE, INTERRUPTED, TERMINATED = 141, 130, 143
"""Exit codes: 128 + the signal, as a shell reports it."""


class Terminated(BaseException):
    """The process received SIGTERM."""


def run_app(app: typer.Typer) -> int:
    """Run the command line; returns the exit code."""
    if "--no-color" in sys.argv:  # for the help and for wrong usage too, which are shown before it is parsed
        os.environ["NO_COLOR"] = "1"
    streams = Streams(json_output="--json" in sys.argv[1:], quiet=False, no_color=False)
    try:
        return app(prog_name="gptprep", standalone_mode=False) or 0
    except GptprepError as error:  # an option's value; verbs handle their own errors
        return _explain(error, streams)
    except OSError as error:  # while the help or the version is written
        print_labelled("error: cannot write to standard output", f"  why: {error.strerror}")
        discard_output()
        return 1
    except Exception as error:
        if (explained := explain_usage(error)) is None:
            raise
        return _explain(explained, streams)


@cache
def make_verb(command: Callable[..., None]) -> Any:
    """A command of typer for a function; its docstring is the help, which ends with examples.

    The function gets `Streams` first. A parameter that is a dataclass stands for one option for each field,
    and the options of `CommonArguments` are added.
    """
    parameters = _parameters(command)
    name = command.__module__.rpartition(".")[2]

    def run(context: typer.Context, **arguments: Any) -> NoReturn:
        values = {parameter.name: _gathered(parameter, arguments) for parameter in parameters}
        common: CommonArguments = values.pop("common") | context.obj
        streams = Streams(name, json_output=common.json, quiet=common.quiet, no_color=common.no_color)

        def call() -> None:
            with _noted_warnings(streams):
                command(streams, **values)

        raise typer.Exit(_run(call, streams, arguments.get("output"), debug=common.debug))

    run.__annotations__ = {}
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    run.__signature__ = inspect.Signature([context, *declared_options(command)])  # type: ignore[attr-defined]
    description, _, examples = inspect.cleandoc(command.__doc__ or "").partition("\n\nExamples:\n")
    app = typer.Typer(add_completion=False)
    app.command(name, cls=HelpCommand, help=description, epilog=inspect.cleandoc(examples))(run)
    return typer.main.get_command(app)


def declared_options(command: Callable[..., None]) -> list[inspect.Parameter]:
    """The options and arguments of a verb's function, as typer takes them, with those of every verb."""
    return [option for parameter in _parameters(command) for option in _options(parameter)]


def _parameters(command: Callable[..., None]) -> list[inspect.Parameter]:
    """The parameters of a verb's function after the streams, and one for the options of every verb."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    return [*own, inspect.Parameter("common", own[0].kind, annotation=CommonArguments)]


def _options(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    """The options that a parameter of a verb stands for."""
    if not is_dataclass(parameter.annotation):
        return [declared(parameter.name, parameter.default, parameter.annotation, advanced=False)]
    hints, group = get_type_hints(parameter.annotation, include_extras=True), fields(parameter.annotation)
    return [declared(field.name, field.default, hints[field.name], advanced=True) for field in group]


def _gathered(parameter: inspect.Parameter, arguments: dict[str, Any]) -> Any:
    """The value of a verb's parameter, from the options that it stands for."""
    kind: Any = parameter.annotation
    if not is_dataclass(kind):
        return arguments[parameter.name]
    return kind(**{field.name: arguments[field.name] for field in fields(kind)})  # type: ignore[operator]


def _run(call: Callable[[], None], streams: Streams, output: str | None, *, debug: bool) -> int:
    """Call a verb that writes an output; returns an exit code, unless the error is a bug."""
    output = output or "-"
    before = _identity(output)
    try:
        _call(call)
    except BaseException as error:
        if interrupt := _interrupt_behind(error):
            what = _interrupted(interrupt, _notes(error), output, before)
            return _stopped(interrupt, what, _notes(error), streams)
        return _failed(error, streams, debug=debug)
    return 0


@contextmanager
def _noted_warnings(streams: Streams) -> Iterator[None]:
    """Show warnings that are meant for the user as notes, at the end of a run, also of one that fails."""
    notes: dict[str, None] = {}
    with warnings.catch_warnings():
        show = warnings.showwarning

        def show_or_keep(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, NoteWarning):
                notes[str(message)] = None
            else:
                show(message, category, *where, **more)

        warnings.simplefilter("always", NoteWarning)
        warnings.showwarning = show_or_keep
        try:
            yield
        finally:
            for text in notes:
                streams.note(text)


def _failed(error: BaseException, streams: Streams, *, debug: bool) -> int:
    """Explain an error and return its exit code; an error that is a bug is raised again."""
    match error:
        case GptprepError():
            return _explain(error, streams, debug=debug)
        case BrokenPipeError():
            discard_output()
            return BROKEN_PIPE
        case MemoryError():
            why = str(error) or "the work needs more than is free"
            explained = GptprepError("not enough memory", why, "free some, or give fewer --workers")
            return _explain(explained.with_traceback(error.__traceback__), streams, debug=debug)
        case OSError():  # errors of inputs and outputs name them already
            code = _explain(unnamed_os_error(error), streams, debug=debug)
            discard_output()
            return code
    if is_thread_limit(error):
        return _explain(thread_limit_error().with_traceback(error.__traceback__), streams, debug=debug)
    raise error


def _call(call: Callable[[], None]) -> None:
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _terminate}
    taken = [number for number in handlers if signal.getsignal(number) is not signal.SIG_IGN]
    for number in taken:  # a script tells its background jobs to ignore Ctrl-C
        signal.signal(number, handlers[number])
    sys.unraisablehook = _raise_again
    try:
        call()
        if sys.stdout:
            sys.stdout.flush()
    finally:  # a signal after this ends the process at once
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
        sys.unraisablehook = sys.__unraisablehook__
        if callable(signal.getsignal(signal.SIGALRM)):  # a repeated signal would be too late now
            signal.setitimer(signal.ITIMER_REAL, 0)


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def _raise_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """Repeat a signal that arrived where Python drops exceptions, for example in a destructor."""
    signals = {KeyboardInterrupt: signal.SIGINT, Terminated: signal.SIGTERM}
    if number := signals.get(unraisable.exc_type):
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    else:
        sys.__unraisablehook__(unraisable)


def unnamed_os_error(error: OSError) -> GptprepError:
    """Explain a system error without a file name: standard output is full, or the current folder is gone."""
    is_full = error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
    what, fix = "cannot write to standard output", "free some space, or send the output elsewhere"
    if not is_full:
        what = f"cannot use {error.filename or 'the current folder'}"
        fix = "check that it exists and that you may use it"
    return GptprepError(what, error.strerror or str(error), fix)


def _interrupt_behind(error: BaseException | None) -> KeyboardInterrupt | Terminated | None:
    """The interrupt that ended the work, if one did: cleaning up after it may have failed in turn."""
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, Terminated)):
            return error
        error = error.__cause__ or error.__context__
    return None


def _interrupted(
    interrupt: KeyboardInterrupt | Terminated, notes: list[str], output: str, before: tuple[int, int] | None
) -> str:
    """What an interrupt left and how to continue, unless the notes say so."""
    again = [] if notes else ["run the same command again"]
    now = _identity(output)
    if output == "-":
        what = []
    elif now is None:
        what = [f"{output} was not written", *again]
    elif now == before:
        what = again
    else:
        what = [f"{output} is complete"]
    how = "terminated" if isinstance(interrupt, Terminated) else "interrupted"
    return ": ".join(filter(None, [how, "; ".join(what)]))


def _stopped(interrupt: KeyboardInterrupt | Terminated, what: str, notes: list[str], streams: Streams) -> int:
    """Say how an interrupt ended the work; returns the exit code."""
    code = TERMINATED if isinstance(interrupt, Terminated) else INTERRUPTED
    print_labelled(what, *(f" note: {note}" for note in notes))
    streams.write_error({"what": what, "why": "", "fix": "", "exit_code": code, "notes": notes})
    return code


def _identity(path: str) -> tuple[int, int] | None:
    """Which file or folder is at a path; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", ()))


def _explain(error: GptprepError, streams: Streams, *, debug: bool = False) -> int:
    """Say what an error is, to people and as the JSON document; returns its exit code."""
    if debug:
        with suppress(OSError):
            traceback.print_exception(error)
    said, notes = {"what": error.what, "why": error.why, "fix": error.fix}, _notes(error)
    labels = zip(("error", "  why", "  fix"), said.values(), strict=True)
    lines = [f"{label}: {line}" for label, line in labels if line]
    print_labelled(*lines, *(f" note: {note}" for note in notes))
    streams.write_error({**said, "exit_code": error.exit_code, "notes": notes})
    return error.exit_code
