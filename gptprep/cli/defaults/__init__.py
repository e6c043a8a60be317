"""The user's defaults of options: from a settings file and from environment variables.

Typer gets them as its `default_map`, so that it parses them like arguments, says where a value came from, and
never asks for them where the command line has a value, nor for `--help`, `--version` and completion. They are
not Typer's own variables (`envvar`): errors could not name them, and a path with spaces would be divided.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from gptprep.cli.defaults.places import has_variables, settings_paths
from gptprep.cli.options import Configured
from gptprep.cli.parameters import VERBS, Command, DeclaredOption, command_of, options_of
from gptprep.errors import EngineWarning, GptprepError

if TYPE_CHECKING:
    from gptprep.cli.defaults.file import SettingsFile
    from gptprep.cli.defaults.values import Value
    from gptprep.cli.defaults.variables import Variables


class Setting(NamedTuple):
    """The default of an option of one verb."""

    verb: str
    option: str
    value: Value
    place: str
    """Where it is set: a variable, or a name in a file."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The value as text; more than one of an option that is repeated."""
        if isinstance(self.value, bool):
            return ("true" if self.value else "false",)
        return (self.value,) if isinstance(self.value, str) else tuple(self.value)

    def to_json(self) -> dict[str, Any]:
        """What `--show-config --json` shows."""
        return {"verb": self.verb, "option": self.option, "values": self.texts, "from": self.place}

    def is_behind(self, error: GptprepError) -> bool:
        """Whether an error is about the option or its value."""
        words = rf"(--{self.option}|{self.option.replace('-', ' ')})"
        said = " ".join((error.what, error.why, error.fix))
        if re.search(rf"(?<![\w-]){words}(?![\w-])", said):
            return True
        values = () if isinstance(self.value, bool) else self.texts
        return any(len(text) > 1 and not text.isdecimal() and text in said for text in values)


class Report(NamedTuple):
    """The defaults of all verbs."""

    file: str | None
    """The settings file that was read, relative to the current folder."""
    settings: tuple[Setting, ...]


class Defaults:
    """The defaults of all verbs; nothing is read before a value is needed."""

    def get(self, verb: str, default: Any = None) -> VerbDefaults:  # noqa: ARG002  as that of a dictionary
        """What Typer asks for when it makes the context of a verb."""
        return VerbDefaults(self, verb)

    @cached_property
    def file(self) -> SettingsFile | None:
        """The settings file; raises as `find_file`."""
        if next(settings_paths(), None) is None:
            return None
        from gptprep.cli.defaults.file import find_file

        return find_file()

    @cached_property
    def variables(self) -> Variables | None:
        """The environment variables, if any is set; raises as `Variables`."""
        if not has_variables():
            return None
        from gptprep.cli.defaults.variables import Variables

        return Variables(os.environ)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user may not know about the variables."""
        foreign = self.variables.foreign if self.variables else ()
        return tuple(f"{name} has no effect: no option has it" for name in foreign)

    def report(self) -> Report:
        """The defaults of all verbs; raises as `settings`."""
        settings = tuple(setting for verb in VERBS for setting in self.settings(verb).values())
        return Report(self.file.path if self.file else None, settings)

    def settings(self, verb: str) -> dict[str, Setting]:
        """What is set for a verb, by the names of the parameters of its function.

        Raises:
            GptprepError: the settings file cannot be read.
            UsageError: it or a variable has something wrong.
        """
        if not self.file and not self.variables:
            return {}
        from gptprep.cli.defaults.names import ALLOWED
        from gptprep.cli.defaults.values import from_variable

        options = {option.name: option for option in options_of(command_of(verb))}
        found: dict[str, Setting] = {}
        for name, value, place in self.file.values_for(verb) if self.file else ():
            if verb in ALLOWED[name]:
                found[name] = Setting(verb, name, self._in_file(options[name], value, place), place)
        for name, text, place in self.variables.values_for(verb) if self.variables else ():
            if verb in ALLOWED[name]:
                found[name] = Setting(verb, name, from_variable(options[name], text, place), place)
        return {options[name].parameter.name: setting for name, setting in found.items()}

    def _in_file(self, option: DeclaredOption, value: Any, place: str) -> Value:
        """A value of the file, with its paths as the current folder needs them."""
        from gptprep.cli.defaults.names import PATHS
        from gptprep.cli.defaults.values import from_file

        converted = from_file(option, value, place)
        if option.name not in PATHS or self.file is None or isinstance(converted, bool):
            return converted
        if isinstance(converted, str):
            return self.file.resolved(converted)
        return [self.file.resolved(path) for path in converted]


class VerbDefaults:
    """The `default_map` of the context of a verb."""

    def __init__(self, defaults: Defaults, verb: str) -> None:
        self._defaults, self._verb = defaults, verb

    @cached_property
    def settings(self) -> dict[str, Setting]:
        """As `Defaults.settings`."""
        return self._defaults.settings(self._verb)

    @property
    def notes(self) -> tuple[str, ...]:
        """As `Defaults.notes`."""
        return self._defaults.notes

    def get(self, name: str, default: Any = None) -> Any:
        """What Typer asks for if the command line has no value for a parameter."""
        setting = self.settings.get(name)
        return setting.value if setting else default


@dataclass(frozen=True)
class Applied:
    """The defaults that hold for a run."""

    settings: Mapping[str, Setting]
    """By the names of the parameters of the verb's function."""
    notes: tuple[str, ...] = ()

    @classmethod
    def to(cls, context: Any, command: Command, arguments: dict[str, Any]) -> Applied:
        """Those of a context, without defaults that an option of the command line takes the place of.

        Args:
            arguments: the values of all options; those of such defaults are replaced by the built-in ones.
        """
        defaults: VerbDefaults | None = context.default_map
        if defaults is None or not defaults.settings:  # --no-config, or nothing is set
            return cls({}, defaults.notes if defaults else ())
        from gptprep.cli.defaults.names import RIVALS

        source = {name: getattr(context.get_parameter_source(name), "name", "") for name in arguments}
        declared = {option.name: option.parameter for option in options_of(command) if option.name}
        settings = {name: one for name, one in defaults.settings.items() if source[name] == "DEFAULT_MAP"}
        for stronger, weaker in RIVALS.get(context.info_name, {}).items():
            if source[declared[stronger].name] == "COMMANDLINE":
                for parameter in (declared[option] for option in weaker):
                    if settings.pop(parameter.name, None):
                        arguments[parameter.name] = parameter.default
        return cls(settings, defaults.notes)

    @property
    def options(self) -> Configured:
        """The names of the options."""
        return Configured(setting.option for setting in self.settings.values())

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say of errors of a block which defaults they are about, and ignore what defaults cannot do."""
        if "engine" in self.options:
            warnings.simplefilter("ignore", EngineWarning)
        try:
            yield
        except GptprepError as error:
            for setting in self.settings.values():
                if setting.is_behind(error):
                    error.add_note(f"the default of --{setting.option} is set by {setting.place}")
            raise
