"""Opening a shard folder: every file is checked against the manifest before its numbers are used."""

import os
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from gptprep.errors import CorruptDataError, GptprepError, UsageError
from gptprep.shards.embeddings_folder import FORMAT as EMBEDDINGS_FORMAT
from gptprep.shards.findings import stored_file_problem
from gptprep.shards.layout import Layout, SplitReader
from gptprep.shards.manifest import FORMAT, VERSIONS, Manifest, named_files, parse_manifest
from gptprep.shards.pairs import PairsLayout
from gptprep.shards.tokens import TokensLayout
from gptprep.storage.sealed import (
    MANIFEST,
    REMOVE,
    manifest_format,
    not_ours,
    read_manifest_json,
    require_manifest,
)

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (PairsLayout(), TokensLayout())}


def not_only_shards(path: str) -> str:
    """Why a folder is not what `window` of any version wrote, and nothing else; empty if it is."""
    return not_ours(path, FORMAT, named_files)


def read_manifest(folder: str) -> Manifest:
    """Read the untrusted manifest of a shard folder.

    Raises:
        GptprepError: the folder has no manifest.
        CorruptDataError: the manifest is damaged, or names files outside the folder.
    """
    return _read_manifest(folder)[0]


def _read_manifest(folder: str) -> tuple[Manifest, str]:
    """The manifest, and the sha256 of its file; raises as `read_manifest`."""
    path = os.path.join(folder, MANIFEST)
    require_manifest(folder, "a shard folder", "`gptprep window`")
    try:
        value, sha256 = read_manifest_json(folder, FORMAT, VERSIONS)
    except CorruptDataError:
        if manifest_format(folder) == EMBEDDINGS_FORMAT:
            what, why = f"{folder} is not a shard folder", "it holds embeddings, which `gptprep embed` wrote"
            raise GptprepError(what, why, "name the folder that `gptprep window` wrote") from None
        raise
    try:
        manifest = parse_manifest(value)
        if manifest.layout not in LAYOUTS:
            raise ValueError(f"the layout is {manifest.layout!r}")
        for split in manifest.splits.values():
            expected = manifest.strided_windows(split)
            if expected is not None and len(expected) != split.windows:
                raise ValueError(f"{split.ids} ids do not give {split.windows} windows")
            formats = LAYOUTS[manifest.layout].formats(manifest.window_format)
            for series in ("shards", "table"):
                if series in formats:
                    formats[series].check(split.series(series), split)
                elif split.series(series):
                    raise ValueError(f"the layout {manifest.layout} has no {series}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptDataError(f"{path} is damaged", f"{type(error).__name__}: {error}", REMOVE) from error
    return manifest, sha256


class ShardFolder:
    """A folder that `gptprep window` wrote, memory-mapped on demand.

    Attributes:
        path: the folder.
        manifest: what it says of itself.
        manifest_sha256: the sha256 of the file that `manifest` was read from.
        layout: how ids lie in its shards.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.manifest, self.manifest_sha256 = _read_manifest(path)
        self.layout = LAYOUTS[self.manifest.layout]

    def windows(self, split: str = "train") -> SplitReader:
        """The windows of a split, by number.

        Raises:
            UsageError: there is no such split.
            CorruptDataError: a file is missing, or is not what the manifest says.
        """
        self.require_split(split)
        return self.layout.open(self.path, self.manifest, split)

    def arrays(self, split: str = "train") -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """`inputs_NL, targets_NL` of each shard of a split, read-only and memory-mapped.

        In the layout `tokens`, of about a thousand windows at a time. Raises as `windows`.
        """
        return self.windows(split).arrays()

    def array_paths(self, split: str = "train") -> list[str]:
        """The paths of all arrays of a split."""
        self.require_split(split)
        shards = (*self.manifest.splits[split].shards, *self.manifest.splits[split].table)
        return [os.path.join(self.path, array.file) for shard in shards for array in shard.files.values()]

    def check_sizes(self) -> None:
        """Check that every file is there and has the size and header that the manifest says.

        Raises:
            CorruptDataError: one has not.
        """
        for split in self.manifest.splits:
            self.windows(split).check()
        stored = self.manifest.tokenizer_file
        if stored and (problem := stored_file_problem(self.path, stored, lambda _: None, hashed=False)):
            raise CorruptDataError(f"{os.path.join(self.path, stored.file)} is damaged", problem, REMOVE)

    def require_split(self, split: str) -> None:
        """Raise a `UsageError` if there is no such split."""
        if split not in (splits := self.manifest.splits):
            raise UsageError(f"{self.path} has no split {split!r}", fix=f"give {' or '.join(splits)}")


def open_shards(path: str) -> ShardFolder:
    """Open a shard folder.

    Raises:
        GptprepError: it is not one.
        CorruptDataError: its manifest is damaged.
    """
    return ShardFolder(path)
