"""What a run of `inspect` was asked for, and what all views share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gptprep.cli import options
from gptprep.cli.streams import Streams
from gptprep.cli.views.arguments import (
    CountingArguments,
    RangeArguments,
    ShardArguments,
    TableArguments,
    VocabularyArguments,
)
from gptprep.cli.views.output import Output
from gptprep.errors import UsageError

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.things import Thing


@dataclass(frozen=True)
class Request:
    """The arguments and options of `inspect`; None and nothing where they were not given."""

    streams: Streams
    output: Output
    things: tuple[str, ...]
    """What the user named; the first says which kind it is."""
    texts: tuple[str, ...]
    """Those of `--text`."""
    kind: Thing
    tokenizers: tuple[str, ...]
    """Those of `--tokenizer`; none for the usual one of the thing."""
    encoding: options.EncodingArguments
    range: RangeArguments
    vocabulary: VocabularyArguments
    table: TableArguments
    shards: ShardArguments
    counting: CountingArguments
    configured: options.Configured

    @property
    def thing(self) -> str:
        """The first thing."""
        return self.things[0]

    @property
    def only_thing(self) -> str:
        """The thing, of a kind that is shown one at a time.

        Raises:
            UsageError: there are several.
        """
        if len(self.things) > 1:
            what = f"{self.things[1]} cannot be shown together with {self.things[0]}"
            raise UsageError(what, fix="give one of them at a time")
        return self.things[0]

    @property
    def default_tokenizer(self) -> str | None:
        """The user's default, for things that do not say their tokenizer; the first if it has several."""
        return self.tokenizers[0] if "tokenizer" in self.configured else None

    @property
    def only_tokenizer(self) -> str | None:
        """The tokenizer, if one is given on the command line.

        Raises:
            UsageError: there are several.
        """
        if "tokenizer" in self.configured:
            return None
        if len(self.tokenizers) > 1:
            raise UsageError(f"{self.things[0]} has one tokenizer", fix="give --tokenizer once")
        return self.tokenizers[0] if self.tokenizers else None
