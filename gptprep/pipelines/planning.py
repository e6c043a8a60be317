"""`window`, before the work: its options, what can be checked at once, and about how much it will write."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gptprep import windows
from gptprep.corpus import Source, SourceKind, TextOptions, find_sources
from gptprep.errors import GptprepError, WrongUsage
from gptprep.executors.local import chosen_workers
from gptprep.files import require_free_space
from gptprep.pipelines.encoding import total_bytes
from gptprep.pipelines.estimating import estimate_ids
from gptprep.pipelines.parts import kept_bytes
from gptprep.pipelines.splits import Cutting
from gptprep.pipelines.tokenizing import shared_tokenizer
from gptprep.publishing import check_folder_output
from gptprep.shards import DTYPES, Boundary, Layout, SplitBy, is_shard_folder, rows_per_shard
from gptprep.tokenizers import Engine, SpecialPolicy, Tokenizer
from gptprep.tokenstore import id_dtype

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class WindowOptions:
    """What to window and how. `stride` is the context length where it is None; `shard_size` is in bytes."""

    inputs: tuple[str, ...]
    output: str
    context_length: int = 1024
    stride: int | None = None
    val_fraction: str = "0"
    split_by: SplitBy = "tail"
    boundary: Boundary = "stream"
    shuffle: bool = False
    seed: int = 0
    layout: Layout = "pairs"
    dtype: str = "auto"
    shard_size: int = 256_000_000
    tokenizer: str = "gpt2"
    special: SpecialPolicy = "allow"
    engine: Engine = "auto"
    cross_check: bool = True
    workers: int | None = None
    text: TextOptions = field(default_factory=TextOptions)
    stdin: SourceKind = "text"
    force: bool = False

    def step(self) -> int:
        """The stride, chosen or by default."""
        return self.context_length if self.stride is None else self.stride

    def row_length(self) -> int:
        """Ids in a row of a file."""
        return self.context_length if self.layout == "pairs" else 1

    def fraction(self) -> Fraction:
        """The share of the stream that goes to val, exactly as written.

        Raises:
            WrongUsage: it is not a number of at least 0 and below 1.
        """
        decimal = re.fullmatch(r"[0-9]{0,9}\.?[0-9]{0,30}", self.val_fraction.strip())
        value = Fraction(decimal[0]) if decimal and decimal[0].strip(".") else Fraction(-1)
        if not 0 <= value < 1:
            raise WrongUsage(
                f"the val fraction is {self.val_fraction}",
                fix="give a number of at least 0 and below 1, such as 0.1",
            )
        return value

    def cutting(self) -> Cutting:
        """How the stream becomes windows; raises as `fraction`."""
        return Cutting(
            self.context_length,
            self.step(),
            self.fraction(),
            self.split_by,
            self.boundary,
            self.shuffle,
            self.seed,
            self.layout,
        )


@dataclass(frozen=True)
class WindowPlan:
    """What a run will read and, from a sample, about what it will write.

    None: only reading tells, as for the windows of documents.
    """

    options: WindowOptions
    sources: tuple[Source, ...]
    tokenizer: Tokenizer
    dtype: np.dtype[Any]
    workers: int
    bytes: int | None
    estimated_ids: int | None
    estimated_windows: int | None
    estimated_bytes: int | None
    """Of all shards; while it works, the ids lie beside them, with `--shuffle` and `--split-by` twice."""

    def to_json(self) -> dict[str, Any]:
        """The plan for machines."""
        return {
            "output": self.options.output,
            "tokenizer": self.tokenizer.name,
            "context_length": self.options.context_length,
            "stride": self.options.step(),
            "boundary": self.options.boundary,
            "layout": self.options.layout,
            "dtype": self.dtype.name,
            "sources": [{"path": source.name, "bytes": source.size} for source in self.sources],
            "bytes": self.bytes,
            "estimated_ids": self.estimated_ids,
            "estimated_windows": self.estimated_windows,
            "estimated_bytes": self.estimated_bytes,
        }


def plan_window(options: WindowOptions) -> WindowPlan:
    """Check all that can be checked before the work, and estimate its size.

    Raises:
        WrongUsage: an option makes no windows.
        GptprepError: an input or the output cannot be used, or the disk is too small.
    """
    windows.check(options.context_length, options.step())
    options.fraction()
    if not 0 <= options.seed < 1 << 64:
        raise WrongUsage(f"--seed is {options.seed}", fix="give a number of at least 0 and below 2**64")
    sources = find_sources(options.inputs, ids=True, stdin=options.stdin)
    paths = (source.path for source in sources)
    check_folder_output(options.output, force=options.force, is_ours=is_shard_folder, inputs=paths)
    if not sources:
        raise WrongUsage("there is nothing to window", fix="name a file or a folder")
    tokenizer = shared_tokenizer(options.tokenizer, options.special, options.engine)
    if options.boundary == "document" and tokenizer.eot is None:
        raise GptprepError(
            f"the tokenizer {tokenizer.name} has no end-of-text token",
            "with --boundary document it ends documents and fills up short windows",
            "build the vocabulary with <|endoftext|> (the default)",
        )
    dtype = _dtype(options, tokenizer)
    rows_per_shard(options.shard_size, options.row_length(), dtype)
    workers = chosen_workers(options.workers)
    n_ids = estimate_ids(sources, tokenizer, options.text)
    n_windows, size = _estimate(options, n_ids, dtype)
    if n_ids is not None and all(source.kind in ("text", "ids") for source in sources):
        part_bytes = n_ids * id_dtype(tokenizer.n_vocab).itemsize
        part_bytes -= min(part_bytes, kept_bytes(options.output))
        require_free_space(options.output, (size or 0) + part_bytes)
    return WindowPlan(
        options, tuple(sources), tokenizer, dtype, workers, total_bytes(sources), n_ids, n_windows, size
    )


def _dtype(options: WindowOptions, tokenizer: Tokenizer) -> np.dtype[Any]:
    import numpy as np

    if options.dtype == "auto":
        return id_dtype(tokenizer.n_vocab)
    if options.dtype not in DTYPES:
        raise WrongUsage(f"--dtype is {options.dtype!r}", fix=f"give auto, {', '.join(DTYPES)}")
    dtype = np.dtype(options.dtype).newbyteorder("<")
    if np.iinfo(dtype).max < tokenizer.n_vocab - 1:
        raise WrongUsage(
            f"{options.dtype} does not hold the ids of {tokenizer.name}",
            f"they go up to {tokenizer.n_vocab - 1:,}",
            "leave out --dtype, or give uint32, int32 or int64",
        )
    return dtype


def _estimate(
    options: WindowOptions, n_ids: int | None, dtype: np.dtype[Any]
) -> tuple[int | None, int | None]:
    """About how many windows some ids give, and how many bytes; None where only reading tells."""
    if n_ids is None:
        return None, None
    n_val = math.floor(n_ids * options.fraction())
    n_windows = sum(windows.count(n, options.context_length, options.step()) for n in (n_ids - n_val, n_val))
    if options.layout == "tokens":
        return n_windows if options.boundary == "stream" else None, n_ids * dtype.itemsize
    if options.boundary == "document":
        return None, None
    return n_windows, 2 * n_windows * options.context_length * dtype.itemsize
