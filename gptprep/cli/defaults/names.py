"""Which options can have a default of the user's, and under which names.

A default says how verbs work. What a command reads, where it writes, whether it replaces something, and what
programs read from its standard output is said by the command itself: a file that came with somebody's clone
must not decide that. Flags that leave out a check are refused for the same reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from gptprep.cli.parameters import VERBS
from gptprep.cli.usage import nearest
from gptprep.errors import UsageError

_ALL, _READ, _ENCODE = " ".join(VERBS), "inspect encode count vocab window", "inspect encode count window"
ALLOWED: Mapping[str, frozenset[str]] = {
    name: frozenset(verbs.split())
    for names, verbs in (
        ("quiet no-color debug", _ALL),
        ("encoding errors text-field separator include exclude workers", _READ),
        ("special engine", _ENCODE),
        ("tokenizer", "inspect encode count decode window"),
        ("input-dtype", "inspect count decode window"),
        ("top", "inspect vocab"),
        ("sort", "count"),
        ("kind size min-count special-token no-special-tokens", "vocab"),
        ("context-length stride val-fraction split-by boundary shuffle layout shard-size", "window"),
        ("seed dtype", "window embed"),
        ("dim position init weights device batch-size", "embed"),
        ("token-table position-table", "inspect embed"),
    )
    for name in names.split()
}
"""The options that can have a default, and the verbs for which they can."""

_WHAT = "each command says what it works on"
_WHERE = "each command says what it writes, and whether that replaces something"
_PRINTED = "programs read what a command prints, so each command says what that is"
_CHECK = "a check is left out only by the command itself"
REFUSED: Mapping[str, str] = {
    name: reason
    for names, reason in (
        ("text val split limit from n find near window random step rank world-size part", _WHAT),
        ("no-shuffle no-drop-last", _WHAT),
        ("output html svg force if-changed dry-run", _WHERE),
        ("json format count", _PRINTED),
        ("fast no-cross-check", _CHECK),
    )
    for name in names.split()
}
"""The options that can have none, and why. (`seed` and `batch-size` can, but not for `inspect --step`.)"""

DIFFERENT = frozenset({"dtype"})
"""Options with other values in each verb: a default is for one verb."""
NUMERIC = frozenset({"val-fraction", "shard-size", "batch-size"})
"""Options whose text may be a number, which a file may hold as a number."""
ONE_WORD = frozenset({"tokenizer"})
"""Repeatable options of which a variable holds one value: it is the path of a file, perhaps with spaces."""
PATHS = frozenset({"tokenizer", "weights"})
"""Options that name a file: in a settings file its path is relative to the folder of that file."""
RIVALS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "window": {"val": ("val-fraction", "split-by")},
    "vocab": {"special-token": ("no-special-tokens",), "no-special-tokens": ("special-token",)},
    "embed": {"weights": ("init", "dim"), "init": ("weights", "token-table", "position-table")},
}
"""For each verb the options that, on the command line, take the place of defaults of others."""

_OTHER_NAMES = {
    **{"max-length": "context-length", "L": "context-length", "S": "stride"},
    **{"T": "tokenizer", "q": "quiet", "o": "output", "f": "force", "t": "text"},
}


class Origin(Protocol):
    """Where defaults are set: a file, or environment variables."""

    def key(self, name: str, verb: str | None) -> str:
        """How the default of an option is called there; without a verb, that of every verb that has it."""

    def place(self, name: str, verb: str | None) -> str:
        """As `key`, with the file."""


def is_option(name: str) -> bool:
    """Whether a name is that of an option, even if it can have no default."""
    return name in ALLOWED or name in REFUSED


def names_for(verb: str | None) -> list[str]:
    """The options that can have a default for a verb, or for every verb that has them."""
    return [name for name, verbs in ALLOWED.items() if (verb in verbs if verb else name not in DIFFERENT)]


def check_name(name: str, verb: str | None, origin: Origin) -> None:
    """Refuse the name of a default.

    Args:
        verb: the verb that it is for; None for every verb that has the option.

    Raises:
        UsageError: there is no such option, or it can have no default there.
    """
    if name in names_for(verb):
        return
    place = origin.place(name, verb)
    if name in DIFFERENT and verb is None:
        *_, last = verbs = sorted(ALLOWED[name])
        why = f"its values are others for {' and '.join(verbs)}"
        raise UsageError(f"{place} is for no verb", why, f"set {origin.key(name, last)} instead")
    if name in REFUSED:
        hyphens = "-" if len(name) == 1 else "--"
        fix = f"remove it, and give {hyphens}{name} to the commands that need it"
        raise UsageError(f"{place} cannot be a default", REFUSED[name], fix)
    why = f"no option of gptprep {verb} that can have a default is called so" if verb else ""
    meant = meant_key(name, verb, origin)
    fix = f"did you mean {meant}?" if meant else "remove it; gptprep COMMAND --help lists the options"
    raise UsageError(f"{place} is unknown", why, fix)


def meant_key(name: str, verb: str | None, origin: Origin) -> str | None:
    """What a name may have been meant to be; None if it is like no other."""
    keys = {known: origin.key(known, verb) for known in names_for(verb)}
    if verb:
        others = {known: sorted(verbs)[-1] for known, verbs in ALLOWED.items() if known not in keys}
        keys |= {known: origin.key(known, other) for known, other in others.items()}
    return nearest(_OTHER_NAMES.get(name, name), keys)
