"""Documents from a text column of a Parquet file."""

import importlib
import itertools
import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from gptprep.corpus.blocks import BLOCK_BYTES, OnRead, not_watched, open_source
from gptprep.corpus.rows import Rows, read_rows_file
from gptprep.corpus.sources import Source
from gptprep.errors import CorruptDataError, MissingDependencyError, os_errors

_ROWS = 64
"""Rows decoded at a time."""
_DEEPEST = 8
"""How deep the fields of struct columns are looked for."""
_Column = tuple[tuple[str, ...], Any]
"""The names that lead to a column, and its type."""


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
    with _opened(source) as (table, arrow, size):
        starts = _starts(table, source)
        n_rows, stop = starts[-1], starts[-1] if source.stop is None else source.stop
        is_whole = source.start == 0 and source.stop is None
        groups = [number for number, row in enumerate(starts[:-1]) if is_whole or source.start <= row < stop]
        number, read = source.start + 1, 0
        for texts in _batches(table, arrow, source, field, groups):
            n_read = min(number - 1 + len(texts), stop)  # the number of rows in the file may be wrong
            on_read(max(0, (n_bytes := _bytes(source.start, n_read, n_rows, size)) - read))
            read = n_bytes
            yield Rows(number, texts)
            number += len(texts)
        on_read(max(0, _bytes(source.start, stop, n_rows, size) - read))


def row_ranges(source: Source, n_bytes: int) -> Iterator[Source]:
    """A table in ranges of whole row groups, each of about as many bytes on disk; raises as `read_rows`."""
    with _opened(source) as (table, _, size):
        starts = _starts(table, source)
    start = 0
    for stop in starts[1:]:
        n_read = _bytes(start, stop, starts[-1], size)
        if n_read >= n_bytes or stop == starts[-1]:
            yield source._replace(start=start, stop=stop, size=n_read)
            start = stop


def _bytes(start: int, stop: int, n_rows: int, size: int) -> int:
    """What some rows stand for, of `size` bytes for all rows; all of them if there are none."""
    return size * stop // n_rows - size * start // n_rows if n_rows else size


def _starts(table: Any, source: Source) -> list[int]:
    """The first row of each row group, and the number of all rows.

    Raises:
        CorruptDataError: a row group has less than no rows.
    """
    metadata = table.metadata
    sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    if min(sizes, default=0) < 0:
        why = f"a row group has {min(sizes)} rows"
        raise CorruptDataError(f"{source.label} is not a complete Parquet file", why)
    return list(itertools.accumulate(sizes, initial=0))


@contextmanager
def _opened(source: Source) -> Iterator[tuple[Any, Any, int]]:
    """The table of a file, pyarrow, and the size of the file; raises as `read_rows`."""
    arrow, parquet = _pyarrow("pyarrow", source), _pyarrow("pyarrow.parquet", source)
    with os_errors("read", source.path), open_source(source) as file:
        try:
            size = file.seek(0, os.SEEK_END)
            yield parquet.ParquetFile(file, pre_buffer=False, buffer_size=BLOCK_BYTES), arrow, size
        except (arrow.lib.ArrowException, UnicodeError, KeyError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            why = str(error).partition("\n")[0]
            raise CorruptDataError(f"{source.label} is not a complete Parquet file", why) from error


def _batches(
    table: Any, arrow: Any, source: Source, field: str, groups: list[int]
) -> Iterator[list[bytes | None]]:
    columns = list(_columns(table.schema_arrow, arrow))
    found = [path for path, kind in columns if ".".join(path) == field and _is_text(kind, arrow)]
    path = min(found, key=len, default=())  # a column of this name before one within others
    if not path or [len(other) for other in found].count(len(path)) > 1:
        shown = [f"{'.'.join(path)} ({kind})" for path, kind in columns]
        what, why = f"{source.label} has no text column {field!r}", f"it has {', '.join(shown[:8])}"
        raise CorruptDataError(what, why, _name_a_column(columns, arrow))
    # One column gains nothing from threads, and without pre_buffer pyarrow starts none.
    options = {"batch_size": _ROWS, "columns": [field], "use_threads": False}
    for batch in table.iter_batches(**options, row_groups=groups):
        column = batch.column(batch.schema.names.index(path[0]))  # a dotted name may select more columns
        if path[1:]:
            column = importlib.import_module("pyarrow.compute").struct_field(column, list(path[1:]))
        if arrow.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        column = getattr(column, "storage", column)  # of an extension type
        yield column.cast(arrow.large_binary()).to_pylist()


def _columns(fields: Iterable[Any], arrow: Any, within: tuple[str, ...] = ()) -> Iterator[_Column]:
    """The columns of a table, and the fields of its struct columns."""
    fields = list(fields)
    for field in fields:
        yield (*within, field.name), field.type
    for field in fields:
        if arrow.types.is_struct(field.type) and len(within) < _DEEPEST:
            inner = [field.type.field(number) for number in range(field.type.num_fields)]
            yield from _columns(inner, arrow, (*within, field.name))


def _name_a_column(columns: list[_Column], arrow: Any) -> str:
    """The fix for a file without the column: one that it has."""
    names = [".".join(path) for path, _ in columns]
    texts = (
        name
        for name, (_, kind) in zip(names, columns, strict=True)
        if names.count(name) == 1 and _is_text(kind, arrow)
    )
    if (column := next(texts, None)) is None:
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
