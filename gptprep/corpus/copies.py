"""Copies of inputs that can be read only once, for work that reads its text several times."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from gptprep.corpus.blocks import read_blocks
from gptprep.corpus.sources import Source, one_source
from gptprep.progress import Progress, no_progress
from gptprep.storage.temporary import temporary_errors, temporary_folder


@contextmanager
def readable_again(
    sources: Iterable[Source], purpose: str, progress: Progress = no_progress
) -> Iterator[list[Source]]:
    """The sources, with pipes copied to temporary files, which are removed at the end of the block.

    Args:
        purpose: what reads them several times, for the error.

    Raises:
        GptprepError: a pipe cannot be read, or there is no room for its copy.
        CorruptDataError: its compressed data are damaged.
    """
    with ExitStack() as stack:
        yield [
            stack.enter_context(_copy(source, purpose, progress)) if _is_once(source) else source
            for source in sources
        ]


def _is_once(source: Source) -> bool:
    return source.stamp is None and source.data is None


@contextmanager
def _copy(source: Source, purpose: str, progress: Progress) -> Iterator[Source]:
    folder = temporary_folder(purpose)
    with ExitStack() as stack:
        with temporary_errors(folder):
            file = stack.enter_context(tempfile.NamedTemporaryFile(dir=folder))
        for block in read_blocks(source):
            with temporary_errors(folder):
                file.write(block)
                done = file.tell()
            progress("copying", done, None, "bytes")
        with temporary_errors(folder):
            file.flush()
        copied = one_source(os.path.realpath(file.name))
        yield copied._replace(name=source.name, kind=source.kind, copy_of=source.label)
