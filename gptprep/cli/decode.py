"""`gptprep decode`."""

import io
import re
import sys
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from gptprep.cli import options
from gptprep.cli.options import option
from gptprep.cli.streams import Streams
from gptprep.errors import UsageError

_IDS = "Ids, or one file or folder of shards, or - for standard input."


@dataclass(frozen=True)
class _AdvancedArguments:
    """How ids are stored."""

    input_dtype: options.InputDtype = None


def command(
    streams: Streams,
    advanced: _AdvancedArguments,
    configured: options.Configured,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID...|FILE|SHARDS]", help=_IDS)] = None,
    tokenizer: options.IdsTokenizerName = None,
    split: Annotated[str | None, option("--split", "NAME", "Split of SHARDS to decode.", "train")] = None,
    output: options.OutputFile = None,
    force: options.Force = False,
) -> None:
    """Turn token ids into text, byte for byte.

    Ids are given as arguments, as a file (.npy, .bin, or text as `encode` prints it), as a folder of shards
    or on standard input.

    Examples:
        gptprep decode 15496 11 995 13
        gptprep decode train.bin -o text.txt
        gptprep decode shards --split val
        gptprep encode sample_texts/poem.txt | gptprep decode
    """
    from gptprep.pipelines import decode

    if not ids:
        options.or_standard_input(None, "decode", "give ids, or a file of ids")
    numbers, path = _ids_or_path(ids or [])
    to_file = None if output == "-" else output
    default = tokenizer if "tokenizer" in configured else None
    named = None if default else tokenizer
    plan = decode.plan(
        decode.DecodeOptions(numbers, path, named, advanced.input_dtype, split, to_file, force, default)
    )
    text = io.BytesIO() if streams.json else None
    out = text or (streams.data if to_file is None else None)
    with streams.progress(beside_data=to_file is None) as progress:
        report = decode.run(plan, progress, out)
    if text and to_file is None:
        streams.write_json({**asdict(report), "text": text.getvalue().decode(errors="replace")})
    elif streams.json:
        streams.write_json(report)
    elif to_file is not None:
        from gptprep.cli.render import text as render

        streams.say(*render.decoded(report))
    elif not report.ends_line and sys.stdout.isatty():
        streams.data.write(b"\n")  # so that the prompt is on a line of its own
    if report.missing_ids and not streams.json:
        from gptprep.cli.numbers import plural

        are = "is" if report.missing_ids == 1 else "are"
        streams.note(
            f"the text is not complete: {plural(report.missing_ids, 'id')} of the split {are} in no window; "
            "gptprep window --layout tokens stores all ids"
        )


def _ids_or_path(arguments: list[str]) -> tuple[tuple[int, ...], str]:
    """Ids if all arguments are numbers (commas and brackets are white space), otherwise the one path.

    Raises:
        UsageError: there are several arguments, and not all are numbers.
    """
    words = re.sub(r"[][,]", " ", " ".join(arguments)).split()
    wrong = next((word for word in words if not re.fullmatch(r"-?[0-9]{1,30}", word)), None)
    if words and wrong is None:
        return tuple(map(int, words)), "-"
    if len(arguments) > 1:
        what = f"{wrong!r} is not an id" if wrong else "there is no id among the arguments"
        raise UsageError(what, fix="give ids, or one file of ids, or - for standard input")
    return (), arguments[0] if arguments else "-"
