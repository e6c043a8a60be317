"""`gptprep inspect`."""

from importlib import import_module
from typing import TYPE_CHECKING, Annotated

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
from gptprep.cli.views.output import Output
from gptprep.cli.views.request import Request
from gptprep.errors import UsageError

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.things import Thing

_THING = """A text in quotes, files, folders, - for standard input, a tokenizer, ids, shards, embeddings or
weights."""
_TEXT = "Text to show, whatever it looks like; can be repeated."
_MAX_TITLE = 60
_HTML = "Write a report page instead, with plots: one HTML file that needs no other."
_SVG = "Write a picture of what the terminal would show instead."
_TOKENIZER = "As for encode; can be repeated, to compare tokenizers."

_Things = Annotated[list[str] | None, typer.Argument(metavar="[THING...]", help=_THING)]
_Texts = Annotated[list[str] | None, option("--text -t", "TEXT", _TEXT)]
_Tokenizers = Annotated[
    list[str] | None, option("--tokenizer -T", "NAME|FILE", _TOKENIZER, options.TOKENIZER_OF_IDS)
]
_Html = Annotated[str | None, option("--html", "FILE", _HTML)]
_Svg = Annotated[str | None, option("--svg", "FILE", _SVG)]


def command(
    streams: Streams,
    part: RangeArguments,
    vocabulary: VocabularyArguments,
    table: TableArguments,
    shards: ShardArguments,
    counting: CountingArguments,
    encoding: options.EncodingArguments,
    configured: options.Configured,
    things: _Things = None,
    text: _Texts = None,
    tokenizer: _Tokenizers = None,
    html: _Html = None,
    svg: _Svg = None,
    force: options.Force = False,
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

    With --html all of it is a page with plots, to keep or to send.

    Examples:
        gptprep inspect "Don't panic"
        gptprep inspect sample_texts --top 5
        gptprep inspect "Don't panic" -T gpt2 -T words.json
        gptprep inspect shards --html shards.html
    """
    given, kind = _given(things or [], text or [])
    request = Request(
        streams=streams,
        output=Output(streams, html, svg, force=force),
        things=given,
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
    _show(request)


def _given(things: list[str], texts: list[str]) -> "tuple[tuple[str, ...], Thing]":
    """What to show, and what kind of thing it is; standard input if nothing is named."""
    from gptprep.pipelines.inspect.things import thing_of

    if not things and not texts:
        things = options.or_standard_input(None, "inspect", "name something, or give a text with -t")
    return tuple(things), thing_of(things[0]) if things else "text"


def _show(request: Request) -> None:
    from gptprep.pipelines.inspect.things import THINGS

    read = request.things if request.kind != "corpus" else ()  # their sources are not known yet
    request.output.check((*read, *request.tokenizers))
    import_module(f"gptprep.cli.views.{request.kind}").show(request)
    request.output.publish(_title(request), THINGS[request.kind])


def _title(request: Request) -> str:
    """What is shown, in a line."""
    names = [*request.texts, *request.things]
    if len(together := ", ".join("standard input" if name == "-" else name for name in names)) <= _MAX_TITLE:
        return together
    first = names[0] if len(names[0]) <= _MAX_TITLE else names[0][: _MAX_TITLE - 1] + "…"
    return first if len(names) == 1 else f"{first} and {len(names) - 1:,} more"


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
