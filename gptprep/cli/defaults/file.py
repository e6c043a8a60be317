"""The settings file: `gptprep.toml`, or the table `[tool.gptprep]` of a `pyproject.toml`.

The nearest is read, from the current folder upwards as far as the home folder. It is untrusted input, like
every file that may have come with a clone: it holds nothing but values of options.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gptprep.cli.defaults.names import check_name, is_option
from gptprep.cli.defaults.places import SHARED, settings_paths
from gptprep.cli.defaults.values import kind_of
from gptprep.cli.parameters import VERBS
from gptprep.cli.usage import nearest
from gptprep.errors import GptprepError, UsageError

_MAX_BYTES = 1 << 20
_FILE_ENDINGS = (".json", ".tiktoken", ".safetensors", ".pt", ".pth", ".bin")
"""Of tokenizers and weights. `openai-community/gpt2` is no path, unless there is a folder of that name."""
_GO_ON = "or ignore it with gptprep --no-config COMMAND"


@dataclass(frozen=True)
class SettingsFile:
    """A settings file; its names are checked, its values are not."""

    path: str
    """Relative to the current folder."""
    table: dict[str, Any]

    def __post_init__(self) -> None:
        for name, value in self.table.items():
            if name in VERBS or (isinstance(value, dict) and not is_option(name)):
                self._check_table(name, value)
            else:
                check_name(name, None, self)

    def _check_table(self, verb: str, table: Any) -> None:
        if verb not in VERBS:
            meant = nearest(verb, {one: self._header(one) for one in VERBS})
            fix = f"did you mean {meant}?" if meant else f"remove {self._header(verb)}"
            what = f"{self._header(verb)} in {self.path} is unknown"
            raise UsageError(what, f"gptprep has no verb {verb}", fix)
        if not isinstance(table, dict):
            what, why = f"{verb} in {self.path} is {kind_of(table)}", "it is the name of a verb"
            raise UsageError(what, why, f"write the options of the verb as a table: {self._header(verb)}")
        for name in table:
            check_name(name, verb, self)

    def _header(self, verb: str | None) -> str:
        names = ["tool.gptprep"] if os.path.basename(self.path) == SHARED else []
        return f"[{'.'.join([*names, *([verb] if verb else [])])}]".replace("[]", "")

    def key(self, name: str, verb: str | None) -> str:
        """`stride` or `stride in [window]`."""
        return f"{name} in {self._header(verb)}" if verb else name

    def place(self, name: str, verb: str | None) -> str:
        """`stride in [window] of gptprep.toml`."""
        header = self._header(verb)
        return f"{name} in {header} of {self.path}" if header else f"{name} in {self.path}"

    def values_for(self, verb: str) -> Iterator[tuple[str, Any, str]]:
        """The options that are set for a verb, their values and places; those of its table come last."""
        for scope, table in ((None, self.table), (verb, self.table.get(verb, {}))):
            for name, value in table.items():
                if scope or name not in VERBS:
                    yield name, value, self.place(name, scope)

    def resolved(self, path: str) -> str:
        """The path of a file that is named relative to the folder of this one; a name stays a name."""
        joined = os.path.normpath(os.path.join(os.path.dirname(self.path), path))
        is_path = path.startswith(".") or path.lower().endswith(_FILE_ENDINGS)
        return joined if path and (is_path or os.path.lexists(joined)) else path


def find_file() -> SettingsFile | None:
    """The nearest settings file, if there is one.

    Raises:
        GptprepError: a file that may be it cannot be read.
        UsageError: it is not valid, or has names that cannot have defaults.
    """
    for path in settings_paths():
        if (table := _read(path)) is not None:
            return SettingsFile(path, table)
    return None


def _read(path: str) -> dict[str, Any] | None:
    """The table of a file; None for a `pyproject.toml` without one."""
    from gptprep.storage.files import read_regular

    try:
        data = read_regular(path, _MAX_BYTES)
    except GptprepError as error:
        raise GptprepError(error.what, error.why, f"make it a file that can be read, {_GO_ON}") from error
    is_shared = os.path.basename(path) == SHARED
    if is_shared and b"gptprep" not in data:  # another project's, which need not even be valid
        return None
    import tomllib

    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML", str(error), f"correct it, {_GO_ON}") from error
    if not is_shared:
        return table
    tools = table.get("tool")
    own = tools.get("gptprep") if isinstance(tools, dict) else None
    if own is not None and not isinstance(own, dict):
        raise UsageError(
            f"tool.gptprep in {path} is {kind_of(own)}", fix="write it as a table: [tool.gptprep]"
        )
    return own
