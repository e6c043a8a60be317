"""The files that `embed` reads, and whether they are still the same when the work is done."""

import os
from collections.abc import Iterable

from gptprep.corpus.selection import one_source
from gptprep.corpus.sources import Source, changed_error, check_unchanged
from gptprep.shards.folder import ShardFolder
from gptprep.storage.files import is_file, sha256_file
from gptprep.storage.sealed import MANIFEST

_WHY = "all embeddings must be of one version of the shards and of the weights"


def stamped(folder: ShardFolder, splits: Iterable[str], weights: str | None) -> tuple[Source, ...]:
    """The arrays of some splits and the file of weights, with their stamps; what is missing is left out.

    Take the stamps before anything is read of the files, so that no change is missed.
    """
    paths = [*(path for split in splits for path in folder.array_paths(split)), *filter(None, [weights])]
    return tuple(one_source(path, ids=True) for path in paths if is_file(path))


def check_inputs(folder: ShardFolder, inputs: Iterable[Source]) -> None:
    """Check that the manifest has the bytes that were read, and that the other files are the same.

    Raises:
        GptprepError: a file changed or vanished.
    """
    path = os.path.join(folder.path, MANIFEST)
    if not is_file(path):
        raise changed_error(path, "vanished", _WHY)
    if sha256_file(path) != folder.manifest_sha256:
        raise changed_error(path, "changed", _WHY)
    for source in inputs:
        check_unchanged(source, _WHY)
