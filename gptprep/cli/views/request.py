"""What a run of `inspect` was asked for, and what all views share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from gptprep.cli import options
from gptprep.cli.options import option
from gptprep.cli.streams import Streams
from gptprep.cli.views.arguments import RangeArguments, ShardArguments, TableArguments, VocabularyArguments

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.things import Thing

_FIRST = "Show the first N tokens of a text or of ids, and the last N of ids."
_TOP = "How many of the most frequent and of the rarest tokens to show."


@dataclass(frozen=True)
class CountingArguments:
    """What to show of a corpus or of ids."""

    first: Annotated[int | None, option("--first -n", "N", _FIRST, "a screenful")] = None
    top: Annotated[int, option("--top", "N", _TOP)] = 10
    input_dtype: options.InputDtype = None


@dataclass(frozen=True)
class Request:
    """The arguments and options of `inspect`; None and nothing where they were not given."""

    streams: Streams
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

    @property
    def thing(self) -> str:
        """The first thing."""
        return self.things[0]
