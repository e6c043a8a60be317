"""Shard folders: what makes a folder a dataset, writing it, and reading it with nothing taken on trust."""

from gptprep.shards.chain import first_break
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
    array_file,
    is_shard_folder,
    read_manifest,
)
from gptprep.shards.reading import ShardFolder, Windows, open_shards
from gptprep.shards.verifying import HashedFile, Problem, ShardVerifier, Verified, check_totals
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
    "HashedFile",
    "Layout",
    "Manifest",
    "Problem",
    "Shard",
    "ShardFolder",
    "ShardTask",
    "ShardVerifier",
    "SourceRecord",
    "Split",
    "SplitBy",
    "SplitWindows",
    "TableTask",
    "TokenizerRecord",
    "TokensTask",
    "Verified",
    "WindowTable",
    "Windows",
    "array_file",
    "check_totals",
    "first_break",
    "is_shard_folder",
    "open_shards",
    "read_manifest",
    "rows_per_shard",
    "shard_tasks",
    "write_shard",
]
