"""What is read: files, byte ranges of them, objects of a store, standard input, and texts that were given."""

import math
import os
import shlex
from collections.abc import Iterable
from typing import NamedTuple

from gptprep.choices import SourceKind, is_id_name
from gptprep.corpus.folders import COMPRESSED, kind_of
from gptprep.errors import GptprepError, os_errors
from gptprep.storage.objects import StoredObject
from gptprep.storage.stores import is_url

EXPANSION = 3
"""How many bytes of text one of a compressed file or a table stands for, about."""
_ONE_VERSION = "all ids must be of one version of the text"


STANDARD_INPUT = "standard input"
"""What messages call it."""


class Source(NamedTuple):
    """A file or a byte range of one, standard input (`path` is "-"), or an argument's text (`data`)."""

    name: str
    """For manifests: the last component of what the user named, and the path below it."""
    path: str
    """For opening."""
    kind: SourceKind
    size: int | None = None
    """Bytes on disk; None if unknown before reading. Of a range that was read already, those that were read
    for it; of rows of a table, those that they stand for, all taken to be of equal size."""
    data: bytes | None = None
    start: int = 0
    """The first byte of the range, or the first id of a source of ids; of a table, the rows before."""
    stop: int | None = None
    """The byte or id after the last one; None for the end of the file."""
    first_line: int = 1
    """The line of the first byte; 0 if lines are not counted, because counting is slow."""
    ids_dtype: str = "uint16"
    """The dtype of raw ids."""
    stamp: tuple[int | str, ...] | None = None
    """For a regular file: inode, size, and the times of the last change of content and status, in ns. For an
    object of a store: its fields as a `StoredObject`."""
    copy_of: str = ""
    """What was copied to this file, as messages call it; nothing if it is no copy."""
    spool: str = ""
    """The file with the text of this range of a stream, which was read already; see `streams`."""

    @property
    def identity(self) -> tuple[int | str, ...]:
        """Equal for two names of one file. The time of the last change of its status is left out."""
        return (self.stamp or ())[:3]

    @property
    def stored(self) -> StoredObject | None:
        """The object of a store that it is, or a range of."""
        return StoredObject(*self.stamp) if self.stamp and is_url(self.path) else None  # type: ignore[arg-type]

    @property
    def changed(self) -> float:
        """When it was changed last, or got its name, in seconds since 1970; of a pipe, infinity."""
        if self.stored:
            return self.stored.modified
        return max(map(float, self.stamp[2:4])) / 1e9 if self.stamp else math.inf

    @property
    def range_bytes(self) -> int:
        """The size of a range as it was planned; 0 if it is unknown before reading."""
        if self.kind == "parquet":
            return self.size or 0
        return ((self.size if self.stop is None else self.stop) or 0) - self.start

    @property
    def label(self) -> str:
        """For messages."""
        return self.copy_of or (STANDARD_INPUT if self.path == "-" else self.path)

    @property
    def has_lines(self) -> bool:
        """Whether each line or row is a document: errors then name the line, not a byte offset."""
        return self.kind in ("jsonl", "parquet")

    @property
    def is_compressed(self) -> bool:
        """Whether its ending says that it is compressed."""
        return self.path.lower().endswith(COMPRESSED)


def stored_bytes(sources: Iterable[Source]) -> int | None:
    """The size of all sources on disk; None if it is unknown before reading (pipes)."""
    total = 0
    for source in sources:
        if source.size is None:
            return None
        total += source.size
    return total


def total_bytes(sources: Iterable[Source]) -> int | None:
    """The size of all sources as text; None if it is unknown before reading (pipes, compressed files)."""
    sources = list(sources)
    return None if any(map(is_compact, sources)) else stored_bytes(sources)


def is_compact(source: Source) -> bool:
    """Whether a source has another size on disk than as text: it is compressed, or a table."""
    return source.kind == "parquet" or source.is_compressed


def estimated_text_bytes(source: Source) -> int:
    """About how much text a source has; 0 if that is unknown (a pipe)."""
    return (source.size or 0) * (EXPANSION if is_compact(source) else 1)


def check_unchanged(source: Source, why: str = _ONE_VERSION) -> None:
    """Check that a file is still the one that the work was planned for.

    Its parts are read at different times, perhaps by several processes: if the file changed meanwhile, they
    would be parts of different texts. Compared are inode, size and modification time, so a rewrite of the
    same length within one tick of the file system's clock is not noticed. An object of a store is compared by
    each request that reads it.

    Args:
        why: why it must not change, for the error.

    Raises:
        GptprepError: the file changed or vanished.
    """
    if source.stamp is None or source.stored:
        return
    with os_errors("read", source.path):
        try:
            status = os.stat(source.path)
        except FileNotFoundError:
            raise changed_error(source.path, "vanished", why) from None
    inode, size, modified = source.stamp[:3]
    if (status.st_ino, status.st_size, status.st_mtime_ns) != (inode, size, modified):
        raise changed_error(source.path, "changed", why)


def changed_error(path: str, how: str, why: str) -> GptprepError:
    """The error for a file that "changed" or "vanished" during the work."""
    what = f"{path} {how} while it was read"
    return GptprepError(what, why, "run the same command again when nothing writes to the file")


def text_source(text: bytes, number: int) -> Source:
    """The source for a text given as an argument; `number` counts them from 1."""
    return Source(f"text-{number}", f"text {number}", "text", len(text), text)


def input_kind(path: str, *, ids: bool) -> SourceKind:
    """What a file that is an input holds, by its ending.

    Args:
        ids: whether it may hold ids.

    Raises:
        GptprepError: it holds ids, and may not.
    """
    if not is_id_name(path):
        return kind_of(path) or "text"
    if ids:
        return "ids"
    fix = f"decode them with gptprep decode {shlex.quote(path)}, or give them to gptprep window"
    raise GptprepError(f"{path} holds ids, not text", "its ending says so", fix)
