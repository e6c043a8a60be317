"""The command line: one file for each verb, which parses, calls one pipeline and renders its report."""

import atexit
import gc
import os
import signal
import sys
from contextlib import suppress

_OBJECTS = 100_000
"""New objects between two searches for garbage: imports make many, and hardly any garbage."""


def script() -> None:
    """The command `gptprep`: `main`, after which the process ends at once.

    To free the memory of tokenizers and modules object by object takes a fifth of the time of a short run.
    """
    gc.set_threshold(_OBJECTS)
    try:
        main()
    except SystemExit as ended:
        is_watched = sys.gettrace() or sys.getprofile() or sys.flags.inspect
        if isinstance(ended.code, int) and not is_watched:
            with suppress(OSError, ValueError):  # Python itself says what is wrong with a stream
                _flush()
                atexit._run_exitfuncs()
                _flush()
                os._exit(ended.code)
        raise


def _flush() -> None:
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()


def main() -> None:
    """Run the command line, and exit."""
    _reserve_standard_streams()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a verb runs, Ctrl-C ends it without a message
    if shell := os.environ.get("_GPTPREP_COMPLETE"):
        from gptprep.cli.completion import answer

        sys.exit(answer(shell, sys.argv[1:]))
    # NumPy's OpenBLAS would start threads for each core as it is imported, and raise SIGINT if it cannot.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from gptprep.cli.app import app
    from gptprep.cli.run import run_app

    sys.exit(run_app(app))


def _reserve_standard_streams() -> None:
    """Give closed standard streams to /dev/null: otherwise a file that is opened gets what libraries print.

    A new descriptor is the lowest that is free, so all three are in use when it is another one.
    """
    with suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(descriptor)
