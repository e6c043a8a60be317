"""Inputs to documents: order, bytes that survive, bad bytes, separators, formats."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.corpus import (
    Errors,
    Piece,
    Source,
    Tally,
    TextOptions,
    find_sources,
    one_source,
    place,
    read_pieces,
    reading,
    text_source,
)
from gptprep.errors import GptprepError, WrongUsage
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


def test_links_to_folders_are_not_followed_and_broken_links_are_errors(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_bytes(b"x")
    (tmp_path / "data" / "loop").symlink_to(".")
    for name in (str(tmp_path / "data"), str(tmp_path / "data" / "**" / "*.txt")):
        assert [source.name for source in find_sources([name])][-1].endswith("a.txt")
        assert len(find_sources([name])) == 1
    (tmp_path / "data" / "b.txt").symlink_to("nowhere")
    with pytest.raises(GptprepError, match=r"cannot read .*b\.txt: No such file"):
        find_sources([str(tmp_path / "data")])


def test_one_source_is_no_folder_and_no_glob(tmp_path: Path) -> None:
    with pytest.raises(GptprepError, match="is a folder"):
        one_source(str(tmp_path))
    with pytest.raises(GptprepError, match="cannot read"):
        one_source(str(tmp_path / "*"))
    with pytest.raises(WrongUsage, match="named twice"):
        find_sources(["-", "-"])


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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "undefined", "punycode", "idna"])
@pytest.mark.parametrize("errors", ["strict", "replace", "skip"])
def test_encodings_that_fail_otherwise_are_no_traceback(
    tmp_path: Path, encoding: str, errors: Errors
) -> None:
    source = file(tmp_path / "a.txt", b"xn--\xff..-- plain text\xff")
    with contextlib.suppress(GptprepError):
        documents(source, TextOptions(encoding, errors))


def test_offsets_are_named_only_where_they_are_true() -> None:
    piece = Piece(b"one\ntwo", 100, 7, True)
    source = text_source(b"", 1)
    assert place(source, piece, 4, TextOptions()) == "text 1:8 (byte offset 104)"
    for options in (TextOptions("latin-1"), TextOptions(errors="replace")):
        assert place(source, piece, 4, options) == "text 1:8"


def test_options_that_make_no_sense() -> None:
    for encoding in ("utf-9", "hex", "", "\udcff"):
        with pytest.raises(WrongUsage, match="is not a text encoding"):
            TextOptions(encoding)
    with pytest.raises(WrongUsage, match="separator is empty"):
        TextOptions(separator="")
