"""Whether an output is what a process of a job array would make: another process has made it then."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from gptprep.corpus.sources import Source
from gptprep.errors import GptprepError, UsageError
from gptprep.pipelines.window.options import WindowOptions, manifest_settings
from gptprep.shards.folder import open_shards
from gptprep.shards.manifest import Manifest, SourceRecord
from gptprep.storage.files import is_file
from gptprep.storage.sealed import MANIFEST
from gptprep.tokenizers import Tokenizer


def is_finished(output: str, is_complete: Callable[[], bool], check_output: Callable[[], None]) -> bool:
    """Whether other processes of a job array have made the output.

    Raises:
        GptprepError: there is another output, or none may be written.
    """
    if is_complete():
        return True
    try:
        check_output()
    except GptprepError as error:
        if is_complete():  # another process has just given it its name
            return True
        if isinstance(error, UsageError) or not is_file(os.path.join(output, MANIFEST)):
            raise
        why = "it was made from other inputs or options, or before they changed"
        raise GptprepError(f"{output} already exists", why, "remove it, or name another output") from error
    return False


def is_complete(
    options: WindowOptions,
    sources: Sequence[Source],
    train_sources: int,
    dtype: np.dtype[Any],
    tokenizer: Tokenizer,
) -> bool:
    """Whether the output is a complete folder of these options and inputs, and newer than all of them.

    It is for processes that start when another one has finished their common work. The bytes of the inputs
    are not compared, as `--if-changed` does, because each process would read all of them; but the names, the
    sizes of those that are plain text, and which of them are for val.
    """
    with suppress(GptprepError, OSError):
        folder = open_shards(options.output)
        folder.check_sizes()
        found, settings = folder.manifest, manifest_settings(options, dtype, tokenizer)
        is_same = all(getattr(found, name) == value for name, value in settings.items())
        has_same = len(found.sources) == len(sources) and all(
            _is_source(record, source, number >= train_sources)
            for number, (record, source) in enumerate(zip(found.sources, sources, strict=True))
        )
        sizes = [os.path.getsize(os.path.join(options.output, name)) for name in _shard_files(found)]
        has_same &= max(sizes, default=0) <= options.shard_size
        written = os.stat(os.path.join(options.output, MANIFEST)).st_mtime
        return is_same and has_same and all(source.changed < written for source in sources)
    return False


def _is_source(record: SourceRecord, source: Source, is_val: bool) -> bool:
    """Whether a manifest may be about a source."""
    is_plain = source.kind in ("text", "jsonl") and not source.is_compressed
    has_size = not is_plain or record.bytes == source.size
    return record.path == source.name and has_size and (not is_val or "train" not in record.splits)


def _shard_files(manifest: Manifest) -> Iterator[str]:
    shards = (shard for split in manifest.splits.values() for shard in split.shards)
    return (array.file for shard in shards for array in shard.files.values())
