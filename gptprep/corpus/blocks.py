"""Opening sources and reading them in blocks, decompressed."""

import importlib
import shlex
import sys
import zlib
from collections.abc import Iterator
from typing import IO, Any, cast

from gptprep.corpus.sources import Source
from gptprep.errors import CorruptDataError, GptprepError, MissingDependencyError, os_errors
from gptprep.units import MIB

BLOCK_BYTES = MIB
"""Bytes read at a time."""
_NEEDS_MEMORY = "requires too much memory"
"""In zstd's message about a frame that was compressed with `--long=28` or more."""


def read_blocks(source: Source) -> Iterator[bytes]:
    """The bytes of a source, decompressed, in blocks of at most `BLOCK_BYTES`.

    Raises:
        GptprepError: it cannot be opened or read.
        CorruptDataError: its compressed data are damaged or truncated.
        MissingDependencyError: it is compressed with zstd and no decompressor is installed.
    """
    if source.data is not None:
        yield source.data
        return
    with os_errors("read", source.path), _open(source.path) as file:
        if source.start:
            file.seek(source.start)
        left = sys.maxsize if source.stop is None else source.stop - source.start
        while left and (block := _read(file, source.path, min(left, BLOCK_BYTES))):
            left -= len(block)
            yield block
        if left and source.stop is not None:
            what = f"{source.path} became shorter while it was read"
            raise GptprepError(what, fix="run the same command again")


def _read(file: IO[bytes], path: str, size: int) -> bytes:
    try:
        return file.read(size)
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if isinstance(error, (EOFError, OSError, zlib.error)) or type(error).__name__ == "ZstdError":
            if _NEEDS_MEMORY in str(error):
                why = "it takes more than 128 MiB of memory to decompress"
                names = shlex.join([path, "-o", path[: -len(".zst")]])
                fix = f"decompress it: zstd -d --long=31 {names}"
                raise GptprepError(f"cannot decompress {path}", why, fix) from error
            fix = "download or compress it again"
            raise CorruptDataError(f"{path} is damaged", str(error), fix) from error
        raise


def _open(path: str) -> IO[bytes]:
    if path == "-":
        if sys.stdin is None:
            raise GptprepError("cannot read standard input", "it is closed", "give a file, or pipe text in")
        return open(sys.stdin.fileno(), "rb", closefd=False)
    if path.lower().endswith(".gz"):
        import gzip

        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.lower().endswith(".zst"):
        return cast("IO[bytes]", _zstd(path).open(path, "rb"))
    return open(path, "rb", buffering=0)


def _zstd(path: str) -> Any:
    """Python's own module (3.14) or its backport; unlike other packages they notice a truncated file."""
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        what, fix = f"cannot read {path}", "pip install backports.zstd"
        raise MissingDependencyError(what, f"{name} is not installed", fix) from error
