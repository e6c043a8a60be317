"""Inputs to documents: order, bytes that survive, bad bytes, separators, formats."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from gptprep.corpus import Source, Tally, TextOptions, find_sources, place, read_pieces, reading, text_source
from gptprep.errors import DamagedData, GptprepError, WrongUsage
from gptprep.tokenizers import load_tokenizer

GPT2 = load_tokenizer("gpt2")
BLOCKS = st.integers(1, 9)


def documents(
    source: Source, options: TextOptions | None = None, size: int = 1 << 20
) -> tuple[list[bytes], Tally]:
    """The documents of a source, put together from their pieces."""
    tally, texts, text = Tally(), [], b""
    for piece in read_pieces(source, options or TextOptions(), GPT2.last_cut, tally, size):
        piece.text.decode()
        text += piece.text
        if piece.last:
            texts.append(text)
            text = b""
    assert text == b""
    assert tally.documents == len(texts)
    return texts, tally


def file(path: Path, data: bytes) -> Source:
    path.write_bytes(data)
    return find_sources([str(path)])[0]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read a few bytes at a time, so that every seam is met."""
    monkeypatch.setattr(reading, "MAX_BLOCK", 3)


# Which files, in which order


def test_folders_are_walked_in_sorted_order_without_hidden_files(tmp_path: Path) -> None:
    for name in (
        "b.txt",
        "a/z.md",
        "a/b/c.jsonl",
        "a.txt",
        "B.txt",
        ".hidden.txt",
        ".git/x.txt",
        "pic.png",
        "é.txt.gz",
    ):
        path = tmp_path / "top" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    found = find_sources([str(tmp_path / "top") + "/"])
    assert [source.name for source in found] == [
        *("top/B.txt", "top/a/b/c.jsonl", "top/a/z.md", "top/a.txt", "top/b.txt", "top/é.txt.gz"),
    ]


