"""Where defaults may be: every run looks there, and imports the rest only if something is there."""

import os
from collections.abc import Iterator

OWN, SHARED = "gptprep.toml", "pyproject.toml"
PREFIX = "GPTPREP_"
"""Of environment variables."""


def settings_paths() -> Iterator[str]:
    """The files that may have settings, the nearest first, relative to the current folder."""
    for folder in _folders():
        for name in (OWN, SHARED):
            path = os.path.join(folder, name)
            if os.path.lexists(path):
                yield os.path.relpath(path)


def has_variables() -> bool:
    """Whether a variable is set that may be a default."""
    return any(name.startswith(PREFIX) for name in os.environ)


def _folders() -> Iterator[str]:
    """The current folder and those above it, up to the home folder or the root."""
    try:
        folder = os.getcwd()
    except OSError:  # it was removed; verbs say so if they need it
        return
    home = os.path.realpath(os.path.expanduser("~"))
    while True:
        yield folder
        if folder in (home, os.path.dirname(folder)):
            return
        folder = os.path.dirname(folder)
