"""Streams: the ranges that one process reads have the documents, places and ids of the whole."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.choices import ErrorPolicy
from gptprep.corpus import blocks
from gptprep.corpus.chunks import Chunk, read_chunks
from gptprep.corpus.documents import ReadCounts
from gptprep.corpus.ranges import can_divide, exact_range, with_first_line
from gptprep.corpus.sources import Source
from gptprep.corpus.streams import Spool, divide_stream, is_stream
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import CorruptDataError, GptprepError
from gptprep.tokenizers import Tokenizer
from gptprep.tokenizers.bpe import BpeTokenizer
from tests.helpers.bpe import EOT, PATTERNS, TEXTS, pair_ranks, pair_spec
from tests.helpers.documents import file_source, find_sources


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For a file that each example writes again, and for what was read."""
    return tmp_path_factory.mktemp("streams")


@pytest.fixture(scope="module", params=PATTERNS)
def pairs(request: pytest.FixtureRequest) -> Tokenizer:
    """A tokenizer whose ids show every pre-token boundary."""
    return BpeTokenizer(pair_spec(request.param, {EOT: len(pair_ranks())}), "allow")


@pytest.fixture(autouse=True, params=[1, 7, 1 << 20])
def block_bytes(request: pytest.FixtureRequest) -> Iterator[int]:
    """Files are read in blocks of this size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", request.param)
        yield request.param


def chunks(source: Source, options: TextOptions, tokenizer: Tokenizer, counts: ReadCounts) -> list[Chunk]:
    return list(read_chunks(source, options, tokenizer.split_points.last, counts, 1 << 20))


def ids_of(parts: list[Chunk], tokenizer: Tokenizer) -> list[list[int]]:
    documents, ids = list[list[int]](), list[int]()
    for chunk in parts:
        ids += tokenizer.encode(chunk.text.decode())
        if chunk.last:
            documents.append(ids)
            ids = []
    assert ids == []
    return documents


def in_ranges(
    source: Source, options: TextOptions, size: int, tokenizer: Tokenizer, folder: Path
) -> tuple[list[Chunk], ReadCounts]:
    """The chunks of all ranges of a stream, whose files are then removed."""
    found, counts, stored = list[Chunk](), ReadCounts(), 0
    with Spool(str(folder)) as spool:
        for one in divide_stream(source, options, size, tokenizer.split_points.first, spool):
            assert exact_range(one, options, tokenizer.split_points.first) == one
            located = one if one.first_line else with_first_line(one)
            found += chunks(located, options, tokenizer, counts)
            stored += (one.size or 0) if one.data is None else (source.size or 0)
            if one.spool:
                assert source.kind == "parquet" or one.stop is None or os.path.getsize(one.spool) >= size
    assert stored == source.size
    assert not [path for path in folder.iterdir() if path.is_dir()]
    return found, counts


@given(text=TEXTS, size=st.integers(1, 30))
def test_ids_of_the_ranges_are_those_of_the_whole(
    folder: Path, pairs: Tokenizer, text: str, size: int
) -> None:
    source = file_source(folder / "a.txt.gz", gzip.compress(text.encode()))
    found, _ = in_ranges(source, TextOptions(), size, pairs, folder)
    assert ids_of(found, pairs) == ([pairs.encode(text)] if text else [])


@given(data=st.binary(max_size=60), size=st.integers(1, 30), errors=st.sampled_from(["replace", "skip"]))
@pytest.mark.parametrize("separator", ["|", "<>", "--\n", "a b", "\n"])
def test_documents_and_places_of_the_ranges_are_those_of_the_whole(
    folder: Path, pairs: Tokenizer, data: bytes, size: int, errors: ErrorPolicy, separator: str
) -> None:
    for byte in (b"\x01", b"\x02", b"\x03", b"\x04"):
        data = data.replace(byte, separator.encode())
    data = b"text" + data.replace(b"\0", b"")  # otherwise it may look like a binary format
    source = file_source(folder / "a.txt.gz", gzip.compress(data))
    options, counts = TextOptions(errors=errors, separator=separator), ReadCounts()
    assert can_divide(source, options, has_split_points=True)
    whole = chunks(source, options, pairs, counts)
    assert in_ranges(source, options, size, pairs, folder) == (whole, counts)


@pytest.mark.parametrize(("separator", "divides"), [("\n\n", False), ("aba", False), ("--\n", True)])
def test_separator_that_overlaps_itself_makes_no_stream(folder: Path, separator: str, divides: bool) -> None:
    """From the middle of a run of it, such as five newlines, it is found at other places."""
    source = file_source(folder / "a.txt.gz", gzip.compress(b"text"))._replace(size=1 << 30)
    assert is_stream(source, TextOptions(separator=separator), 1 << 30, has_split_points=True) == divides


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=9),
    size=st.integers(1, 40),
)
def test_json_lines_are_divided_between_lines(
    folder: Path, pairs: Tokenizer, texts: list[str], size: int
) -> None:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    source = file_source(folder / "a.jsonl.gz", gzip.compress(lines.encode()))
    counts = ReadCounts()
    whole = chunks(source, TextOptions(), pairs, counts)
    assert in_ranges(source, TextOptions(), size, pairs, folder) == (whole, counts)


@given(
    texts=st.lists(st.one_of(st.none(), st.text("ab é", max_size=9)), max_size=200), size=st.integers(1, 40)
)
def test_tables_are_divided_between_rows(
    folder: Path, pairs: Tokenizer, texts: list[str | None], size: int
) -> None:
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), folder / "a.parquet")
    (source,) = find_sources([str(folder / "a.parquet")])
    counts = ReadCounts()
    whole = chunks(source, TextOptions(), pairs, counts)
    found = in_ranges(source, TextOptions(), size, pairs, folder) if texts else (whole, counts)
    assert found == (whole, counts)


def test_a_truncated_file_is_an_error_after_its_first_ranges(folder: Path, pairs: Tokenizer) -> None:
    data = gzip.compress(os.urandom(3000).hex().encode() * 3)
    source = file_source(folder / "b.txt.gz", data[:-20])
    with pytest.raises(CorruptDataError, match="is damaged"):
        in_ranges(source, TextOptions(separator="0"), 100, pairs, folder)


def test_binary_data_are_refused(folder: Path, pairs: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 20)
    source = file_source(folder / "c.txt.gz", gzip.compress(b"\x89PNG\r\n\x1a\n" + bytes(1000)))
    with pytest.raises(GptprepError, match="is not text"):
        in_ranges(source, TextOptions(), 100, pairs, folder)


@pytest.mark.parametrize(
    ("name", "size", "total", "expected"),
    [
        ("a.jsonl.gz", 10 << 20, 10 << 20, True),
        ("a.jsonl.gz", 10 << 20, 50 << 20, True),
        ("a.jsonl.gz", 10 << 20, 60 << 20, False),
        ("a.jsonl.gz", 1 << 20, 1 << 20, False),
        ("a.jsonl", 10 << 20, 10 << 20, False),
        ("a.txt.zst", 10 << 20, 10 << 20, True),
        ("a.parquet", 10 << 20, 10 << 20, True),
        ("-", None, 0, True),
        ("a.bin", 10 << 20, 10 << 20, False),
    ],
)
def test_large_files_that_must_be_read_from_their_start_are_streams(
    name: str, size: int | None, total: int, expected: bool
) -> None:
    kind = {"jsonl": "jsonl", "parquet": "parquet", "bin": "ids"}.get(
        name.split(".")[1] if "." in name else "", "text"
    )
    source = Source(name, name, kind, size)  # type: ignore[arg-type]
    assert is_stream(source, TextOptions(), total, True) == expected


def test_sources_that_cannot_be_divided_are_no_streams() -> None:
    source = Source("a", "a.txt.gz", "text", 10 << 20)
    assert not is_stream(source, TextOptions(), 10 << 20, False)
    assert is_stream(source, TextOptions(separator="|"), 10 << 20, False)
    for options in (TextOptions("utf-16"), TextOptions(errors="skip"), TextOptions(separator="aa")):
        assert not is_stream(source, options, 10 << 20, True)
