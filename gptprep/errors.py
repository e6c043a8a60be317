"""The one error tree: what went wrong, why, and how to mend it; the exit code goes with the class.

Every error that a user can meet is a `GptprepError`. Anything else that reaches the shell is a bug and keeps
its traceback. All of them pickle, so that they can cross process borders.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class GptprepError(Exception):
    """Something that the user can mend (exit code 1).

    `what` went wrong, `why`, and how to `fix` it: each a phrase without a final full stop.
    """

    exit_code = 1

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(what, why, fix)
        self.what, self.why, self.fix = what, why, fix

    def __str__(self) -> str:
        return ": ".join(part for part in (self.what, self.why) if part)


class WrongUsage(GptprepError):
    """The command line or the call asks for something that makes no sense (exit code 2)."""

    exit_code = 2


class DamagedData(GptprepError):
    """A file is not what its format, its header or its manifest says (exit code 3)."""

    exit_code = 3

    def __init__(self, what: str, why: str = "", fix: str = "make or fetch the file again") -> None:
        super().__init__(what, why, fix)


class MissingExtra(GptprepError):
    """An optional dependency is not installed (exit code 4)."""

    exit_code = 4


class TextError(GptprepError):
    """A tokenizer cannot encode a text; `offset` is where in it, in UTF-8 bytes."""

    def __init__(self, what: str, why: str = "", fix: str = "", offset: int = 0) -> None:
        super().__init__(what, why, fix)
        self.args = (what, why, fix, offset)
        self.offset = offset

    def at(self, place: str) -> GptprepError:
        """The same error with the file and the line in front."""
        return GptprepError(f"{place}: {self.what}", self.why, self.fix)


_FIXES = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path: one of its folders is a file",
    errno.EISDIR: "name a file, not a folder",
    errno.EACCES: "check who owns it and its permissions",
    errno.EPERM: "check who owns it and its permissions",
    errno.EROFS: "choose a place that can be written",
    errno.ENOSPC: "free some space or choose another disk, then run the same command again",
    errno.EDQUOT: "free some of your quota or choose another disk, then run the same command again",
    errno.EFBIG: "raise the file size limit (ulimit -f) or choose another disk",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "the disk failed: check it, then run the same command again",
}


@contextmanager
def os_errors(action: str, path: str) -> Iterator[None]:
    """Turn an `OSError` of the block into a `GptprepError`: "cannot ACTION PATH", why, and how to mend it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        why = error.strerror or str(error)
        explained = GptprepError(f"cannot {action} {path}", why, _FIXES.get(error.errno or 0, ""))
        for note in getattr(error, "__notes__", ()):
            explained.add_note(note)
        raise explained from error
