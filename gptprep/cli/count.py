"""`gptprep count`."""

from dataclasses import dataclass
from typing import Annotated

from gptprep.cli import options
from gptprep.cli.options import flag, option
from gptprep.cli.streams import Streams

_TOKENIZERS = f"{options.TOKENIZER} If repeated, each has a column of its own."


@dataclass(frozen=True)
class _AdvancedArguments:
    """How ids are stored."""

    input_dtype: options.InputDtype = None


def command(
    streams: Streams,
    advanced: _AdvancedArguments,
    encoding: options.EncodingArguments,
    inputs: options.OptionalInputs = None,
    tokenizer: Annotated[
        list[str] | None, option("--tokenizer -T", "NAME|FILE", _TOKENIZERS, options.TOKENIZER_OF_IDS)
    ] = None,
    sort: Annotated[bool, flag("--sort", "Show the inputs with the most ids first.")] = False,
) -> None:
    """Count the ids of each input, and of all together.

    A line has the ids, bytes of text, bytes per id, documents and path of one file, and the last line has the
    total. End-of-text ids, which `encode -o` and `window` put between documents, are not counted. Files that
    end in .npy or .bin are read as ids. Without INPUT, standard input is read.

    Examples:
        gptprep count sample_texts/poem.txt
        gptprep count --sort sample_texts
        gptprep count sample_texts -T gpt2 -T tokenizer.json
        gptprep count train.bin
    """
    from gptprep.pipelines import count

    names, is_default = tuple(tokenizer or ()), "tokenizer" in encoding.configured
    plan = count.plan(
        count.CountOptions(
            inputs=tuple(options.or_standard_input(inputs, "count", "name a file or a folder")),
            tokenizers=() if is_default else names,
            default_tokenizers=names if is_default else (),
            encoding=encoding.spec(None),
            sort=sort,
            input_dtype=advanced.input_dtype,
            stdin=encoding.stdin,
            files=encoding.files,
            workers=encoding.workers,
        )
    )
    streams.note_each(encoding.without_effect(source.kind for source in plan.sources))
    with streams.progress() as progress:
        report = count.run(plan, progress)
    from gptprep.cli.render import counts as render

    if streams.json:
        streams.write_json(report)
        return
    if streams.is_data_shown:
        streams.show(*render.table(report))
    else:
        streams.data.write(render.lines(report))
        streams.data.flush()  # before the notes, where both go to one file
    streams.say(*render.notes(report))
