"""The options of `inspect` that are for some kinds of things, and their check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

from gptprep.cli import options
from gptprep.cli.options import Configured, flag, option
from gptprep.errors import UsageError

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.things import Thing

_FROM = "First id to show."
_NUMBER = """How much to show: the first tokens of a text or of its first document, the first and last ids
of a file, entries of a tokenizer, or occurrences that --find shows."""
_FIND = "Show where a text occurs in shards, or the entries of a tokenizer that contain it."
_NEAR = "A token, as text or by its id: show the most similar rows of the token table."


@dataclass(frozen=True)
class RangeArguments:
    """Which part of a thing that has an order is shown."""

    from_: Annotated[int | None, option("--from", "N", _FROM)] = None
    n: Annotated[int | None, option("-n", "N", _NUMBER, "a screenful, or 20 entries")] = None


@dataclass(frozen=True)
class VocabularyArguments:
    """Which entries of a vocabulary, or places in shards, are shown."""

    find: Annotated[str | None, option("--find", "STRING", _FIND)] = None


@dataclass(frozen=True)
class TableArguments:
    """What is shown of tables of embeddings."""

    near: Annotated[str | None, option("--near", "TOKEN|ID", _NEAR)] = None
    token_table: options.TokenTable = None
    position_table: options.PositionTable = None


_TOP = "How many of the most frequent and of the rarest tokens to show."


@dataclass(frozen=True)
class CountingArguments:
    """What is shown of a corpus or of ids."""

    top: Annotated[int, option("--top", "N", _TOP)] = 10
    input_dtype: options.InputDtype = None


_WINDOW = "Windows to show: a number, or first and last."
_RANDOM = "Show N windows chosen at random."
_SEED = "Seed of --random [default: 0], or of create_dataloader for --step."
_STEP = "Show what create_dataloader gave at a step, counted from 0 over all epochs."
_NO_SHUFFLE = "For --step: shuffle=False was given."
_NO_DROP_LAST = "For --step: drop_last=False was given."


@dataclass(frozen=True)
class ShardArguments:
    """Which windows of a shard folder are shown."""

    split: Annotated[str | None, option("--split", "NAME", "Split to show windows of.", "train")] = None
    window: Annotated[str | None, option("--window", "N|N..M", _WINDOW)] = None
    random: Annotated[int | None, option("--random", "N", _RANDOM)] = None
    seed: Annotated[int | None, option("--seed", "N", _SEED)] = None
    step: Annotated[int | None, option("--step", "N", _STEP)] = None
    batch_size: Annotated[int | None, option("--batch-size", "B", "For --step: windows of a batch.", "4")] = (
        None
    )
    rank: Annotated[int | None, option("--rank", "N", "For --step: number of the process.", "0")] = None
    world_size: Annotated[
        int | None, option("--world-size", "N", "For --step: number of processes.", "1")
    ] = None
    no_shuffle: Annotated[bool, flag("--no-shuffle", _NO_SHUFFLE)] = False
    no_drop_last: Annotated[bool, flag("--no-drop-last", _NO_DROP_LAST)] = False


_SHARDS: tuple[Thing, ...] = ("shards",)
_READ: tuple[Thing, ...] = ("text", "corpus", "ids", "shards", "tokenizer")
KINDS: dict[str, tuple[Thing, ...]] = {
    "tokenizer": ("text", "corpus", "ids", "shards", "embeddings", "weights"),
    "from": ("tokenizer",),
    "n": ("corpus", "ids", "shards", "tokenizer"),
    "top": ("corpus", "ids"),
    "input-dtype": ("ids",),
    "find": ("shards", "tokenizer"),
    "near": ("embeddings", "weights"),
    "token-table": ("weights",),
    "position-table": ("weights",),
    **dict.fromkeys(("split", "window", "random", "seed", "step", "batch-size"), _SHARDS),
    **dict.fromkeys(("rank", "world-size", "no-shuffle", "no-drop-last"), _SHARDS),
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


def check_options(kind: Thing, thing: str, configured: Configured, *groups: Any, **values: Any) -> None:
    """Refuse options that have no effect on a kind of thing.

    Args:
        thing: how the user named it, for the message.
        configured: the options whose values are defaults, which apply where they can.
        groups: dataclasses with the values of options.
        values: values of other options, None for those that are not given.

    Raises:
        UsageError: an option is given that is for other kinds; says for which.
    """
    from gptprep.pipelines.inspect.things import THINGS

    given = [name for group in groups for name in given_options(group)]
    given += [name for name, value in values.items() if value is not None]
    for name in (name for name in given if name not in configured):
        kinds = KINDS[name]
        if kind not in kinds:
            *others, last = (THINGS[one] for one in kinds)
            belongs = f"it is for {', '.join(others)} or {last}" if others else f"it is for {last}"
            hyphens = "-" if len(name) == 1 else "--"
            what = f"{hyphens}{name} has no effect on {thing}, which is {THINGS[kind]}"
            raise UsageError(what, belongs, f"leave out {hyphens}{name}")


def given_options(group: Any) -> Iterator[str]:
    """The options of a group that are not at their defaults."""
    for field in (field for field in fields(group) if field.name != "configured"):
        default = None if field.default is MISSING else field.default
        if getattr(group, field.name) != default:
            yield field.name.strip("_").replace("_", "-")
