"""The command line: one file for each verb, which parses, calls one pipeline and renders its report."""

import os
import signal
import sys


def main() -> None:
    """The entry point of `gptprep`."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a verb runs, Ctrl-C ends it without a message
    # NumPy's OpenBLAS would start threads for each core as it is imported, and raise SIGINT if it cannot.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from gptprep.cli.app import app
    from gptprep.cli.run import run_app

    sys.exit(run_app(app))
