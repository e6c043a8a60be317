"""Verbs read what others write, and outputs are what their names say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.cli import Run, in_terminal
from tests.helpers.folders import contents

EOT = b"<|endoftext|>"
TEXTS = ("-t", "Hello, world.", "-t", "", "-t", "Two\nlines.")


def test_verbs_read_standard_input_without_being_told(run: Run, tmp_path: Path) -> None:
    text = b"one two three four five six"
    for stdin in ((), ("-",)):
        assert run("window", *stdin, "-o", "s", "-L", "2", "-f", stdin=text).code == 0
        assert run("vocab", *stdin, "-o", "v.json", "-f", stdin=text).code == 0
        assert run("encode", *stdin, "--count", stdin=text).out == b"6\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "v.json"]


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        ("encode", "name a file, or give a text with -t"),
        ("count", "name a file or a folder"),
        ("decode", "give ids, or a file of ids"),
        ("window -o s", "name a file or a folder"),
        ("vocab -o v.json", "name a file or a folder"),
    ],
)
def test_terminal_is_not_waited_for(tmp_path: Path, arguments: str, fix: str) -> None:
    shown = in_terminal(tmp_path, *arguments.split(), code=2, env={"NO_COLOR": "1"})
    assert ("error: there is nothing to" in shown, fix in shown) == (True, True), shown


@pytest.mark.parametrize("format_", ["ids", "json", "jsonl"])
def test_decode_keeps_the_documents_that_encode_prints(run: Run, tmp_path: Path, format_: str) -> None:
    printed = run("encode", *TEXTS, "--format", format_).out
    assert run("decode", stdin=printed).out == b"Hello, world." + EOT + b"Two\nlines."
    assert run("encode", *TEXTS, "-o", "x.bin", "-q").code == 0
    assert run("decode", "x.bin").out == run("decode", stdin=printed).out
    (tmp_path / "ids").write_bytes(printed)
    assert run("decode", "ids").out == run("decode", "x.bin").out


def test_decode_joins_the_lines_of_one_list(run: Run) -> None:
    assert run("decode", stdin=b"[15496, 11,\n995,\n 13]").out == b"Hello, world."
    assert run("decode", stdin=b"\n\n15496 11 995 13\n\n").out == b"Hello, world."
    assert run("decode", stdin=b"15496 50256\n995\n").out == b"Hello" + EOT + b" world"


def test_decode_refuses_json_of_another_tokenizer(run: Run, tmp_path: Path) -> None:
    (tmp_path / "words.json").write_text('{"one": 0, "two": 1}')
    printed = run("encode", "-t", "one two", "-T", "words.json", "--json").out
    done = run("decode", stdin=printed)
    assert (done.code, "standard input was not made with the tokenizer gpt2" in done.err) == (1, True)
    assert run("decode", "-T", "words.json", stdin=printed).out == b"one two"


@pytest.mark.parametrize(
    "line", [b'{"ids": "x"}', b'{"ids": [1, "x"]}', b'{"ids": [1.5]}', b"{", b'{"a": 1}']
)
def test_json_without_ids_is_refused(run: Run, line: bytes) -> None:
    done = run("decode", stdin=b'{"ids": [15496]}\n' + line + b"\n")
    assert (done.code, "standard input:2 " in done.err) == (3, True)


@pytest.mark.parametrize("ending", ["npz", "pt", "csv", "safetensors", "parquet", "NPY", "Bin"])
def test_ending_of_no_format_is_refused(run: Run, tmp_path: Path, ending: str) -> None:
    done = run("encode", "-t", "Hello", "-o", f"x.{ending}")
    assert (done.code, f"x.{ending} has the ending of no format" in done.err) == (2, True)
    assert "fix: choose one of .npy .bin .json .jsonl .txt" in done.err
    assert not list(tmp_path.iterdir())


def test_each_ending_gives_its_format(run: Run, tmp_path: Path) -> None:
    for name in ("x.npy", "x.bin", "x.json", "x.jsonl", "x.txt", "x"):
        assert run("encode", *TEXTS, "-o", name, "-q").code == 0
    ids = [[15496, 11, 995, 13], [7571, 198, 6615, 13]]
    joined = [*ids[0], 50256, *ids[1]]
    assert np.load(tmp_path / "x.npy").tolist() == np.fromfile(tmp_path / "x.bin", "<u2").tolist() == joined
    found = json.loads((tmp_path / "x.json").read_text())["documents"]
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert found == lines == [{"source": "text-1", "ids": ids[0]}, {"source": "text-3", "ids": ids[1]}]
    assert (tmp_path / "x.txt").read_text() == (tmp_path / "x").read_text()
    done = run("encode", "-t", "Hello", "--format", "bin", "-o", "y")
    assert (done.code, "fix: choose the ending .bin" in done.err) == (2, True)


@pytest.mark.parametrize("format_", ["npy", "bin"])
def test_numbers_are_not_written_to_a_terminal(tmp_path: Path, format_: str) -> None:
    arguments = ("encode", "-t", "Hello", "--format", format_)
    shown = in_terminal(tmp_path, *arguments, code=2, env={"NO_COLOR": "1"})
    assert f"the format {format_} cannot be shown on a terminal" in shown


@pytest.mark.parametrize("verb", ["encode x.bin", "vocab x.bin -o v.json"])
def test_file_of_ids_is_no_text(run: Run, verb: str) -> None:
    assert run("encode", "-t", "Hello", "-o", "x.bin").code == 0
    done = run(*verb.split())
    assert (done.code, "x.bin holds ids, not text" in done.err) == (1, True)
    assert run("decode", "x.bin").out == b"Hello"


def test_nothing_has_no_ids(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    assert run("encode", "--count", stdin=b"") == (0, b"0\n", "")
    assert run("encode", "empty.txt", "--count").out == b"0\n"


def test_vocab_without_an_output_shows_the_words_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two two three three three")
    before = contents(tmp_path)
    done = run("vocab", "a.txt", "--top", "2")
    shown = done.out.decode()
    assert (done.code, done.err) == (0, "")
    assert shown.index("three") < shown.index("two")
    assert "one" not in shown
    assert json.loads(run("vocab", "a.txt", "--top", "1", "--json").out)["top"] == [["three", 1, 3]]
    assert contents(tmp_path) == before
