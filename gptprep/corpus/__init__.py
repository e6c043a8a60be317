"""From inputs to documents: which files, in what order, how they are read, and where they may be cut.

    inputs ──> sources ──> blocks ──> segments ──> pieces
    (paths)    (files)     (bytes)    (documents)  (what a tokenizer encodes in one go)

Bytes are never changed on the way, unless another encoding or `errors="replace"` asks for it.
"""

from gptprep.corpus.pieces import Piece, place, read_pieces
from gptprep.corpus.reading import MAX_BLOCK, read_blocks
from gptprep.corpus.sources import Kind as SourceKind
from gptprep.corpus.sources import Source, check_unchanged, find_sources, one_source, text_source
from gptprep.corpus.stretches import exact_stretch, plan_stretches, with_first_line
from gptprep.corpus.text import Errors, Tally, TextOptions

__all__ = [
    "MAX_BLOCK",
    "Errors",
    "Piece",
    "Source",
    "SourceKind",
    "Tally",
    "TextOptions",
    "check_unchanged",
    "exact_stretch",
    "find_sources",
    "one_source",
    "place",
    "plan_stretches",
    "read_blocks",
    "read_pieces",
    "text_source",
    "with_first_line",
]
