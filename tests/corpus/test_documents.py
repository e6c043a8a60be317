"""Documents: invalid text, separators, other encodings, JSON Lines."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.choices import ErrorPolicy
from gptprep.corpus.json_lines import text_of_line, texts_of_lines
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import CorruptDataError, GptprepError, UsageError
from tests.helpers.documents import documents, file_source
from tests.helpers.read_in_blocks import read_in_blocks

BLOCKS = st.integers(1, 9)


def is_valid(data: bytes) -> bool:
    """Whether Python decodes the bytes as UTF-8."""
    with contextlib.suppress(UnicodeDecodeError):
        data.decode()
        return True
    return False


# Invalid UTF-8 and separators


@given(data=st.binary(max_size=40), block=BLOCKS)
def test_replace_gives_what_python_gives(data: bytes, block: int) -> None:
    with read_in_blocks(data, block) as source:
        texts, counts = documents(source, TextOptions(errors="replace"))
    assert b"".join(texts).decode() == data.decode(errors="replace")
    assert (counts.replaced == 0) == is_valid(data)


@given(data=st.binary(max_size=40), block=BLOCKS)
def test_strict_names_the_first_invalid_byte_and_skip_counts_the_document(data: bytes, block: int) -> None:
    with read_in_blocks(data, block) as source:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            named = rf"byte 0x{data[error.start]:02x} at offset {error.start}:"
            with pytest.raises(GptprepError, match=named):
                documents(source)
            assert documents(source, TextOptions(errors="skip"))[1].skipped == 1
        else:
            assert documents(source)[0] == [data] * bool(data)


@given(parts=st.lists(st.binary(max_size=8), max_size=6), block=BLOCKS)
def test_skip_leaves_out_only_invalid_documents_between_separators(parts: list[bytes], block: int) -> None:
    data = b"<>".join(parts)
    expected = data.split(b"<>")
    valid = [document for document in expected if is_valid(document)]
    with read_in_blocks(data, block) as source:
        texts, counts = documents(source, TextOptions(errors="skip", separator="<>"))
    assert texts == [document for document in valid if document]
    assert counts.skipped == len(expected) - len(valid)


def test_skip_keeps_a_valid_document_that_is_spooled_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptprep.corpus.documents._SPOOL_BYTES", 100)
    data = "é\n".encode() * 1_000_000
    texts, counts = documents(file_source(tmp_path / "a.txt", data), TextOptions(errors="skip"))
    assert texts == [data]
    assert counts.bytes == len(data)


# Other encodings


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "cp1252", "utf-8-sig", "shift_jis"])
def test_other_encodings_become_utf8(tmp_path: Path, encoding: str) -> None:
    text = "日本\r\n" if encoding == "shift_jis" else "naïve café\r\n"
    source = file_source(tmp_path / "a.txt", text.encode(encoding))
    assert documents(source, TextOptions(encoding))[0] == [text.encode()]


@pytest.mark.usefixtures("small_blocks")
def test_error_policies_hold_for_another_encoding(tmp_path: Path) -> None:
    source = file_source(tmp_path / "a.txt", "ab日".encode("shift_jis") + b"\x80|\xffc")
    with pytest.raises(GptprepError, match="not valid shift_jis: byte 0x80 at offset 4"):
        documents(source, TextOptions("shift_jis"))
    texts, counts = documents(source, TextOptions("shift_jis", errors="replace"))
    assert (texts, counts.replaced) == (["ab日\ufffd|\ufffdc".encode()], 2)
    texts, counts = documents(source, TextOptions("shift_jis", errors="skip", separator="|"))
    assert (texts, counts.skipped) == ([], 2)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "undefined", "punycode", "idna"])
@pytest.mark.parametrize("errors", ["strict", "replace", "skip"])
def test_decoders_that_raise_other_errors_give_an_explained_error(
    tmp_path: Path, encoding: str, errors: ErrorPolicy
) -> None:
    source = file_source(tmp_path / "a.txt", b"xn--\xff..-- plain text\xff")
    with contextlib.suppress(GptprepError):
        documents(source, TextOptions(encoding, errors))


def test_unknown_encoding_and_empty_separator_are_usage_errors() -> None:
    for encoding in ("utf-9", "hex", "", "\udcff"):
        with pytest.raises(UsageError, match="is not a text encoding"):
            TextOptions(encoding)
    with pytest.raises(UsageError, match="separator is empty"):
        TextOptions(separator="")


# JSON Lines


def json_lines(*values: object) -> bytes:
    """One JSON value on each line."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


@pytest.mark.usefixtures("small_blocks")
def test_each_json_line_is_a_document(tmp_path: Path) -> None:
    data = json_lines({"text": "é\r\n"}, {"text": ""}) + b"\n" + json_lines({"text": "b", "x": 1})
    texts, counts = documents(file_source(tmp_path / "a.jsonl", data))
    assert texts == ["é\r\n".encode(), b"b"]
    assert counts.empty == 1


