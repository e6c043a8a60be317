"""About how much a corpus will give, from a sample of it: for the plan that is shown before the work."""

from __future__ import annotations

from collections.abc import Sequence

from gptprep.corpus import Source, TextOptions, read_blocks
from gptprep.errors import TextError
from gptprep.pipelines.encoding import total_bytes
from gptprep.tokenizers import Tokenizer
from gptprep.tokenstore import IdsFile, id_dtype

_SAMPLE = 1 << 16
"""Bytes of each sampled source that are encoded."""
_SAMPLED_SOURCES = 8


def estimate_ids(sources: Sequence[Source], tokenizer: Tokenizer, text: TextOptions) -> int | None:
    """About how many ids the sources hold, by the first bytes of some; None where a size is not known."""
    if total_bytes(sources) is None:
        return None
    n_ids = len(sources) - 1
    for source in sources:
        if source.kind == "ids":
            with IdsFile(source.path, id_dtype(tokenizer.n_vocab)) as file:
                n_ids += len(file)
    texts = [source for source in sources if source.kind != "ids"]
    n_bytes = n_sampled = 0
    for source in texts[:: -(-len(texts) // _SAMPLED_SOURCES) or 1]:
        sample = next(read_blocks(source), b"")[:_SAMPLE]
        try:
            n_sampled += len(tokenizer.encode_array(sample.decode(text.encoding, "replace").encode()))
            n_bytes += len(sample)
        except (TextError, UnicodeError):  # the run itself will say where
            continue
    return n_ids + sum(source.size or 0 for source in texts) * n_sampled // max(1, n_bytes)
