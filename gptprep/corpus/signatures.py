"""Files that are not text, recognized by their first bytes; each kind has its own fix.

Signatures: https://en.wikipedia.org/wiki/List_of_file_signatures
"""

import codecs
import shlex

from gptprep.corpus.sources import STANDARD_INPUT, Source
from gptprep.errors import GptprepError

_GUNZIP = "add .gz to its name, or decompress it: gunzip -c {path} > TEXT"
_UNZSTD = "add .zst to its name, or decompress it: zstd -dc {path} > TEXT"
_RENAME_NPY = (
    "if it holds ids, rename it so that it ends in .npy, and give it to gptprep window or gptprep decode"
)
_EXTRACT, _REMOVE = "extract its text first", "leave it out, or --exclude it"
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", "a PDF document", "extract its text first: pdftotext {path} TEXT"),
    (b"\x1f\x8b", "compressed with gzip", _GUNZIP),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNZSTD),
    (b"BZh", "compressed with bzip2", "decompress it: bzip2 -dc {path} > TEXT"),
    (b"\xfd7zXZ\0", "compressed with xz", "decompress it: xz -dc {path} > TEXT"),
    (b"PK\3\4", "a ZIP archive (or .docx, .epub, ...)", _EXTRACT),
    (b"\xd0\xcf\x11\xe0", "an old document of Microsoft Office", _EXTRACT),
    (b"PAR1", "a Parquet file", "rename it so that it ends in .parquet"),
    (b"\x93NUMPY", "a NumPy array", _RENAME_NPY),
    (b"SQLite format 3\0", "an SQLite database", _EXTRACT),
    (b"\x89PNG", "a PNG image", _REMOVE),
    (b"\xff\xd8\xff", "a JPEG image", _REMOVE),
    (b"GIF8", "a GIF image", _REMOVE),
    (b"\x7fELF", "a program", _REMOVE),
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def refuse_binary(source: Source, start: bytes, *, is_utf8: bool) -> None:
    """Refuse a source whose first bytes are those of something that is not text, whatever `--errors` says.

    Args:
        start: its first bytes.
        is_utf8: whether it is read as UTF-8.

    Raises:
        GptprepError: it is a file of a known kind, or text in another encoding.
    """
    if not is_utf8:
        return
    for mark, encoding in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            what, why = f"{source.label} is not UTF-8", f"it starts with the byte order mark of {encoding}"
            raise GptprepError(what, why, f"give --encoding {encoding}")
    for signature, kind, fix in _SIGNATURES:
        if start.startswith(signature) and not _may_be_text(start):
            path = "FILE" if source.label == STANDARD_INPUT else shlex.quote(source.label)
            raise GptprepError(f"{source.label} is not text", f"it is {kind}", fix.format(path=path))


def _may_be_text(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return b"\0" not in start and b"\3\4" not in start
