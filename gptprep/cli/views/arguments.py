"""The options of `inspect` that are for some kinds of things, and their check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

from gptprep.cli.options import option
from gptprep.errors import UsageError

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.things import Thing

_FROM = "First id to show."
_NUMBER = "How many entries to show."
_FIND = "Show the entries that contain a string."
_NEAR = "A token, as text or by its id: show the most similar rows of the token table."
_TOKEN_TABLE = "Name of the token table in a file of weights."
_POSITION_TABLE = "Name of the position table in a file of weights."


@dataclass(frozen=True)
class RangeArguments:
    """Which part of a thing that has an order is shown."""

    from_: Annotated[int | None, option("--from", "N", _FROM)] = None
    n: Annotated[int | None, option("-n", "N", _NUMBER, "20")] = None


@dataclass(frozen=True)
class VocabularyArguments:
    """Which entries of a vocabulary are shown."""

    find: Annotated[str | None, option("--find", "STRING", _FIND)] = None


@dataclass(frozen=True)
class TableArguments:
    """What is shown of tables of embeddings."""

    near: Annotated[str | None, option("--near", "TOKEN|ID", _NEAR)] = None
    token_table: Annotated[
        str | None, option("--token-table", "NAME", _TOKEN_TABLE, "wte, tok_emb, ... with any prefix")
    ] = None
    position_table: Annotated[
        str | None, option("--position-table", "NAME", _POSITION_TABLE, "wpe, pos_emb, ... with any prefix")
    ] = None


_READ: tuple[Thing, ...] = ("text", "corpus", "ids", "shards", "tokenizer")
KINDS: dict[str, tuple[Thing, ...]] = {
    "tokenizer": ("text", "corpus", "ids", "shards", "embeddings", "weights"),
    "from": ("tokenizer",),
    "n": ("tokenizer",),
    "find": ("tokenizer",),
    "near": ("embeddings", "weights"),
    "token-table": ("weights",),
    "position-table": ("weights",),
    "encoding": _READ,
    "errors": _READ,
    "text-field": _READ,
    "separator": _READ,
    "include": _READ,
    "exclude": _READ,
    "workers": _READ,
    "special": _READ,
    "engine": _READ,
    "no-cross-check": _READ,
}
"""The kinds of things that each option is for, by its name without hyphens before it."""


def check_options(kind: Thing, thing: str, *groups: Any, **values: Any) -> None:
    """Refuse options that have no effect on a kind of thing.

    Args:
        thing: how the user named it, for the message.
        groups: dataclasses with the values of options.
        values: values of other options, None for those that are not given.

    Raises:
        UsageError: an option is given that is for other kinds; says for which.
    """
    from gptprep.pipelines.inspect.things import THINGS

    given = [name for group in groups for name in _given(group)]
    given += [name for name, value in values.items() if value is not None]
    for name in given:
        kinds = KINDS[name]
        if kind not in kinds:
            *others, last = (THINGS[one] for one in kinds)
            belongs = f"it is for {', '.join(others)} or {last}" if others else f"it is for {last}"
            hyphens = "-" if len(name) == 1 else "--"
            what = f"{hyphens}{name} has no effect on {thing}, which is {THINGS[kind]}"
            raise UsageError(what, belongs, f"leave out {hyphens}{name}")


def _given(group: Any) -> Iterator[str]:
    """The options of a group that are not at their defaults."""
    for field in fields(group):
        default = None if field.default is MISSING else field.default
        if getattr(group, field.name) != default:
            yield field.name.strip("_").replace("_", "-")
