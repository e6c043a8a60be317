"""Text columns of Parquet files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gptprep.corpus.parquet import read_rows, row_ranges
from gptprep.corpus.sources import Source
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import CorruptDataError
from tests.helpers.documents import documents, file_source, find_sources


def parquet_source(path: Path, table: pa.Table) -> Source:
    """The source for a file with this table."""
    pq.write_table(table, path)
    return find_sources([str(path)])[0]


def test_each_row_is_a_document(tmp_path: Path) -> None:
    table = pa.table({"text": ["é", None, "b" * 3000] * 700, "n": range(2100)})
    texts, counts = documents(parquet_source(tmp_path / "a.parquet", table))
    assert texts == ["é".encode(), b"b" * 3000] * 700
    assert counts.empty == 700


def test_missing_or_repeated_text_column_is_refused(tmp_path: Path) -> None:
    source = parquet_source(tmp_path / "a.parquet", pa.table({"text": ["a"], "n": [1]}))
    for field in ("body", "n"):
        with pytest.raises(CorruptDataError, match=f"has no text column '{field}'"):
            documents(source, TextOptions(text_field=field))
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["text", "text"])
    with pytest.raises(CorruptDataError, match="has no text column 'text'"):
        documents(parquet_source(tmp_path / "twice.parquet", twice))


def test_column_within_a_column_is_named_with_a_dot(tmp_path: Path) -> None:
    inner = [{"b": "x", "c": {"d": "deep"}}, {"b": None, "c": None}, None, {"b": "y", "c": {"d": None}}]
    source = parquet_source(tmp_path / "a.parquet", pa.table({"n": range(4), "a": inner}))
    assert documents(source, TextOptions(text_field="a.b"))[0] == [b"x", b"y"]
    found, counts = documents(source, TextOptions(text_field="a.c.d"))
    assert found == [b"deep"]
    assert counts.empty == 3
    with pytest.raises(CorruptDataError, match=r"has no text column 'text'") as error:
        documents(source, TextOptions(text_field="text"))
    assert error.value.fix == "give --text-field a.b"
    for field in ("a", "a.c", "a.x", "n.b", "a.b.c"):
        with pytest.raises(CorruptDataError, match="has no text column"):
            documents(source, TextOptions(text_field=field))


def test_column_of_a_dotted_name_goes_before_one_within_a_column(tmp_path: Path) -> None:
    table = pa.table({"a": [{"b": "within"}], "a.b": ["named"]})
    source = parquet_source(tmp_path / "a.parquet", table)
    assert documents(source, TextOptions(text_field="a.b"))[0] == [b"named"]


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()]
)
def test_text_may_have_any_string_or_binary_type(tmp_path: Path, kind: Any) -> None:
    table = pa.table({"text": pa.array(["é", None, "b"]).cast(kind)})
    assert documents(parquet_source(tmp_path / "a.parquet", table))[0] == ["é".encode(), b"b"]


class _Note(pa.ExtensionType):  # type: ignore[misc]
    """An extension type that pyarrow does not know."""

    def __init__(self, stored: Any) -> None:
        super().__init__(stored, "tests.note")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: Any, _serialized: bytes) -> _Note:
        return cls(storage_type)


@pytest.mark.parametrize("kind", [pa.json_(), pa.json_(pa.large_string()), _Note(pa.string())])
def test_extension_types_are_text_if_they_store_text(tmp_path: Path, kind: Any) -> None:
    plain = ['{"a": "é"}', None, "[1]"]
    table = pa.table({"text": pa.ExtensionArray.from_storage(kind, pa.array(plain, kind.storage_type))})
    pa.register_extension_type(_Note(pa.string()))
    try:
        texts, _ = documents(parquet_source(tmp_path / "a.parquet", table))
    finally:
        pa.unregister_extension_type("tests.note")
    assert texts == documents(parquet_source(tmp_path / "b.parquet", pa.table({"text": plain})))[0]


def test_extension_type_that_stores_numbers_is_refused(tmp_path: Path) -> None:
    numbers = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1], pa.int8()))
    with pytest.raises(CorruptDataError, match="has no text column 'text'"):
        documents(parquet_source(tmp_path / "a.parquet", pa.table({"text": numbers})))


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    parquet_source(tmp_path / "a.parquet", pa.table({"text": ["a"] * 100}))
    data = (tmp_path / "a.parquet").read_bytes()
    with pytest.raises(CorruptDataError, match="not a complete Parquet file"):
        documents(file_source(tmp_path / "b.parquet", data[:-9]))


def test_flipped_bytes_give_damaged_data_errors_only(tmp_path: Path) -> None:
    parquet_source(tmp_path / "a.parquet", pa.table({"text": [f"row {n}" * 20 for n in range(500)]}))
    data = (tmp_path / "a.parquet").read_bytes()
    errors = 0
    for index in range(4, len(data), max(1, len(data) // 60)):
        damaged = data[:index] + bytes([data[index] ^ 0xFF]) + data[index + 1 :]
        source = file_source(tmp_path / "b.parquet", damaged)
        try:
            documents(source, TextOptions(errors="replace"))
        except CorruptDataError:
            errors += 1
    assert errors > 5


COUNT_THREADS = """
import os, sys, pyarrow.parquet
from gptprep.corpus.parquet import read_rows
from gptprep.corpus.selection import select_sources

before = len(os.listdir("/proc/self/task"))
rows = list(read_rows(select_sources(sys.argv[1:]).sources[0], "text"))
print(sum(len(some.texts) for some in rows), len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_reading_starts_no_threads(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a text"] * 1000}), path)
    command = [sys.executable, "-c", COUNT_THREADS, str(path)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"1000 0\n"


# Ranges of row groups


@pytest.mark.parametrize("group", [1, 7, 64, 1000])
@pytest.mark.parametrize("n_bytes", [1, 2_000, 20_000, 1 << 30])
def test_ranges_of_row_groups_have_all_rows_once(tmp_path: Path, group: int, n_bytes: int) -> None:
    texts = [f"row {n} " + "x" * (n % 97) for n in range(500)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": range(500), "text": texts}), path, row_group_size=group)
    source = find_sources([str(path)])[0]
    ranges = list(row_ranges(source, n_bytes))
    assert len(ranges) <= -(-500 // group)
    assert sum(one.range_bytes for one in ranges) == source.size
    assert all(one.range_bytes >= n_bytes for one in ranges[:-1])
    found, read = list[tuple[int, bytes | None]](), 0

    def on_read(n_bytes: int) -> None:
        nonlocal read
        read += n_bytes

    for one in ranges:
        before = read
        found += [
            (number, text)
            for rows in read_rows(one, "text", on_read)
            for number, text in enumerate(rows.texts, rows.first)
        ]
        assert read - before == one.range_bytes
    assert found == [(number, text.encode()) for number, text in enumerate(texts, 1)]


def test_ranges_of_an_empty_or_damaged_table(tmp_path: Path) -> None:
    source = parquet_source(tmp_path / "a.parquet", pa.table({"text": pa.array([], pa.string())}))
    assert len(list(row_ranges(source, 1))) <= 1
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data[:-6])
    with pytest.raises(CorruptDataError, match="is not a complete Parquet file"):
        list(row_ranges(find_sources([str(tmp_path / "a.parquet")])[0], 1))
