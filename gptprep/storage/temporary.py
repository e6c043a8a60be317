"""The folder for temporary files, and what to do if there is none."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from gptprep.errors import GptprepError


def temporary_folder(purpose: str, alternative: str = "") -> str:
    """The folder that TMPDIR names, or the system's.

    Args:
        purpose: what needs it, for the error.
        alternative: an option that needs none.

    Raises:
        GptprepError: none can be written.
    """
    try:
        return tempfile.gettempdir()
    except OSError as error:
        what, why = "there is no folder for temporary files", f"{purpose} needs one, and none can be written"
        fix = "set TMPDIR to a folder that can be written"
        fix = f"set TMPDIR to a folder that can be written, or {alternative}" if alternative else fix
        raise GptprepError(what, why, fix) from error


@contextmanager
def temporary_errors(folder: str, alternative: str = "") -> Iterator[None]:
    """Explain a system error of the block: it is about that folder, and TMPDIR names another."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        fix = "set TMPDIR to another folder"
        fix = f"set TMPDIR to another folder, or {alternative}" if alternative else fix
        raise GptprepError(f"cannot write to {folder}", error.strerror or str(error), fix) from error
