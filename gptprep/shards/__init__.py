"""Shard folders: what makes a folder a dataset, writing it, and reading it with nothing taken on trust."""

from gptprep.shards.cutting import SplitWindows, WindowTable
from gptprep.shards.manifest import (
    DTYPES,
    LENGTHS_DTYPE,
    STARTS_DTYPE,
    ArrayFile,
    Boundary,
    Layout,
    Manifest,
    Shard,
    SourceRecord,
    Split,
    SplitBy,
    TokenizerRecord,
    is_shard_folder,
    read_manifest,
)
from gptprep.shards.reading import ShardFolder, Windows, open_shards
from gptprep.shards.writing import (
    ArrayWriter,
    ShardTask,
    TableTask,
    TokensTask,
    rows_per_shard,
    shard_tasks,
    write_shard,
)

__all__ = [
    "DTYPES",
    "LENGTHS_DTYPE",
    "STARTS_DTYPE",
    "ArrayFile",
    "ArrayWriter",
    "Boundary",
    "Layout",
    "Manifest",
    "Shard",
    "ShardFolder",
    "ShardTask",
    "SourceRecord",
    "Split",
    "SplitBy",
    "SplitWindows",
    "TableTask",
    "TokenizerRecord",
    "TokensTask",
    "WindowTable",
    "Windows",
    "is_shard_folder",
    "open_shards",
    "read_manifest",
    "rows_per_shard",
    "shard_tasks",
    "write_shard",
]
