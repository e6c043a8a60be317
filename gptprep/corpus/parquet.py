"""Documents from a text column of a Parquet file."""

import importlib
import shlex
from collections.abc import Iterator
from typing import Any

from gptprep.corpus.blocks import BLOCK_BYTES, OnRead, not_watched, open_source
from gptprep.corpus.rows import Rows, read_rows_file
from gptprep.corpus.sources import Source
from gptprep.errors import CorruptDataError, MissingDependencyError, os_errors

_ROWS = 64
"""Rows decoded at a time."""


def read_rows(source: Source, field: str, on_read: OnRead = not_watched) -> Iterator[Rows]:
    """The rows of one column, some at a time.

    Args:
        on_read: called with the bytes of the file that some rows stand for, all taken to be of equal size.

    Raises:
        GptprepError: the file cannot be opened or read.
        CorruptDataError: it is not a Parquet file, or has no such text column.
        MissingDependencyError: pyarrow is not installed.
    """
    if source.spool:
        on_read(source.size or 0)
        n_rows = (source.stop or 0) - source.start
        with os_errors("read", source.label):
            yield from read_rows_file(source.spool, source.start + 1, n_rows, _ROWS)
        return
    arrow, parquet = _pyarrow("pyarrow", source), _pyarrow("pyarrow.parquet", source)
    with os_errors("read", source.path), open_source(source) as file:
        number, read = 1, 0
        try:
            table = parquet.ParquetFile(file, pre_buffer=False, buffer_size=BLOCK_BYTES)
            n_rows, size = table.metadata.num_rows, source.size or 0
            for texts in _batches(table, arrow, source, field):
                n_read = min(number - 1 + len(texts), n_rows)  # the number in the file may be wrong
                share = size * n_read // max(1, n_rows)
                on_read(share - read)
                read = share
                yield Rows(number, texts)
                number += len(texts)
            on_read(size - read)
        except (arrow.lib.ArrowException, UnicodeError, KeyError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            why = str(error).partition("\n")[0]
            raise CorruptDataError(f"{source.label} is not a complete Parquet file", why) from error


def _batches(table: Any, arrow: Any, source: Source, field: str) -> Iterator[list[bytes | None]]:
    schema = table.schema_arrow
    names = list(schema.names)
    if names.count(field) != 1 or not _is_text(schema.types[names.index(field)], arrow):
        columns = [f"{name} ({kind})" for name, kind in zip(names, schema.types, strict=True)]
        what, why = f"{source.label} has no text column {field!r}", f"it has {', '.join(columns[:8])}"
        raise CorruptDataError(what, why, _name_a_column(names, schema.types, arrow))
    # One column gains nothing from threads, and without pre_buffer pyarrow starts none.
    for batch in table.iter_batches(batch_size=_ROWS, columns=[field], use_threads=False):
        column = batch.column(batch.schema.names.index(field))  # a dotted name may select more columns
        if arrow.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        column = getattr(column, "storage", column)  # of an extension type
        yield column.cast(arrow.large_binary()).to_pylist()


def _name_a_column(names: list[str], types: list[Any], arrow: Any) -> str:
    """The fix for a file without the column: one that it has."""
    columns = (
        name
        for name, kind in zip(names, types, strict=True)
        if names.count(name) == 1 and _is_text(kind, arrow)
    )
    if (column := next(columns, None)) is None:
        return "add a column of text to the table"
    return f"give --text-field {shlex.quote(column)}"


def _is_text(kind: Any, arrow: Any) -> bool:
    """Whether values of a type are text. Extension types, such as JSON, are judged by what they store."""
    kind = kind.value_type if arrow.types.is_dictionary(kind) else kind
    kind = getattr(kind, "storage_type", kind)
    return str(kind) in ("string", "large_string", "string_view", "binary", "large_binary")


def _pyarrow(name: str, source: Source) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        what, fix = f"cannot read {source.label}", "pip install pyarrow"
        raise MissingDependencyError(what, "pyarrow is not installed", fix) from error
