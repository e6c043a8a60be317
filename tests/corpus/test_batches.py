"""Batches: the documents, counts, places and errors are those of one document at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.choices import ErrorPolicy, SourceKind
from gptprep.corpus.batches import Batch, read_batches
from gptprep.corpus.chunks import Chunk, read_chunks
from gptprep.corpus.documents import ReadCounts
from gptprep.corpus.json_lines import text_of_line, texts_of_lines
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError
from tests.helpers.documents import find_sources
from tests.helpers.read_in_blocks import read_in_blocks

POLICIES = st.sampled_from(["strict", "replace", "skip"])
SIZES = st.integers(1, 12)
JSON_LINES = st.sampled_from(
    [
        b'{"text": "one"}',
        '{"text": "żółw 😀"}'.encode(),
        b'{"text": "a\\u0062\\ud83d\\ude00"}',
        b'{"text": ""}',
        b'{"text": null, "other": [1, {"text": "no"}]}',
        b'{"n": 12345678901234567890, "text": "long", "text": "twice"}',
        b'{"text": "x"} \t\r',
        b' {"text": "after a space"}',
        b'\xef\xbb\xbf{"text": "after a mark"}',
        b"",
        b" \t\x0b",
    ]
)
UNUSABLE_LINES = st.sampled_from(
    [
        b'{"text": 5}',
        b'{"other": "x"}',
        b'{"text": "a", ',
        b'"b": 1}',
        b'{"text": "a"},{"text": "b"}',
        b'[{"text": "a"}]',
        b"null",
        b'{"text": "\\ud800"}',
        b'{"text": "\xff"}',
        b'{"other": "\xff", "text": "a"}',
        b'{"text": "a\x01"}',
        b'{"text": NaN}',
        b"[" * 2000,
    ]
)


SMALL_CHANGES = [
    *(b"\\u", b"\\ud800", b"NaN", b"Infinity", b"-", b"01", b"1.", b".5", b"1e400"),
    *(b"\x00", b"\x0b", b"\x7f", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"),
    *(b"\xe2\x80\xa8", b'"text":', b",", b"}"),
]
"""What parsers of JSON treat differently."""
INSERTED = st.sampled_from(SMALL_CHANGES) | st.binary(max_size=2)


def nowhere(_text: bytearray, _start: int) -> int:
    """No split point, so that each document is one chunk."""
    return 0


Read = Callable[[ReadCounts], Iterator[Chunk | Batch]]


def outcome(read: Read) -> object:
    """Everything that can be told of the documents, and the error at the end."""
    counts, documents = ReadCounts(), list[Chunk]()
    try:
        for one in read(counts):
            chunks = [one] if isinstance(one, Chunk) else list(one.chunks())
            if isinstance(one, Batch):
                assert [chunk.text for chunk in chunks] == one.texts
                assert all(chunk.last for chunk in chunks)
            documents += chunks
    except GptprepError as error:
        return documents, type(error), error.what, error.why
    return documents, counts


def check_bytes(data: bytes, block: int, kind: SourceKind, options: TextOptions, size: int) -> None:
    """Compare both ways to read some bytes, as a whole file and as a range with and without line numbers."""
    for start, first_line in ((0, 1), (1000, 50), (7, 0)):

        def read(how: Callable[..., Any], start: int = start, first_line: int = first_line) -> object:
            with read_in_blocks(data, block) as empty:
                source = empty._replace(kind=kind, start=start, first_line=first_line)
                return outcome(lambda counts: how(source, options, nowhere, counts, size))

        assert read(read_batches) == read(read_chunks)


@given(data=st.binary(max_size=60), block=SIZES, size=SIZES, errors=POLICIES)
@pytest.mark.parametrize("separator", ["|", "<>", "\n\n", "a b", "\n", "aa", "é", "\udca9"])
def test_documents_between_separators(
    separator: str, data: bytes, block: int, size: int, errors: ErrorPolicy
) -> None:
    for byte, text in (
        (b"\x01", separator.encode(errors="surrogateescape")),
        (b"\x02", separator.encode(errors="surrogateescape")),
        (b"\x03", b"a"),
    ):
        data = data.replace(byte, text)
    check_bytes(data, block, "text", TextOptions(errors=errors, separator=separator), size)


@given(
    lines=st.lists(st.one_of(JSON_LINES, JSON_LINES, JSON_LINES, UNUSABLE_LINES), max_size=12),
    block=st.integers(1, 40),
    size=st.integers(1, 100),
    errors=POLICIES,
    ends=st.booleans(),
)
def test_json_lines(lines: list[bytes], block: int, size: int, errors: ErrorPolicy, ends: bool) -> None:
    data = b"\n".join(lines) + b"\n" * ends
    check_bytes(data, block, "jsonl", TextOptions(errors=errors), size)


@given(
    line=JSON_LINES | UNUSABLE_LINES,
    changes=st.lists(
        st.tuples(
            st.integers(0, 60), st.integers(0, 3), st.sampled_from(SMALL_CHANGES) | st.binary(max_size=2)
        ),
        max_size=3,
    ),
)
def test_changed_json_lines_are_read_alike_or_not_at_all(
    line: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    for start, n_removed, inserted in changes:
        line = line[:start] + inserted + line[start + n_removed :]
    line = line.replace(b"\n", b"")
    texts = texts_of_lines(line, "text")
    if texts is not None and line:
        assert texts == [(text_of_line(line, "text", "") or "").encode()]


@given(
    texts=st.lists(st.one_of(st.none(), st.binary(max_size=5), st.just("é".encode())), max_size=30),
    size=SIZES,
    errors=POLICIES,
)
def test_rows_of_a_table(
    tmp_path_factory: pytest.TempPathFactory, texts: list[bytes | None], size: int, errors: ErrorPolicy
) -> None:
    path = tmp_path_factory.getbasetemp() / "rows.parquet"
    pq.write_table(pa.table({"text": pa.array(texts, pa.binary())}), path)
    (source,) = find_sources([str(path)])
    options = TextOptions(errors=errors, separator="|")  # which has no effect
    slow = outcome(lambda counts: read_chunks(source, options, nowhere, counts))
    fast = outcome(lambda counts: read_batches(source, options, nowhere, counts, size))
    assert fast == slow
