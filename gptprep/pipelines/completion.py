"""What the shell can offer as values: names of tokenizers, and the splits of a folder. Nothing is loaded."""

import os
from contextlib import suppress

from gptprep.errors import GptprepError
from gptprep.storage.sealed import MANIFEST, SHARDS_FORMAT, SHARDS_VERSIONS, read_manifest_json
from gptprep.tokenizers.names import OFFERED_ENCODINGS as ENCODING_NAMES
from gptprep.tokenizers.names import OFFERED_MODELS as MODEL_NAMES
from gptprep.units import MIB

__all__ = ["ENCODING_NAMES", "MODEL_NAMES", "TOKENIZER_ENDINGS", "split_names"]

TOKENIZER_ENDINGS = (".json", ".tiktoken")
_MAX_MANIFEST = 16 * MIB
"""Bytes that are read and hashed in less than 0.1 s."""


def split_names(folder: str) -> list[str]:
    """The splits of a folder of shards; nothing if it is none, is damaged, or has a very large manifest."""
    with suppress(GptprepError, OSError):
        if os.path.getsize(os.path.join(folder, MANIFEST)) <= _MAX_MANIFEST:
            splits = read_manifest_json(folder, SHARDS_FORMAT, SHARDS_VERSIONS).value.get("splits")
            return list(splits) if isinstance(splits, dict) else []
    return []
