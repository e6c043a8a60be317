"""The options of `window`, and what the bytes of its output follow from."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gptprep.choices import DEFAULT_SHARD_BYTES, IdDtype, RawDtype, SourceKind
from gptprep.corpus.selection import FileFilter
from gptprep.shards.manifest import VERSIONS, TokenizerRecord
from gptprep.tokenizers import Tokenizer
from gptprep.tokens.spec import EncodingSpec
from gptprep.windows.spec import WindowSpec


@dataclass(frozen=True)
class WindowOptions:
    """What to window and how."""

    inputs: tuple[str, ...]
    output: str
    windows: WindowSpec = field(default_factory=WindowSpec)
    encoding: EncodingSpec = field(default_factory=EncodingSpec)
    layout: str = "pairs"
    """A name in `LAYOUTS`."""
    dtype: IdDtype = "auto"
    input_dtype: RawDtype | None = None
    """The dtype of `.bin` inputs that do not say it; None for the usual one of the vocabulary."""
    shard_size: int = DEFAULT_SHARD_BYTES
    """The largest file, in bytes."""
    stdin: SourceKind = "text"
    files: FileFilter = field(default_factory=FileFilter)
    val_inputs: tuple[str, ...] = ()
    """The inputs of the val split; their files are not read for train."""
    workers: int | None = None
    """None for one on each core."""
    force: bool = False
    if_changed: bool = False
    """Whether an output that was made from the same is left as it is, and any other of ours replaced."""
    in_job_array: bool = False
    """Whether an output that another process has made from the same is no error."""


def settings_of(options: WindowOptions, dtype: np.dtype[Any], tokenizer: Tokenizer) -> list[Any]:
    """What the bytes of the shards follow from, beside the sources."""
    spec = replace(options.windows, stride=options.windows.step)
    encoding, record = options.encoding, TokenizerRecord.of(tokenizer)
    of_ids = [record, encoding.special, encoding.text]
    return [VERSIONS[-1], spec, *of_ids, options.layout, dtype.name, options.shard_size]


def manifest_settings(options: WindowOptions, dtype: np.dtype[Any], tokenizer: Tokenizer) -> dict[str, Any]:
    """What the manifest says of the options and the tokenizer, by the names of its fields."""
    spec, encoding = options.windows, options.encoding
    return {
        "tokenizer": TokenizerRecord.of(tokenizer),
        "context_length": spec.context_length,
        "stride": spec.step,
        "boundary": spec.boundary,
        "layout": options.layout,
        "shuffle": spec.shuffle,
        "seed": spec.seed,
        "special": encoding.special,
        "encoding": encoding.text.encoding,
        "errors": encoding.text.errors,
        "text_field": encoding.text.text_field,
        "separator": encoding.text.separator,
        "split_by": spec.split_by,
        "val_fraction": spec.val_fraction.strip(),
        "dtype": dtype.name,
    }
