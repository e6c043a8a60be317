"""Opening sources and reading them in blocks, decompressed."""

import importlib
import shlex
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO, Any, cast

from gptprep.corpus.sources import Source
from gptprep.errors import CorruptDataError, GptprepError, MissingDependencyError, os_errors
from gptprep.storage.objects import open_object
from gptprep.units import MIB

OnRead = Callable[[int], None]
"""Called with how many more bytes of a file were read, as they are on disk."""
BLOCK_BYTES = MIB
"""Bytes read at a time."""
_ERRORS = ("ZstdError", "IsalError")
"""Errors of packages that may not be installed."""
_NEEDS_MEMORY = "requires too much memory"
"""In zstd's message about a frame that was compressed with `--long=28` or more."""


def not_watched(_n_bytes: int) -> None:
    """Ignore what was read; it is an `OnRead`."""


def read_blocks(source: Source, on_read: OnRead = not_watched) -> Iterator[bytes]:
    """The bytes of a source, decompressed, in blocks of at most `BLOCK_BYTES`.

    Args:
        on_read: called after each block, before it is given; once for a range that was read already.

    Raises:
        GptprepError: it cannot be opened or read.
        CorruptDataError: its compressed data are damaged or truncated.
        MissingDependencyError: it is compressed with zstd and no decompressor is installed.
    """
    if source.data is not None:
        on_read(len(source.data))
        yield source.data
        return
    if source.spool:
        yield from _spooled_blocks(source, on_read)
        return
    with os_errors("read", source.path), ExitStack() as stack:
        stored = stack.enter_context(open_source(source))
        file = stack.enter_context(_decompressed(stored, source.path)) if source.is_compressed else stored
        if source.start:
            file.seek(source.start)
        left = sys.maxsize if source.stop is None else source.stop - source.start
        has_position, position = source.is_compressed and source.size is not None, 0
        while left:
            block = _read(file, source.path, min(left, BLOCK_BYTES))
            n_read = stored.tell() - position if has_position else len(block)
            on_read(n_read)
            position += n_read
            if not block:
                break
            left -= len(block)
            yield block
        if left and source.stop is not None:
            what = f"{source.path} became shorter while it was read"
            raise GptprepError(what, fix="run the same command again")


def _spooled_blocks(source: Source, on_read: OnRead) -> Iterator[bytes]:
    on_read(source.size or 0)
    with os_errors("read", source.label), open(source.spool, "rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def _read(file: IO[bytes], path: str, size: int) -> bytes:
    try:
        return file.read(size)
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if isinstance(error, (EOFError, OSError, zlib.error)) or type(error).__name__ in _ERRORS:
            if _NEEDS_MEMORY in str(error):
                why = "it takes more than 128 MiB of memory to decompress"
                names = shlex.join([path, "-o", path[: -len(".zst")]])
                fix = f"decompress it: zstd -d --long=31 {names}"
                raise GptprepError(f"cannot decompress {path}", why, fix) from error
            fix = "download or compress it again"
            raise CorruptDataError(f"{path} is damaged", str(error), fix) from error
        raise


def open_source(source: Source) -> IO[bytes]:
    """The file, object or standard input that a source is, or a range of, as it is stored.

    Raises:
        OSError: the file cannot be opened.
        GptprepError: standard input is closed, or the object cannot be read.
    """
    if source.path == "-":
        if sys.stdin is None:
            raise GptprepError("cannot read standard input", "it is closed", "give a file, or pipe text in")
        return open(sys.stdin.fileno(), "rb", closefd=False)
    if source.stored:
        return open_object(source.stored)
    return open(source.path, "rb", buffering=0)


def _decompressed(stored: IO[bytes], path: str) -> IO[bytes]:
    if path.lower().endswith(".gz"):
        return cast("IO[bytes]", _gzip().open(stored, "rb"))
    return cast("IO[bytes]", _zstd(path).open(stored, "rb"))


def _gzip() -> Any:
    """isal's module if it is installed, which is four times as fast as Python's own."""
    try:
        return importlib.import_module("isal.igzip")
    except ImportError:
        return importlib.import_module("gzip")


def _zstd(path: str) -> Any:
    """Python's own module (3.14) or its backport; unlike other packages they notice a truncated file."""
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        what, fix = f"cannot read {path}", "pip install backports.zstd"
        raise MissingDependencyError(what, f"{name} is not installed", fix) from error
