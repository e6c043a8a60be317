"""The values that options, manifests and reports share. Nothing is imported, so that `--help` stays fast."""

from typing import Literal

SourceKind = Literal["text", "jsonl", "parquet", "ids"]
"""What a source holds."""

ErrorPolicy = Literal["strict", "replace", "skip"]
"""What invalid text becomes: an error, U+FFFD for each bad sequence, or nothing (its document is skipped)."""

SpecialPolicy = Literal["allow", "text", "error"]
"""What a literal special token in a text becomes: its id, ordinary characters, or an error."""

Engine = Literal["auto", "tiktoken", "gigatoken"]
"""What encodes BPE: gigatoken where it is known to be exact, or the one that is named."""

IdFormat = Literal["ids", "tokens", "json", "jsonl", "npy", "bin"]
"""What `encode` writes: ids as text, visible tokens, JSON, JSON Lines, or numbers."""

VocabKind = Literal["word", "char", "bpe"]
IdDtype = Literal["auto", "uint16", "uint32", "int32", "int64"]
ID_ENDINGS = (".npy", ".bin")
"""The endings of files of ids, in upper or lower case."""
RawDtype = Literal["uint16", "uint32", "int32", "int64"]
"""What a file of raw numbers holds."""
Layout = Literal["pairs", "tokens"]
"""How ids lie in a shard: inputs and targets, or each id once."""

Boundary = Literal["stream", "document"]
"""What ends a window: the end of the stream only, or its document."""

ValBy = Literal["tail", "document"]
"""What a `--val-fraction` is of: the tail of the stream, or whole documents."""

SplitBy = Literal[ValBy, "inputs"]
"""What goes to val: the tail of the stream, whole documents, or the inputs that are named for it."""

Position = Literal["learned", "sinusoidal", "none"]
Init = Literal["normal", "gpt2"]
FloatDtype = Literal["float32", "float16"]

DEFAULT_CONTEXT_LENGTH = 1024
DEFAULT_SHARD_BYTES = 256_000_000


def is_id_name(path: str) -> bool:
    """Whether the name of a file says that it holds ids."""
    return path.lower().endswith(ID_ENDINGS)


def is_provenance_name(path: str) -> bool:
    """Whether the name of a file says that it is what `encode` writes beside a file of ids: `x.bin.json`."""
    stem = path.lower().removesuffix(".json")
    return stem != path.lower() and is_id_name(stem)


# Why entries of folders are passed over

HIDDEN, HIDDEN_FOLDER, LINK_TO_FOLDER = "hidden", "hidden folder", "link to a folder"
NOT_REGULAR, WITHOUT_ENDING = "not a regular file", "without an ending"
_PLURALS = {
    HIDDEN_FOLDER: "hidden folders",
    LINK_TO_FOLDER: "links to folders",
    NOT_REGULAR: "not regular files",
}


def counted(passed_over: dict[str, int], most: int) -> str:
    """Entries by reason, for a message: `3 .py, 2 links to folders`; no more than `most` reasons."""
    shown = [
        f"{count:,} {_PLURALS.get(reason, reason) if count > 1 else reason}"
        for reason, count in passed_over.items()
    ]
    if len(shown) > most:
        shown[most:] = [f"{sum(list(passed_over.values())[most:]):,} others"]
    return ", ".join(shown)


def can_be_included(reason: str) -> bool:
    """Whether `--include` may choose what is passed over for this reason."""
    return reason.startswith(".") or reason == WITHOUT_ENDING
