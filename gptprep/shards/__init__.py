"""Shard folders: what makes a folder a dataset, writing it, and reading it with nothing taken on trust."""

from gptprep.shards.manifest import (
    ArrayFile,
    Manifest,
    Shard,
    SourceRecord,
    Split,
    TokenizerRecord,
    is_shard_folder,
    read_manifest,
)
from gptprep.shards.reading import ShardFolder, open_shards
from gptprep.shards.writing import ArrayWriter, rows_per_shard, write_split

__all__ = [
    "ArrayFile",
    "ArrayWriter",
    "Manifest",
    "Shard",
    "ShardFolder",
    "SourceRecord",
    "Split",
    "TokenizerRecord",
    "is_shard_folder",
    "open_shards",
    "read_manifest",
    "rows_per_shard",
    "write_split",
]
