"""The command line: one file a verb, which parses, calls one pipeline and shows its report."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of `gptprep`."""
    try:
        from gptprep.cli.app import app
    except KeyboardInterrupt:
        sys.exit(130)
    app(prog_name="gptprep")