def test_text_field_chooses_the_field_of_json_lines(tmp_path: Path) -> None:
    source = file_source(tmp_path / "b.jsonl", json_lines({"body": "x"}))
    assert documents(source, TextOptions(text_field="body"))[0] == [b"x"]


NESTED = [
    ({"a": {"b": "x"}}, "x"),
    ({"a.b": "y", "a": {"b": "x"}}, "y"),
    ({"a": {"b": {"c": 1}}, "a.b": "z"}, "z"),
    ({"a": {"b": None}}, None),
    ({"a": None}, None),
    ({"a": {"b": 0}}, "the field holds a number"),
    ({"a": {"b": [{"content": "x"}]}}, "the field holds a list"),
    ({"a": {}}, "its fields are 'a'"),
    ({"a": "x"}, "its fields are 'a'"),
    ({"b": "x"}, "its fields are 'b'"),
]


@pytest.mark.parametrize("line", [b"5", b"null", b'"has a.b inside"', b"[]"])
def test_line_that_is_no_object_is_an_error_for_any_field(line: bytes) -> None:
    for field in ("a", "a.b"):
        assert texts_of_lines(line, field) is None
        with pytest.raises(CorruptDataError, match="it is not an object"):
            text_of_line(line, field, "a.jsonl:1")


@pytest.mark.parametrize(("value", "expected"), NESTED)
def test_text_field_with_a_dot_is_within_an_object(value: dict[str, Any], expected: str | None) -> None:
    line = json.dumps(value).encode()
    if expected and " " in expected:
        assert texts_of_lines(line, "a.b") is None
        with pytest.raises(GptprepError) as error:
            text_of_line(line, "a.b", "a.jsonl:1")
        assert error.value.why == expected
    else:
        assert text_of_line(line, "a.b", "a.jsonl:1") == expected
        assert texts_of_lines(line, "a.b") == [(expected or "").encode()]


@pytest.mark.parametrize(
    ("value", "fix"),
    [
        ({"a": {"b": "x"}, "c": "y"}, "give --text-field c"),
        ({"a": {"b": "x"}}, "give --text-field a.b"),
        ({"a": {"b": {"c": {"d": "x"}}}}, "give --text-field a.b.c.d"),
        ({"a": {"b": {"c": {"d": {"e": "x"}}}}}, "put the text in one field, with jq"),
        ({"a": {"b.c": "x"}}, "put the text in one field, with jq"),
        ({"a.b": {"c": "x"}}, "put the text in one field, with jq"),
        ({"a.b": "x"}, "give --text-field a.b"),
    ],
)
def test_error_names_a_field_with_a_text_wherever_it_is(value: dict[str, Any], fix: str) -> None:
    with pytest.raises(GptprepError) as error:
        text_of_line(json.dumps(value).encode(), "text", "a.jsonl:1")
    assert error.value.fix == fix
    if "--text-field" in fix:
        assert text_of_line(json.dumps(value).encode(), fix.split()[-1], "") in ("x", "y")


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
    ids=["broken", "array", "many fields", "number", "other field", "deeply nested"],
)
def test_unusable_json_line_is_named(tmp_path: Path, line: bytes, what: str) -> None:
    with pytest.raises(GptprepError, match=what):
        documents(file_source(tmp_path / "a.jsonl", json_lines({"text": "x"}) + line + b"\n"))


def test_error_policies_hold_for_lone_surrogates_in_json(tmp_path: Path) -> None:
    source = file_source(tmp_path / "a.jsonl", b'{"text": "a\\ud800b"}\n{"text": "\\ud83d\\ude00"}\n')
    with pytest.raises(GptprepError, match=r"a.jsonl:1 holds the lone surrogate U\+D800"):
        documents(source)
    assert documents(source, TextOptions(errors="replace"))[0] == ["a\ufffdb".encode(), "😀".encode()]
    texts, counts = documents(source, TextOptions(errors="skip"))
    assert (texts, counts.skipped) == (["😀".encode()], 1)


def test_long_numbers_in_other_json_fields_are_ignored(tmp_path: Path) -> None:
    source = file_source(tmp_path / "a.jsonl", b'{"text": "a", "n": ' + b"1" * 5000 + b"}\n")
    assert documents(source)[0] == [b"a"]


def test_invalid_utf8_in_json_lines_is_named_by_line(tmp_path: Path) -> None:
    source = file_source(tmp_path / "a.jsonl", json_lines({"text": "x"}) + b'{"text": "\xff"}\n')
    with pytest.raises(GptprepError, match="byte 0xff at line 2"):
        documents(source)
