"""`gptprep encode`."""

import io
from typing import TYPE_CHECKING, Annotated

from gptprep.choices import IdFormat
from gptprep.cli import next_commands, options
from gptprep.cli.options import choice, flag, option
from gptprep.cli.streams import Streams
from gptprep.errors import UsageError

if TYPE_CHECKING:
    from gptprep.pipelines.encode import EncodePlan, EncodeReport

_BY_ENDING = "by the ending of FILE, otherwise ids"


def command(
    streams: Streams,
    encoding: options.EncodingArguments,
    inputs: options.OptionalInputs = None,
    text: Annotated[list[str] | None, option("--text -t", "TEXT", "Text to encode; can be repeated.")] = None,
    tokenizer: options.TokenizerName = "gpt2",
    output: options.OutputFile = None,
    format_: Annotated[IdFormat | None, choice("--format", "Output format.", _BY_ENDING)] = None,
    count: Annotated[bool, flag("--count", "Print only the number of ids.")] = False,
    force: options.Force = False,
    if_changed: options.IfChanged = False,
) -> None:
    """Turn text into token ids.

    Standard output gets one line of ids for each document. A .npy or .bin file gets all ids as one stream of
    numbers, with the end-of-text id between documents. Without INPUT and -t, standard input is read.

    Examples:
        gptprep encode -t "Hello, world."
        gptprep encode -t "Hello, world." --format tokens
        gptprep encode sample_texts -o train.bin
        gptprep encode sample_texts/poem.txt | gptprep decode
    """
    from gptprep.pipelines import encode

    if not text:
        inputs = options.or_standard_input(inputs, "encode", "name a file, or give a text with -t")
    to_file = None if output == "-" else output
    if to_file is None and not count and format_ in ("npy", "bin"):
        streams.require_no_terminal(f"the format {format_}")
    _check_together(streams, to_file, format_, count)
    wanted = encode.EncodeOptions(
        inputs=tuple(inputs or ()),
        texts=options.argument_bytes(text or ()),
        encoding=encoding.spec(tokenizer),
        output=to_file,
        format=format_ or ("json" if streams.json and to_file is None and not count else None),
        count_only=count,
        stdin=encoding.stdin,
        files=encoding.files,
        workers=encoding.workers,
        force=force,
        if_changed=if_changed,
    )
    with streams.progress() as progress:
        plan = encode.plan(wanted, progress)
    streams.note_each(encoding.without_effect(source.kind for source in plan.sources))
    if plan.up_to_date and output is not None:
        streams.up_to_date(output)
        return
    _carry_out(streams, plan, tokenizer)


def _carry_out(streams: Streams, plan: "EncodePlan", tokenizer: str) -> None:
    """Run the plan, and show its report, the number of ids, or what one may not expect beside the ids."""
    from gptprep.pipelines import encode

    count, is_file = plan.options.count_only, plan.options.output is not None
    number = io.BytesIO() if count else None
    out = number or (None if is_file else streams.data)
    with streams.progress(beside_data=not is_file and not count) as progress:
        report = encode.run(plan, progress, out)
    if streams.json and (is_file or count):
        streams.write_json(report, "count" if count else "report")
    elif number:
        streams.data.write(number.getvalue())
    if not streams.json and (is_file or _has_notes(report, tokenizer)):
        from gptprep.cli.render import text as render

        streams.say(*render.encoded(report, progress.seconds))
    streams.suggest(*next_commands.after_encode(report, tokenizer))


def _has_notes(report: "EncodeReport", tokenizer: str) -> bool:
    """Whether there are notes worth showing beside ids on standard output."""
    of_inputs = report.replaced or report.skipped or report.passed_over or report.repeated
    return bool(of_inputs or (report.engine_note and tokenizer.endswith(".json")))


def _check_together(streams: Streams, to_file: str | None, format_: IdFormat | None, count: bool) -> None:
    """Refuse options that exclude each other.

    Raises:
        UsageError: says which.
    """
    what = ""
    if count and (to_file is not None or format_):
        what = "--count prints a number and cannot be used with --output or --format"
    elif streams.json and to_file is None and format_ not in (None, "json"):
        what = f"--json and --format {format_} cannot be used together on standard output"
    if what:
        raise UsageError(what, fix="give one of them")
