"""`gptprep inspect`."""

from typing import Annotated

from gptprep.cli import options
from gptprep.cli.options import option
from gptprep.cli.streams import Streams
from gptprep.cli.terminal import columns


def command(
    streams: Streams,
    text: Annotated[str, option("--text -t", "TEXT", "Text to show.")],
    tokenizer: options.TokenizerName = "gpt2",
    special: options.Special = "allow",
) -> None:
    """Show how a text tokenizes: its tokens in colour, with their ids.

    `·` is a space, `⏎` a newline, `⇥` a tab. Where a character is divided among several tokens, its bytes are
    shown: `<0xE4>`.

    Examples:
        gptprep inspect -t "Don't panic"
        gptprep inspect -t "Don't panic" -T words.json
    """
    from gptprep.pipelines import inspect

    plan = inspect.plan(inspect.InspectOptions(options.argument_bytes([text])[0], tokenizer, special))
    report = inspect.run(plan)
    if streams.json:
        streams.write_json(report)
    else:
        from gptprep.cli.render import text as render

        streams.show(*render.tokens(report, columns()))