def test_names_never_hold_more_than_the_user_named(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes(b"x")
    assert [s.name for s in find_sources([str(tmp_path / "one.txt"), str(tmp_path / "*.txt"), "-"])] == [
        *("one.txt", "one.txt", "stdin"),
    ]


def test_globs_are_sorted_and_reach_below(tmp_path: Path) -> None:
    for name in ("b.py", "a.py", "x/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    paths = [os.path.relpath(s.path, tmp_path) for s in find_sources([str(tmp_path / "**/*.py")])]
    assert paths == ["a.py", "b.py", "x/c.py"]


def test_a_path_with_glob_characters_that_exists_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "[a].txt").write_bytes(b"x")
    assert find_sources([str(tmp_path / "[a].txt")])[0].name == "[a].txt"


@pytest.mark.parametrize(
    ("name", "what"), [("none.txt", "cannot read"), ("*.zip", "no file matches"), ("", "cannot")]
)
def test_inputs_that_are_not_there(tmp_path: Path, name: str, what: str) -> None:
    with pytest.raises(GptprepError, match=what):
        find_sources([str(tmp_path / name) if name else ""])


def test_a_folder_without_text(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(GptprepError, match="has no text"):
        find_sources([str(tmp_path)])


# Bytes survive, whatever the blocks and the pieces


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), block=BLOCKS, size=BLOCKS)
def test_every_byte_survives(text: str, block: int, size: int) -> None:
    data = text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "gptprep.corpus.text.read_blocks",
            lambda _: (data[i : i + block] for i in range(0, len(data), block)),
        )
        assert documents(text_source(b"", 1), size=size)[0] == [data]


@given(data=st.binary(max_size=40), block=BLOCKS)
def test_replace_is_pythons_replace_and_strict_names_the_first_bad_byte(data: bytes, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "gptprep.corpus.text.read_blocks",
            lambda _: (data[i : i + block] for i in range(0, len(data), block)),
        )
        source = text_source(b"", 1)
        texts, tally = documents(source, TextOptions(errors="replace"))
        assert b"".join(texts).decode() == data.decode(errors="replace")
        try:
            data.decode()
        except UnicodeDecodeError as error:
            assert tally.replaced > 0
            with pytest.raises(
                GptprepError, match=rf"byte 0x{data[error.start]:02x} at offset {error.start}:"
            ):
                documents(source)
            assert documents(source, TextOptions(errors="skip"))[1].skipped == 1
        else:
            assert tally.replaced == 0


@given(parts=st.lists(st.binary(max_size=8), max_size=6), block=BLOCKS)
def test_separators_and_skip(parts: list[bytes], block: int) -> None:
    data = b"<>".join(parts)
    expected = data.split(b"<>")
    valid = []
    for part in expected:
        try:
            part.decode()
        except UnicodeDecodeError:
            continue
        valid.append(part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "gptprep.corpus.text.read_blocks",
            lambda _: (data[i : i + block] for i in range(0, len(data), block)),
        )
        texts, tally = documents(text_source(b"", 1), TextOptions(errors="skip", separator="<>"))
    assert texts == [part for part in valid if part]
    assert tally.skipped == len(expected) - len(valid)


def test_a_long_valid_document_survives_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptprep.corpus.text._SPOOLED", 100)
    data = "é\n".encode() * 2_000_000
    texts, tally = documents(file(tmp_path / "a.txt", data), TextOptions(errors="skip"))
    assert texts == [data]
    assert tally.bytes == len(data)


@pytest.mark.usefixtures("small_blocks")
def test_lines_and_offsets_of_pieces(tmp_path: Path) -> None:
    data = "one\ntwo é\n\nthree <x> four\nfive".encode()
    source = file(tmp_path / "a.txt", data)
    for piece in read_pieces(source, TextOptions(separator="<x>"), GPT2.last_cut, Tally(), 2):
        assert data[piece.offset :].startswith(piece.text)
        assert piece.line == 1 + data[: piece.offset].count(b"\n")
        where = place(source, piece, len(piece.text), TextOptions())
        assert where.endswith(f"(byte offset {piece.offset + len(piece.text)})")


# Other encodings


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "cp1252", "utf-8-sig", "shift_jis"])
def test_other_encodings_become_utf8(tmp_path: Path, encoding: str) -> None:
    text = "日本\r\n" if encoding == "shift_jis" else "naïve café\r\n"
    source = file(tmp_path / "a.txt", text.encode(encoding))
    assert documents(source, TextOptions(encoding))[0] == [text.encode()]


@pytest.mark.usefixtures("small_blocks")
def test_bad_bytes_of_another_encoding(tmp_path: Path) -> None:
    source = file(tmp_path / "a.txt", "ab日".encode("shift_jis") + b"\x80|\xffc")
    with pytest.raises(GptprepError, match="not valid shift_jis: byte 0x80 at offset 4"):
        documents(source, TextOptions("shift_jis"))
    texts, tally = documents(source, TextOptions("shift_jis", errors="replace"))
    assert (texts, tally.replaced) == (["ab日\ufffd|\ufffdc".encode()], 2)
    texts, tally = documents(source, TextOptions("shift_jis", errors="skip", separator="|"))
    assert (texts, tally.skipped) == ([], 2)


def test_options_that_make_no_sense() -> None:
    for encoding in ("utf-9", "hex", ""):
        with pytest.raises(WrongUsage, match="is not a text encoding"):
            TextOptions(encoding)
    with pytest.raises(WrongUsage, match="separator is empty"):
        TextOptions(separator="")


# JSON lines, Parquet, compressed files


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
    (tmp_path / "broken.parquet").write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DamagedData, match="not a whole Parquet file"):
        documents(find_sources([str(tmp_path / "broken.parquet")])[0])


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("zst", zstd.compress)])
def test_compressed_files(tmp_path: Path, ending: str, compress: type[bytes]) -> None:
    data = os.urandom(1000).hex().encode() * 1000
    assert documents(file(tmp_path / f"a.txt.{ending}", compress(data)))[0] == [data]
    lines = file(tmp_path / f"a.jsonl.{ending}", compress(jsonl({"text": "x"})))
    assert documents(lines)[0] == [b"x"]
    for broken in (compress(data)[:-5], b"nonsense"):
        with pytest.raises(DamagedData, match="is damaged"):
            documents(file(tmp_path / f"b.txt.{ending}", broken))
