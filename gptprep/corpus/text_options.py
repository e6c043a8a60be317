"""How text is read: encoding, invalid text, and what is between documents."""

import codecs
from dataclasses import dataclass

from gptprep.choices import ErrorPolicy
from gptprep.corpus.sources import Source
from gptprep.errors import UsageError


@dataclass(frozen=True)
class TextOptions:
    """How sources are read.

    Raises:
        UsageError: the encoding is unknown, or the separator is empty.
    """

    encoding: str = "utf-8"
    errors: ErrorPolicy = "strict"
    text_field: str = "text"
    separator: str | None = None

    @property
    def keeps_offsets(self) -> bool:
        """Whether byte offsets in the text are byte offsets in the file."""
        return self.is_utf8 and self.errors != "replace"

    @property
    def is_utf8(self) -> bool:
        """Whether text is read as UTF-8."""
        return codecs.lookup(self.encoding).name == "utf-8"

    def __post_init__(self) -> None:
        try:
            is_text = codecs.lookup(self.encoding)._is_text_encoding
        except (LookupError, UnicodeError):
            is_text = False
        if not is_text:
            raise UsageError(f"{self.encoding!r} is not a text encoding", fix="try utf-8, latin-1 or utf-16")
        if self.separator == "":
            raise UsageError("the separator is empty", fix="give the text that stands between documents")


def separator_of(source: Source, options: TextOptions) -> bytes | None:
    """What is between the documents of a source; None if it is one document, or a table."""
    if source.kind == "parquet":
        return None
    separator = "\n" if source.kind == "jsonl" else options.separator
    return separator.encode("utf-8", "surrogateescape") if separator else None


def overlaps_itself(separator: bytes) -> bool:
    """Whether a separator, such as "aa", is found at other places from the middle of a run of it."""
    return any(separator.startswith(separator[index:]) for index in range(1, len(separator)))
