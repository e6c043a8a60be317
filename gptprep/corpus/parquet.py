"""Documents from a text column of a Parquet file."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from gptprep.corpus.sources import Source
from gptprep.errors import DamagedData, MissingExtra, os_errors

_ROWS = 64
"""Rows decoded at a time."""


class Row(NamedTuple):
    """The text of one row, as the bytes that are stored; None where the table has none."""

    number: int
    """From 1."""
    text: bytes | None


def read_rows(source: Source, field: str) -> Iterator[Row]:
    """The rows of one column.

    Raises:
        GptprepError: the file cannot be opened or read.
        DamagedData: it is no Parquet file, or has no such column of text.
        MissingExtra: pyarrow is not installed.
    """
    arrow, parquet = _pyarrow("pyarrow", source), _pyarrow("pyarrow.parquet", source)
    with os_errors("read", source.path), open(source.path, "rb") as file:
        number = 0
        try:
            for texts in _batches(parquet.ParquetFile(file), arrow, source, field):
                for text in texts:
                    number += 1
                    yield Row(number, text)
        except (arrow.lib.ArrowException, UnicodeError, KeyError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            why = str(error).partition("\n")[0]
            raise DamagedData(f"{source.label} is not a whole Parquet file", why) from error


def _batches(table: Any, arrow: Any, source: Source, field: str) -> Iterator[list[bytes | None]]:
    schema = table.schema_arrow
    names = list(schema.names)
    columns = list(zip(names, schema.types, strict=True))[:8]
    if names.count(field) != 1 or not _is_text(schema.types[names.index(field)], arrow):
        raise DamagedData(
            f"{source.label} has no column {field!r} of text",
            f"it has {', '.join(f'{name} ({kind})' for name, kind in columns)}",
            "name the column with --text-field",
        )
    for batch in table.iter_batches(batch_size=_ROWS, columns=[field]):
        column = batch.column(batch.schema.names.index(field))  # a dotted name may choose more
        if arrow.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        yield column.cast(arrow.large_binary()).to_pylist()


def _is_text(kind: Any, arrow: Any) -> bool:
    kind = kind.value_type if arrow.types.is_dictionary(kind) else kind
    return str(kind) in ("string", "large_string", "string_view", "binary", "large_binary")


def _pyarrow(name: str, source: Source) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtra(
            f"cannot read {source.label}", "pyarrow is not installed", "pip install 'gptprep[parquet]'"
        ) from error
