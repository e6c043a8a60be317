"""The command line: one file a verb, which parses, calls one pipeline and shows its report."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """The entry point of `gptprep`."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a verb is at work, Ctrl-C ends it without a word
    from gptprep.cli.app import app
    from gptprep.cli.shell import give_up_streams

    try:
        app(prog_name="gptprep")
    except OSError as error:  # of the help or the version; a verb has answered for its own
        print(f"error: cannot write to standard output\n  why: {error.strerror}", file=sys.stderr)  # noqa: T201
        give_up_streams()
        sys.exit(1)
