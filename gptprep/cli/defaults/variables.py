"""Defaults in environment variables: `GPTPREP_WINDOW_STRIDE` for a verb, `GPTPREP_TOKENIZER` for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gptprep.cli.defaults.names import check_name, is_option, meant_key, names_for
from gptprep.cli.defaults.places import PREFIX
from gptprep.cli.parameters import VERBS
from gptprep.errors import UsageError


class Variables:
    """The variables that are set; an empty one is as good as none.

    Raises:
        UsageError: one seems to be misspelt, or is that of an option that can have no default.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._set = {name: text for name, text in environment.items() if name.startswith(PREFIX) and text}
        scopes = (None, *VERBS) if self._set else ()
        known = {self.key(name, verb) for verb in scopes for name in names_for(verb)}
        self.foreign = [one for one in sorted(self._set) if one not in known and not self._is_wrong(one)]
        """Those that are like none of ours."""

    def key(self, name: str, verb: str | None) -> str:
        """The name of a variable."""
        return PREFIX + "_".join([*([verb] if verb else []), name]).replace("-", "_").upper()

    def place(self, name: str, verb: str | None) -> str:
        """The name of a variable."""
        return self.key(name, verb)

    def values_for(self, verb: str) -> Iterator[tuple[str, str, str]]:
        """The options that are set for a verb, their values and variables; those of the verb come last."""
        for scope in (None, verb):
            for name in names_for(scope):
                variable = self.key(name, scope)
                if value := self._set.get(variable):
                    yield name, value, variable

    def _is_wrong(self, variable: str) -> bool:
        """False for a variable that is like none of ours.

        Raises:
            UsageError: otherwise.
        """
        name = variable.removeprefix(PREFIX).lower().replace("_", "-")
        first, _, rest = name.partition("-")
        verb = first if first in VERBS and rest else None
        option = rest if verb else name
        if variable == self.key(option, verb) and is_option(option):
            check_name(option, verb, self)
        if meant := meant_key(option, verb, self):
            raise UsageError(f"{variable} is unknown", "no option has it", f"did you mean {meant}?")
        return False
