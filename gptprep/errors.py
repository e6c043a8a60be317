"""The errors that a user can meet.

    GptprepError                     1   an error you can fix
      UsageError                     2   wrong options or arguments
        WindowNumberError                a split has no such window; also an IndexError
        WindowIndexTypeError             an index is not a whole number; also a TypeError
      CorruptDataError               3   a file is not what its format or manifest says
      MissingDependencyError         4   an optional package is not installed
      TextError                          a tokenizer cannot encode a text

The numbers are exit codes. Any other exception that reaches the shell is a bug and keeps its traceback. All
of these errors can be pickled, so workers can raise them.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager


class GptprepError(Exception):
    """An error that the user can fix (exit code 1).

    Attributes:
        what: what went wrong. All three are phrases without a final full stop.
        why: the reason, or nothing.
        fix: what to do about it, or nothing.
    """

    exit_code = 1

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(what, why, fix)
        self.what, self.why, self.fix = what, why, fix

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.what, self.why)))


class UsageError(GptprepError):
    """The command line or a call has options or arguments that do not work (exit code 2)."""

    exit_code = 2


class WindowNumberError(UsageError, IndexError):
    """A split has no window of that number."""


class WindowIndexTypeError(UsageError, TypeError):
    """Windows are chosen by something else than whole numbers."""


class InUseError(GptprepError):
    """Another run is writing the output."""


class FinishingError(InUseError):
    """Another process of the same job array is writing the output."""


class CorruptDataError(GptprepError):
    """A file is not what its format, its header or its manifest says (exit code 3)."""

    exit_code = 3

    def __init__(self, what: str, why: str = "", fix: str = "write or download the file again") -> None:
        super().__init__(what, why, fix)


class MissingDependencyError(GptprepError):
    """An optional dependency is not installed (exit code 4)."""

    exit_code = 4


class TextError(GptprepError):
    """A tokenizer cannot encode a text.

    Attributes:
        offset: where in the text, in UTF-8 bytes.
    """

    def __init__(self, what: str, why: str = "", fix: str = "", offset: int = 0) -> None:
        super().__init__(what, why, fix)
        self.args = (what, why, fix, offset)
        self.offset = offset

    def at(self, place: str) -> GptprepError:
        """The same error, starting with its file and line."""
        return GptprepError(f"{place}: {self.what}", self.why, self.fix)


THREAD_LIMIT = "the limit on processes and threads is reached"
THREAD_LIMIT_NAMES = "ulimit -u, or the pids limit of the container"
_REFUSED_THREADS = (
    "can't start new thread",  # RuntimeError of Python
    "ThreadPoolBuildError",  # a panic of Rust's rayon
)


def is_thread_limit(error: BaseException) -> bool:
    """Whether an error of Python or of a library says that the system refused a thread."""
    return any(refused in str(error) for refused in _REFUSED_THREADS)


def thread_limit_error() -> GptprepError:
    """The error for work that needs a thread which the system refused."""
    return GptprepError("cannot start a thread", THREAD_LIMIT, f"raise the limit ({THREAD_LIMIT_NAMES})")


class NoteWarning(UserWarning):
    """What a user may not know about a run that succeeds; the command line shows it as a note."""


class TokenizerWarning(NoteWarning):
    """A tokenizer was found by another name than its own, or is not used as asked for."""


class EngineWarning(TokenizerWarning):
    """A tokenizer is not encoded by the engine asked for."""


class FewerWorkersWarning(NoteWarning):
    """The system limits processes and threads, so fewer than wanted do the work; the result is the same."""


_FIXES = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path: one of its folders is a file",
    errno.EISDIR: "name a file, not a folder",
    errno.EACCES: "check the owner and the permissions",
    errno.EPERM: "check the owner and the permissions",
    errno.EROFS: "choose a place that can be written",
    errno.ENOSPC: "free some space or choose another disk, then run the same command again",
    errno.EDQUOT: "free some of your quota or choose another disk, then run the same command again",
    errno.EFBIG: "raise the file size limit (ulimit -f) or choose another disk",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ELOOP: "remove the link: it leads back to itself",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "the disk failed: check it, then run the same command again",
}


@contextmanager
def os_errors(action: str, path: str) -> Iterator[None]:
    """Turn an `OSError` of the block into a `GptprepError`: "cannot ACTION PATH", the reason and a fix."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        why, fix = error.strerror or str(error), _FIXES.get(error.errno or 0, "")
        if error.errno == errno.ENOENT and os.path.islink(path):
            why = f"{why}: it is a link to {os.readlink(path)}, which is missing"
            fix = "restore what the link leads to, or remove the link"
        explained = GptprepError(f"cannot {action} {path}", why, fix)
        for note in getattr(error, "__notes__", ()):
            explained.add_note(note)
        raise explained from error
