"""`gptprep inspect`."""

from importlib import import_module
from typing import Annotated

import typer

from gptprep.cli import options
from gptprep.cli.options import option
from gptprep.cli.streams import Streams
from gptprep.cli.views.arguments import (
    CountingArguments,
    RangeArguments,
    ShardArguments,
    TableArguments,
    VocabularyArguments,
    check_options,
)
from gptprep.cli.views.request import Request
from gptprep.errors import UsageError

_THING = """A text in quotes, files, folders, - for standard input, a tokenizer, ids, shards, embeddings or
weights."""
_TEXT = "Text to show, whatever it looks like; can be repeated."
_TOKENIZER = "As for encode; can be repeated, to compare tokenizers."


def command(
    streams: Streams,
    part: RangeArguments,
    vocabulary: VocabularyArguments,
    table: TableArguments,
    shards: ShardArguments,
    counting: CountingArguments,
    encoding: options.EncodingArguments,
    configured: options.Configured,
    things: Annotated[list[str] | None, typer.Argument(metavar="[THING...]", help=_THING)] = None,
    text: Annotated[list[str] | None, option("--text -t", "TEXT", _TEXT)] = None,
    tokenizer: Annotated[
        list[str] | None, option("--tokenizer -T", "NAME|FILE", _TOKENIZER, options.TOKENIZER_OF_IDS)
    ] = None,
) -> None:
    """Show how a text tokenizes, or what is inside a file or folder.

    A text: its tokens in colour, with their ids. `·` is a space, `⏎` a newline, `⇥` a tab; where a character
    is divided among several tokens, its bytes are shown: `<0xE4>`. With several tokenizers the tokens are
    aligned.

    Text in files, in folders or on standard input: the tokens at its start, and then sizes, lengths of
    documents, the most frequent and the rarest tokens, and scripts.

    A file of ids: what made it, its first and last tokens, and the most frequent ones.

    A tokenizer: what it is, its entries, and what it covers of a text that is named after it. Embeddings and
    weights: norms, positions, and the neighbours of a token.

    A folder of shards: its splits, options and sources, and windows over their targets; with --step the batch
    that a training run got.

    Examples:
        gptprep inspect "Don't panic"
        gptprep inspect sample_texts --top 5
        gptprep inspect "Don't panic" -T gpt2 -T words.json
        gptprep inspect shards --split val --window 5
    """
    from gptprep.pipelines.inspect.things import thing_of

    given = list(things or ())
    if not given and not text:
        given = options.or_standard_input(None, "inspect", "name something, or give a text with -t")
    kind = thing_of(given[0]) if given else "text"
    request = Request(
        streams=streams,
        things=tuple(given),
        texts=tuple(text or ()),
        kind=kind,
        tokenizers=tuple(tokenizer or ()),
        encoding=encoding,
        range=part,
        vocabulary=vocabulary,
        table=table,
        shards=shards,
        counting=counting,
        configured=configured,
    )
    _check(request)
    import_module(f"gptprep.cli.views.{kind}").show(request)


def _check(request: Request) -> None:
    """Refuse options that have no effect on the thing.

    Raises:
        UsageError: says which.
    """
    configured = request.configured
    groups = request.range, request.vocabulary, request.table, request.shards, request.counting
    if not request.things:
        check_options("text", "--text", configured, *groups)
        return
    if request.texts and request.kind != "text":
        raise UsageError(f"--text and {request.thing} cannot be shown together", fix="give one of them")
    tokenizer = request.tokenizers or None
    check_options(request.kind, request.thing, configured, *groups, request.encoding, tokenizer=tokenizer)
