"""Functions run in a forked child of the tests' process."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers import forked


def run_in_child(work: Callable[[], object], folder: Path) -> forked.Ended:
    """Run a function in a folder, in a child; the exit code is what it returns, 0 if that is no number."""

    def child() -> int:
        # pytest's own would keep what is written from the child's messages.
        sys.stdout, sys.stderr = os.fdopen(os.dup(1), "w"), os.fdopen(os.dup(2), "w")
        os.chdir(folder)
        code = work()
        return code if isinstance(code, int) else 0

    with (
        tempfile.TemporaryDirectory() as top,
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns about forking beside threads
        patch.setattr(forked, "messages_file", os.path.join(top, "messages"))
        return forked.wait(forked.start(child))
