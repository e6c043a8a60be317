"""`gptprep inspect TOKENIZER` from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.cli import Run, in_terminal, shell


@pytest.fixture
def words(run: Run, tmp_path: Path) -> Path:
    """A vocabulary of words."""
    (tmp_path / "a.txt").write_text("the cat and the dog")
    assert run("vocab", "a.txt", "-o", "words.json", "-q").code == 0
    return tmp_path / "words.json"


def test_description_fits_every_width(run: Run) -> None:
    for columns in (40, 80, 200):
        done = run("inspect", "gpt2", env={"COLUMNS": str(columns)})
        assert (done.code, done.err) == (0, "")
        lines = done.out.decode().splitlines()
        assert lines[0] == "gpt2 · byte-level BPE · 50,257 ids"
        assert max(map(len, lines)) <= columns
        assert any("h   +  e   →  he    258" in line for line in lines)


def test_entries_and_found_strings_are_aligned(run: Run) -> None:
    out = run("inspect", "gpt2", "--from", "50255", "--find", " king", "-n", "2").out.decode()
    assert out.splitlines() == [
        "gpt2 · byte-level BPE · 50,257 ids",
        "",
        "   id  token          bytes",
        "50255  ·gazed             6  20 67 61 7a 65 64",
        "50256  <|endoftext|>     13  special",
        "",
        "·king encodes to 5822",
        "4 entries contain it; the 2 shortest",
        "",
        "   id  token   bytes",
        " 5822  ·king       5  20 6b 69 6e 67",
        "21557  ·kings      6  20 6b 69 6e 67 73",
    ]


def test_coverage_names_what_is_missing(run: Run, words: Path) -> None:
    (words.parent / "b.txt").write_text("the bird and the bird")
    out = run("inspect", "words.json", "b.txt", "-n", "1").out.decode()
    assert "60.00 % of 5 words" in out
    assert "Most frequent of 1 missing word" in out
    assert "bird  2  40.00 %" in out
    json_report = json.loads(run("inspect", "words.json", "b.txt", "--json").out)
    assert json_report["coverage"]["missing"] == [{"token": "bird", "occurrences": 2}]


def test_coverage_reads_standard_input(run: Run, words: Path) -> None:
    out = run("inspect", words.name, "-", stdin=b"the cat").out.decode()
    assert "100.00 % of 2 words" in out


@pytest.mark.parametrize(
    ("line", "code", "what"),
    [
        ("gpt2 --from 50257", 2, "--from is 50,257"),
        ("gpt2 -n 0", 2, "-n is 0"),
        ("gpt2 none.txt", 1, "none.txt"),
        ("words.json --from 99", 2, "why: the ids of words.json are 0 to 5"),
        ("bad.json", 3, "bad.json is not a valid vocabulary"),
        ("bad.tiktoken", 3, "bad.tiktoken"),
    ],
)
@pytest.mark.usefixtures("words")
def test_wrong_requests_are_explained(run: Run, tmp_path: Path, line: str, code: int, what: str) -> None:
    head = {"format": "gptprep-vocabulary", "version": 1, "kind": "char", "special_tokens": []}
    (tmp_path / "bad.json").write_text(json.dumps({**head, "tokens": ["ab"]}))
    (tmp_path / "bad.tiktoken").write_text("nothing\n")
    done = run("inspect", *line.split())
    assert (done.code, done.out) == (code, b"")
    assert what in done.err


def test_terminal_gets_no_control_characters_of_tokens(tmp_path: Path) -> None:
    head = {"format": "gptprep-vocabulary", "version": 1, "kind": "word", "special_tokens": []}
    tokens = ["a\x1b[31m", "b\u202e", "c\x07"]
    (tmp_path / "w.json").write_text(json.dumps({**head, "tokens": tokens}))
    for more in ([], ["--from", "0"], ["--find", "\u202e"]):
        written = in_terminal(tmp_path, "inspect", "w.json", "--no-color", *more)
        assert "\u202e" not in written
        assert "\x1b" not in written
        assert "\x07" not in written
        assert "\x1b[" in in_terminal(tmp_path, "inspect", "w.json", *more)


def test_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    done = shell("gptprep inspect gpt2 --from 0 -n 9 | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (141, b"", b"")


def test_ascii_terminal_gets_escapes(run: Run) -> None:
    done = run("inspect", "gpt2", "-n", "1", env={"PYTHONIOENCODING": "ascii"})
    assert done.code == 0
    assert done.out.isascii()
