"""Chunks: together they are the document, and they know where they stand in the source."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.corpus.chunks import Chunk, place, read_chunks
from gptprep.corpus.documents import ReadCounts
from gptprep.corpus.sources import text_source
from gptprep.corpus.text_options import TextOptions
from gptprep.tokenizers import load_tokenizer
from tests.helpers.documents import documents, file_source, find_sources
from tests.helpers.read_in_blocks import read_in_blocks

SIZES = st.integers(1, 9)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), block=SIZES, size=SIZES)
def test_every_byte_survives_any_block_and_chunk_size(text: str, block: int, size: int) -> None:
    data = text.encode()
    with read_in_blocks(data, block) as source:
        assert documents(source, size=size)[0] == [data]


@pytest.mark.usefixtures("small_blocks")
def test_chunks_know_their_lines_and_offsets(tmp_path: Path) -> None:
    data = "one\ntwo é\n\nthree <x> four\nfive".encode()
    source = file_source(tmp_path / "a.txt", data)
    last_split_point = load_tokenizer("gpt2").split_points.last
    for chunk in read_chunks(source, TextOptions(separator="<x>"), last_split_point, ReadCounts(), 2):
        assert data[chunk.offset :].startswith(chunk.text)
        assert chunk.line == 1 + data[: chunk.offset].count(b"\n")
        where = place(source, chunk, len(chunk.text), TextOptions())
        assert where.endswith(f"(byte offset {chunk.offset + len(chunk.text)})")


def test_place_has_a_byte_offset_only_if_offsets_in_the_text_are_those_in_the_file() -> None:
    chunk = Chunk(b"one\ntwo", 100, 7, True)
    source = text_source(b"", 1)
    assert place(source, chunk, 4, TextOptions()) == "text 1:8 (byte offset 104)"
    for options in (TextOptions("latin-1"), TextOptions(errors="replace")):
        assert place(source, chunk, 4, options) == "text 1:8"


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_large_texts_of_lines_and_rows_are_divided_and_know_their_line(tmp_path: Path, name: str) -> None:
    text = "one two\nthree " * 1000
    lines = [{"text": "small"}, {"text": text}, {"text": "last"}]
    if name == "a.jsonl":
        source = file_source(tmp_path / name, "".join(json.dumps(line) + "\n" for line in lines).encode())
    else:
        pq.write_table(pa.Table.from_pylist(lines), tmp_path / name)
        (source,) = find_sources([str(tmp_path / name)])
    last_split_point = load_tokenizer("gpt2").split_points.last
    chunks = list(read_chunks(source, TextOptions(), last_split_point, ReadCounts(), 100))
    assert b"".join(chunk.text for chunk in chunks if chunk.line == 2) == text.encode()
    assert max(len(chunk.text) for chunk in chunks) <= 200
    assert [chunk.line for chunk in chunks if chunk.last] == [1, 2, 3]
    assert place(source, chunks[5], 50, TextOptions()) == f"{source.label}:2"
