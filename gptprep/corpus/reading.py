"""Opening sources and reading them in blocks, decompressed."""

from __future__ import annotations

import importlib
import sys
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from gptprep.corpus.sources import Source
from gptprep.errors import DamagedData, GptprepError, MissingExtra, os_errors

MAX_BLOCK = 1 << 20
"""Bytes read at a time."""


class Readable(Protocol):
    """A file that is open for reading bytes."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""

    def seek(self, offset: int, /) -> int:
        """Go to a byte."""


def read_blocks(source: Source) -> Iterator[bytes]:
    """The bytes of a source, decompressed, in blocks of at most `MAX_BLOCK`.

    Raises:
        GptprepError: it cannot be opened or read.
        DamagedData: its compressed data are damaged or cut short.
        MissingExtra: it is compressed with zstd and no decompressor is installed.
    """
    if source.data is not None:
        yield source.data
        return
    with os_errors("read", source.path), _open(source.path) as file:
        if source.begin:
            file.seek(source.begin)
        left = sys.maxsize if source.end is None else source.end - source.begin
        while left and (block := _read(file, source.path, min(left, MAX_BLOCK))):
            left -= len(block)
            yield block
        if left and source.end is not None:
            raise GptprepError(
                f"{source.path} became shorter while it was read", fix="run the same command again"
            )


def _read(file: Readable, path: str, size: int) -> bytes:
    try:
        return file.read(size)
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if isinstance(error, (EOFError, OSError, zlib.error)) or type(error).__name__ == "ZstdError":
            raise DamagedData(f"{path} is damaged", str(error), "fetch or compress it again") from error
        raise


def _open(path: str) -> AbstractContextManager[Readable]:
    if path == "-":
        if sys.stdin is None:
            raise GptprepError("cannot read standard input", "it is closed", "give a file, or pipe text in")
        return open(sys.stdin.fileno(), "rb", closefd=False)
    if path.lower().endswith(".gz"):
        import gzip

        return gzip.open(path, "rb")
    if path.lower().endswith(".zst"):
        return _zstd(path).open(path, "rb")  # type: ignore[no-any-return]
    return open(path, "rb", buffering=0)


def _zstd(path: str) -> Any:
    """Python's own module (3.14) or its backport; unlike others they notice a file that is cut short."""
    try:
        return importlib.import_module(
            "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
        )
    except ImportError as error:
        raise MissingExtra(
            f"cannot read {path}", "backports.zstd is not installed", "pip install 'gptprep[zstd]'"
        ) from error
