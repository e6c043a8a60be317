"""Copies of inputs that can be read only once, for work that reads its text several times."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from gptprep.corpus.blocks import BLOCK_BYTES, read_blocks
from gptprep.corpus.selection import one_source
from gptprep.corpus.sources import Source
from gptprep.progress import Progress, no_progress
from gptprep.storage.temporary import temporary_errors, temporary_folder


@contextmanager
def readable_again(
    sources: Iterable[Source], purpose: str, progress: Progress = no_progress, alternative: str = ""
) -> Iterator[list[Source]]:
    """The sources, with pipes kept in memory if they are short, and otherwise copied to temporary files.

    The files are removed at the end of the block.

    Args:
        purpose: what reads them several times, for the error.
        alternative: what needs no copy, for the error.

    Raises:
        GptprepError: a pipe cannot be read, or there is no room for its copy.
        CorruptDataError: its compressed data are damaged.
    """
    with ExitStack() as stack:
        yield [
            stack.enter_context(_copy(source, purpose, alternative, progress)) if _is_once(source) else source
            for source in sources
        ]


def _is_once(source: Source) -> bool:
    return source.stamp is None and source.data is None


@contextmanager
def _copy(source: Source, purpose: str, alternative: str, progress: Progress) -> Iterator[Source]:
    blocks, start = read_blocks(source), b""
    for block in blocks:
        start += block
        if len(start) >= BLOCK_BYTES:
            break
    if len(start) < BLOCK_BYTES and source.kind != "parquet":
        yield Source(source.name, "", source.kind, len(start), start, copy_of=source.label)
        return
    folder = temporary_folder(purpose, alternative)
    with ExitStack() as stack:
        with temporary_errors(folder, alternative):
            file = stack.enter_context(tempfile.NamedTemporaryFile(dir=folder))
            done = file.write(start)
        for block in blocks:
            with temporary_errors(folder, alternative):
                done += file.write(block)
            progress("copying", done, None, "bytes")
        with temporary_errors(folder, alternative):
            file.flush()
        copied = one_source(os.path.realpath(file.name))
        yield copied._replace(name=source.name, kind=source.kind, copy_of=source.label)
