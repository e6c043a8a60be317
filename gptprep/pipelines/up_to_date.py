"""`--if-changed`: whether an output was made from the same inputs, options and tokenizer.

A run with `--if-changed` reads its inputs once before the work, for a sha256 of all that the output follows
from. The output keeps it; a later run that gets the same one has nothing to do.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from gptprep.corpus.blocks import open_source
from gptprep.corpus.sources import Source, check_unchanged
from gptprep.errors import GptprepError, UsageError, os_errors
from gptprep.parallel import threads
from gptprep.parallel.workers import usable_cores
from gptprep.progress import Progress, SharedProgress
from gptprep.storage.json_files import json_bytes
from gptprep.units import MIB

_VERSION = 1
"""Goes into the sha256: a new number where the same inputs and options give other bytes."""


def compare(
    sources: Sequence[Source],
    settings: Sequence[Any],
    stored: Callable[[], str | None],
    progress: Progress,
) -> tuple[str, bool]:
    """The sha256 of what an output follows from, and whether the output was made from the same.

    Args:
        settings: options and fingerprints, as JSON takes them.
        stored: opens the output, which checks that it is complete, and gives the sha256 that it keeps.

    Raises:
        UsageError: a source is a pipe, which can be read only once.
        GptprepError: a source cannot be read, or has changed.
    """
    wanted = made_from(sources, settings, progress)
    with suppress(GptprepError, OSError):
        return wanted, stored() == wanted
    return wanted, False


def made_from(sources: Sequence[Source], settings: Sequence[Any], progress: Progress) -> str:
    """A sha256 of the names, kinds, sizes and bytes of some sources, and of settings; raises as `compare`."""
    for source in sources:
        if source.stamp is None and source.data is None:
            why = f"it reads its inputs twice, and {source.label} can be read only once"
            raise UsageError("--if-changed cannot be used", why, "name a file, or leave out --if-changed")
    read = SharedProgress(progress, "comparing", sum(source.size or 0 for source in sources), "bytes")

    def digest(source: Source, check_stopped: Callable[[], None]) -> str:
        if source.data is not None:
            return hashlib.sha256(source.data).hexdigest()
        sha256 = hashlib.sha256()
        with os_errors("read", source.path), open_source(source) as file:
            while block := file.read(MIB):
                check_stopped()
                sha256.update(block)
                read.add(len(block))
        check_unchanged(source)
        return sha256.hexdigest()

    digests = threads.run(digest, sources, usable_cores())
    inputs = [
        [source.name, source.kind, source.ids_dtype, source.size, found]
        for source, found in zip(sources, digests, strict=True)
    ]
    return hashlib.sha256(json_bytes([_VERSION, inputs, list(settings)])).hexdigest()
