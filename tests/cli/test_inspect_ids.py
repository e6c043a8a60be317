"""`gptprep inspect` of files of ids from the shell."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.cli import Run


@pytest.fixture
def poem(run: Run, samples: Path) -> Path:
    """A poem as a file of ids."""
    assert run("encode", samples / "poem.txt", "-o", "poem.bin", "-q").code == 0
    return samples.parent / "poem.bin"


def test_file_has_its_provenance_and_both_ends(run: Run, poem: Path) -> None:
    sha256 = json.loads(Path(f"{poem}.json").read_bytes())["ids_sha256"]
    done = run("inspect", poem.name, "-n", "3", "--top", "1")
    assert done == (
        0,
        (
            "ids         1,226  uint16, 2.5 KB\n"
            "documents       1  0 end-of-text ids\n"
            "vocabulary    363  of 50,257 tokens used, 0.72 %\n"
            "tokenizer    gpt2  says poem.bin.json\n"
            f"sha256      {sha256}\n"
            "\n"
            "first ids\n"
            "F  IVE  ·EN\n"
            "37 9306 12964\n"
            "\n"
            "last ids\n"
            "·said .  ⏎\n"
            "531   13 198\n"
            "\n"
            "most frequent tokens\n"
            "token   id  count  percent\n"
            "·      220    371  30.26 %\n"
        ).encode(),
        "",
    )


def test_short_file_is_shown_once(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([15496, 11, 50256]))
    shown = run("inspect", "x.npy", "-T", "gpt2").out.decode()
    assert "tokenizer   gpt2  not known: there is no x.npy.json" in shown
    assert "ids\nHello ,  <|endoftext|>\n15496 11 50256\n" in shown
    assert "last ids" not in shown


def test_rows_are_those_that_are_asked_for(run: Run, poem: Path) -> None:
    two_rows = run("inspect", poem.name, "--top", "0").out.decode()
    first, last = two_rows.partition("first ids\n")[2].split("last ids\n")
    assert [len(part.rstrip("\n").splitlines()) for part in (first, last)] == [5, 5]
    report = json.loads(run("inspect", poem.name, "-n", "200", "--json").out)
    assert [len(report["first"]), len(report["last"])] == [200, 200]


@pytest.mark.parametrize(
    ("line", "code", "what", "fix"),
    [
        ("plain.bin", 1, "does not say which tokenizer made it", "name the tokenizer with --tokenizer"),
        ("poem.bin -T words.json", 1, "was not made with the tokenizer words.json", "--tokenizer"),
        ("poem.bin -T gpt2 -T gpt2", 2, "poem.bin has one tokenizer", "give --tokenizer once"),
        (
            "poem.bin poem.bin",
            2,
            "poem.bin cannot be shown together with poem.bin",
            "give one of them at a time",
        ),
        ("poem.bin -n -1", 2, "-n is -1", "give 0 or more"),
        ("shard.npy -T gpt2", 1, "shard.npy is not a file of ids", "name the whole folder"),
        ("damaged.npy -T gpt2", 3, "damaged.npy has the wrong size", "write or download"),
        ("wide.bin -T gpt2", 1, "wide.bin seems to hold uint32 ids", "--input-dtype uint32"),
        ("wide.bin -T gpt2 --input-dtype uint32", 0, "", ""),
    ],
)
@pytest.mark.usefixtures("poem")
def test_bad_input_is_explained(run: Run, tmp_path: Path, line: str, code: int, what: str, fix: str) -> None:
    (tmp_path / "plain.bin").write_bytes((tmp_path / "poem.bin").read_bytes())
    np.arange(1, 9, dtype=np.uint32).tofile(tmp_path / "wide.bin")
    np.save(tmp_path / "shard.npy", np.zeros((3, 4), np.uint16))
    np.save(tmp_path / "damaged.npy", np.arange(9))
    with open(tmp_path / "damaged.npy", "ab") as file:
        file.write(b"x")
    assert run("vocab", "sample_texts/poem.txt", "-o", "words.json", "-q").code == 0
    done = run("inspect", *line.split())
    assert (done.code, bool(done.out)) == (code, not code)
    assert what in done.err
    assert fix in done.err


def test_endings_in_upper_case_are_ids_too(run: Run, tmp_path: Path) -> None:
    with open(tmp_path / "x.NPY", "wb") as file:
        np.save(file, np.arange(3))
    assert run("inspect", "x.NPY", "-T", "gpt2").out.startswith(b"ids")


def test_pipe_is_not_a_file_of_ids(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npy")
    done = run("inspect", "x.npy", "-T", "gpt2")
    assert (done.code, "x.npy is not a regular file" in done.err) == (1, True)
