"""Documents from a text column of a Parquet file."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from gptprep.corpus.sources import Source
from gptprep.errors import DamagedData, MissingExtra, os_errors

_ROWS = 1000
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
        try:
            number = 0
            for batch in _batches(parquet.ParquetFile(file), arrow, source, field):
                for value in batch:
                    number += 1
                    yield Row(number, value.as_py())
        except arrow.lib.ArrowException as error:
            why = str(error).splitlines()[0]
            raise DamagedData(f"{source.label} is not a whole Parquet file", why) from error


def _batches(table: Any, arrow: Any, source: Source, field: str) -> Iterator[Any]:
    schema = table.schema_arrow
    types = arrow.types
    if field not in schema.names or not (
        types.is_string(schema.field(field).type) or types.is_large_string(schema.field(field).type)
    ):
        raise DamagedData(
            f"{source.label} has no column {field!r} of text",
            f"it has {', '.join(schema.names)}",
            "name the column with --text-field",
        )
    for batch in table.iter_batches(batch_size=_ROWS, columns=[field]):
        yield batch.column(0).cast(arrow.large_binary())


def _pyarrow(name: str, source: Source) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtra(
            f"cannot read {source.label}", "pyarrow is not installed", "pip install 'gptprep[parquet]'"
        ) from error
