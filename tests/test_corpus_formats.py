"""Documents from JSON lines, Parquet and compressed files, whole and broken."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from gptprep.corpus import TextOptions, find_sources
from gptprep.errors import DamagedData, GptprepError
from tests.test_corpus import documents, file, small_blocks

__all__ = ["small_blocks"]


def jsonl(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


@pytest.mark.usefixtures("small_blocks")
def test_json_lines(tmp_path: Path) -> None:
    source = file(
        tmp_path / "a.jsonl", jsonl({"text": "é\r\n"}, {"text": ""}) + b"\n" + jsonl({"text": "b", "x": 1})
    )
    texts, tally = documents(source)
    assert texts == ["é\r\n".encode(), b"b"]
    assert tally.empty == 1
    assert documents(file(tmp_path / "b.jsonl", jsonl({"body": "x"})), TextOptions(text_field="body"))[0] == [
        b"x"
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"{broken", "a.jsonl:2 is not valid JSON"),
        (b"[1]", "a.jsonl:2 has no text in the field 'text'"),
        (
            json.dumps({f"key{n}": 0 for n in range(100_000)}).encode(),
            "a.jsonl:2 has no text in the field 'text'",
        ),
        (b'{"text": 5}', "a.jsonl:2 has no text in the field 'text'"),
        (b'{"body": "x"}', "a.jsonl:2 has no text in the field 'text'"),
        (b"[" * 100_000, "a.jsonl:2 is not valid JSON"),
    ],
)
def test_broken_json_lines_are_named(tmp_path: Path, line: bytes, what: str) -> None:
    with pytest.raises(DamagedData, match=what):
        documents(file(tmp_path / "a.jsonl", jsonl({"text": "x"}) + line + b"\n"))


def test_lone_surrogates_in_json(tmp_path: Path) -> None:
    source = file(tmp_path / "a.jsonl", b'{"text": "a\\ud800b"}\n{"text": "\\ud83d\\ude00"}\n')
    with pytest.raises(GptprepError, match=r"a.jsonl:1 holds the lone surrogate U\+D800"):
        documents(source)
    assert documents(source, TextOptions(errors="replace"))[0] == ["a\ufffdb".encode(), "😀".encode()]
    texts, tally = documents(source, TextOptions(errors="skip"))
    assert (texts, tally.skipped) == (["😀".encode()], 1)


def test_numbers_of_other_fields_may_be_long(tmp_path: Path) -> None:
    source = file(tmp_path / "a.jsonl", b'{"text": "a", "n": ' + b"1" * 5000 + b"}\n")
    assert documents(source)[0] == [b"a"]


def test_invalid_utf8_in_json_lines_is_named_by_line(tmp_path: Path) -> None:
    source = file(tmp_path / "a.jsonl", jsonl({"text": "x"}) + b'{"text": "\xff"}\n')
    with pytest.raises(GptprepError, match="byte 0xff at line 2"):
        documents(source)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["é", None, "b" * 3000] * 700, "n": range(2100)}), path)
    texts, tally = documents(find_sources([str(path)])[0])
    assert texts == ["é".encode(), b"b" * 3000] * 700
    assert tally.empty == 700
    for field in ("body", "n"):
        with pytest.raises(DamagedData, match=f"no column '{field}' of text"):
            documents(find_sources([str(path)])[0], TextOptions(text_field=field))
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["text", "text"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(DamagedData, match="no column 'text' of text"):
        documents(find_sources([str(tmp_path / "twice.parquet")])[0])
    (tmp_path / "broken.parquet").write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DamagedData, match="not a whole Parquet file"):
        documents(find_sources([str(tmp_path / "broken.parquet")])[0])


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()]
)
def test_parquet_texts_of_other_types(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.array(["é", None, "b"]).cast(kind)}), path)
    assert documents(find_sources([str(path)])[0])[0] == ["é".encode(), b"b"]


def test_damaged_parquet_is_damaged_data(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [f"row {n}" * 20 for n in range(500)]}), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    errors = 0
    for index in range(4, len(data), max(1, len(data) // 60)):
        source = file(tmp_path / "b.parquet", data[:index] + bytes([data[index] ^ 0xFF]) + data[index + 1 :])
        try:
            documents(source, TextOptions(errors="replace"))
        except DamagedData:
            errors += 1
    assert errors > 5


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("zst", zstd.compress)])
def test_compressed_files(tmp_path: Path, ending: str, compress: type[bytes]) -> None:
    data = os.urandom(1000).hex().encode() * 1000
    assert documents(file(tmp_path / f"a.txt.{ending}", compress(data)))[0] == [data]
    lines = file(tmp_path / f"a.jsonl.{ending}", compress(jsonl({"text": "x"})))
    assert documents(lines)[0] == [b"x"]
    for broken in (compress(data)[:-5], b"nonsense"):
        with pytest.raises(DamagedData, match="is damaged"):
            documents(file(tmp_path / f"b.txt.{ending}", broken))
