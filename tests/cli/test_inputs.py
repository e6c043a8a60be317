"""Which files are read, and what is said of the others."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from backports import zstd

from tests.helpers.cli import Run


@pytest.fixture
def mix(tmp_path: Path) -> Path:
    """A folder of ten files, two of which have known endings."""
    folder = tmp_path / "mix"
    (folder / "deep").mkdir(parents=True)
    for name in (
        "a.txt",
        "b.md",
        "a.py",
        "b.py",
        "deep/c.py",
        "d.html",
        "README",
        "e.PY",
        ".hidden",
        "deep/.x.txt",
    ):
        (folder / name).write_text("one two three four")
    return folder


SAID = (
    "note: passed over: 3 .py, 2 hidden, ",
    ", 1 .PY",
    ", 1 .html",
    "; --include GLOB reads others",
)
PASSED = {".py": 3, "hidden": 2, ".PY": 1, ".html": 1, "without an ending": 1}


@pytest.mark.usefixtures("mix")
@pytest.mark.parametrize(
    "command",
    [
        "encode mix",
        "encode mix --count",
        "encode mix -o x.bin",
        "count mix",
        "vocab mix -o v.json",
        "window mix -o s -L 4",
    ],
)
def test_files_passed_over_are_said_and_counted(run: Run, command: str) -> None:
    done = run(*command.split())
    assert (done.code, all(text in done.err for text in SAID)) == (0, True), done.err
    if command != "encode mix":
        assert (
            json.loads(run(*command.split(), "--json", *(["-f"] * ("-o" in command))).out)["passed_over"]
            == PASSED
        )


@pytest.mark.usefixtures("mix")
def test_plan_says_what_will_be_passed_over(run: Run) -> None:
    done = run("window", "mix", "-o", "s", "-L", "4", "--dry-run")
    assert "2 inputs (8 passed over) → s" in done.err
    assert all(text in done.err for text in SAID)
    assert (
        json.loads(run("window", "mix", "-o", "s", "-L", "4", "--dry-run", "--json").out)["passed_over"]
        == PASSED
    )


def read(run: Run, *options: str) -> list[str]:
    """The sources of a run."""
    done = run("window", "mix", "-o", "s", "-L", "4", "--dry-run", "--json", *options)
    assert done.code == 0, done.err
    return [source["path"] for source in json.loads(done.out)["sources"]]


@pytest.mark.usefixtures("mix")
def test_patterns_choose_the_files_of_a_folder(run: Run) -> None:
    assert read(run) == ["mix/a.txt", "mix/b.md"]
    assert read(run, "--exclude", "*.md") == ["mix/a.txt"]
    assert read(run, "--include", "*.py") == ["mix/a.py", "mix/b.py", "mix/deep/c.py"]
    assert read(run, "--include", "*.py", "--include", "*.md", "--exclude", "deep/*") == [
        "mix/a.py",
        "mix/b.md",
        "mix/b.py",
    ]
    assert read(run, "--include", "deep/*.py") == ["mix/deep/c.py"]


@pytest.mark.usefixtures("mix")
def test_patterns_choose_the_files_of_a_glob_but_not_those_that_are_named(run: Run) -> None:
    done = run("window", "mix/*", "-o", "s", "-L", "4", "--dry-run", "--json", "--exclude", "*.py")
    found = json.loads(done.out)
    assert [source["path"] for source in found["sources"]] == ["README", "a.txt", "b.md", "d.html", "e.PY"]
    assert found["passed_over"] == {"excluded": 2}
    done = run("window", "mix/a.py", "-o", "s", "-L", "4", "--dry-run", "--json", "--exclude", "*.py")
    assert [source["path"] for source in json.loads(done.out)["sources"]] == ["a.py"]


def test_folder_without_text_says_what_it_has_and_how_to_read_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("one two")
    done = run("encode", "src", "--count")
    assert (done.code, "and it has 1 .py" in done.err) == (1, True)
    assert "fix: give --include '*.py'" in done.err
    assert run("encode", "src", "--count", "--include", "*.py").out == b"2\n"
    done = run("encode", "src", "--count", "--include", "*.c")
    assert (done.code, "no file is left by --include and --exclude: 1 .py" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("name", "fix"),
    [("a.PY", "give --include '*.PY'"), ("Makefile", "give --include '*'"), (".x", "name the files")],
)
def test_fix_for_a_folder_without_text_works(run: Run, tmp_path: Path, name: str, fix: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / name).write_text("one two")
    assert f"fix: {fix}" in run("encode", "src", "--count").err
    pattern = fix.partition("'")[2].rstrip("'")
    again = ("src", "--include", pattern) if pattern else (f"src/{name}",)
    assert run("encode", *again, "--count").out == b"2\n"


def test_what_is_passed_over_in_a_folder_is_counted(run: Run, tmp_path: Path) -> None:
    for name in ("mix/a.txt", "mix/.git/config", "mix/.cache/x", "other/b.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one two")
    (tmp_path / "mix" / "link").symlink_to("../other")
    os.mkfifo(tmp_path / "mix" / "pipe")
    done = run("encode", "mix", "--count")
    said = "note: passed over: 2 hidden folders, 1 link to a folder, 1 not a regular file\n"
    assert (done.out, done.err) == (b"2\n", said)
    report = json.loads(run("encode", "mix", "--count", "--json").out)
    assert report["passed_over"] == {"hidden folder": 2, "link to a folder": 1, "not a regular file": 1}


@pytest.mark.parametrize(
    ("make", "why", "fix"),
    [
        (lambda top: (top / "a").symlink_to(top), "1 link to a folder", "name the folder itself: x/a"),
        (lambda top: (top / ".a").mkdir(), "1 hidden folder", "name the folder itself: x/.a"),
        (lambda top: os.mkfifo(top / "a.txt"), "1 not a regular file", "name the files themselves"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--include", "*"]])
def test_folder_that_has_only_what_no_pattern_chooses_says_so(
    run: Run, tmp_path: Path, make: Callable[[Path], object], why: str, fix: str, options: list[str]
) -> None:
    (tmp_path / "x").mkdir()
    make(tmp_path / "x")
    done = run("encode", "x", *options)
    assert (done.code, f"why: it has only {why}\n  fix: {fix}\n" in done.err) == (1, True), done.err


@pytest.mark.parametrize("name", ["x.bin", "X.BIN", "x.Npy"])
def test_ids_in_a_folder_are_read_by_pattern_and_known_by_their_ending(
    run: Run, tmp_path: Path, name: str
) -> None:
    (tmp_path / "ids").mkdir()
    (tmp_path / "a.txt").write_text("one two three")
    small = name.lower()
    assert run("encode", "a.txt", "-o", small).code == 0
    (tmp_path / small).rename(tmp_path / "ids" / name)
    (tmp_path / f"{small}.json").rename(tmp_path / "ids" / f"{name}.json")
    pattern = f"*{Path(name).suffix}"
    done = run("window", "ids", "-o", "s", "-L", "1")
    assert f"fix: give --include '{pattern}', or name the files themselves\n" in done.err
    for inputs in (["ids", "--include", pattern], [f"ids/{name}"]):
        done = run("window", *inputs, "-o", "s", "-L", "1", "-f")
        assert (done.code, run("decode", "s").out) == (0, b"one two three"), done.err
    assert run("decode", f"ids/{name}").out == b"one two three"
    assert run("verify", f"ids/{name}").code == 0
    for inputs in (["ids", "--include", pattern], [f"ids/{name}"]):
        done = run("encode", *inputs)
        assert (done.code, f"ids/{name} holds ids, not text" in done.err) == (1, True)
    done = run("encode", "ids")
    assert "why: it holds ids, not text: " in done.err
    assert f"gptprep decode ids/{name}, or read all of them with gptprep window ids --include" in done.err


def test_file_that_is_named_twice_is_noted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    (tmp_path / "b.txt").hardlink_to(tmp_path / "a.txt")
    done = run("encode", "a.txt", "./a.txt", "b.txt", "--count")
    assert (done.out, "note: read more than once: a.txt, ./a.txt, b.txt" in done.err) == (b"6\n", True)
    report = json.loads(run("encode", "a.txt", "a.txt", "--count", "--json").out)
    assert report["repeated"] == ["a.txt"]


def zipped() -> bytes:
    """An archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "one two")
    return file.getvalue()


def array() -> bytes:
    """A `.npy` file."""
    file = io.BytesIO()
    np.save(file, np.arange(9))
    return file.getvalue()


TEXT = b"one two"
BINARY = {
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a PDF document"),
    "gzip": (gzip.compress(TEXT), "compressed with gzip"),
    "zstd": (zstd.compress(TEXT), "compressed with zstd"),
    "bzip2": (bz2.compress(TEXT), "compressed with bzip2"),
    "zip": (zipped(), "a ZIP archive"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a JPEG image"),
    "npy": (array(), "a NumPy array"),
    "utf-16": ("one two".encode("utf-16"), "the byte order mark of utf-16"),
    "utf-32": ("one two".encode("utf-32"), "the byte order mark of utf-32"),
}


@pytest.mark.parametrize("policy", ["strict", "replace", "skip"])
@pytest.mark.parametrize("kind", BINARY)
def test_file_that_is_no_text_is_called_what_it_is(run: Run, tmp_path: Path, kind: str, policy: str) -> None:
    data, what = BINARY[kind]
    (tmp_path / "file.txt").write_bytes(data)
    done = run("encode", "file.txt", "--count", "--errors", policy)
    assert (done.code, done.out, what in done.err) == (1, b"", True), done.err
    assert "--errors" not in done.err


@pytest.mark.parametrize(("kind", "ending"), [("gzip", ".gz"), ("zstd", ".zst")])
def test_fix_for_compressed_files_works(run: Run, tmp_path: Path, kind: str, ending: str) -> None:
    (tmp_path / "my file").write_bytes(BINARY[kind][0])
    fix = run("encode", "my file").err.partition("or decompress it: ")[2].strip()
    subprocess.run(fix, shell=True, cwd=tmp_path, check=True)
    assert run("encode", "TEXT", "--count").out == b"2\n"
    (tmp_path / f"my file{ending}").write_bytes(BINARY[kind][0])
    assert run("encode", f"my file{ending}", "--count").out == b"2\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_fix_for_a_byte_order_mark_works(run: Run, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("one two".encode(encoding))
    assert f"fix: give --encoding {encoding}" in run("encode", "a.txt").err
    assert run("encode", "a.txt", "--encoding", encoding, "--count").out == b"2\n"


@pytest.mark.parametrize("text", ["%PDF- is how such files start", "BZh is no word", "GIF8 and PAR1"])
def test_text_that_starts_like_something_else_is_text(run: Run, text: str) -> None:
    assert run("decode", stdin=run("encode", stdin=text.encode()).out).out == text.encode()


def test_one_line_of_utf_16_is_no_json_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes('{"text": "one"}'.encode("utf-16-le"))
    done = run("encode", "a.jsonl")
    assert (done.code, "a.jsonl:1 is not valid JSON" in done.err) == (3, True)
    assert run("encode", "a.jsonl", "--encoding", "utf-16-le").out == b"505\n"


def test_list_of_messages_is_joined_as_the_fix_says(run: Run, tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    (tmp_path / "chat.jsonl").write_text(json.dumps({"messages": messages}) + "\n")
    done = run("encode", "chat.jsonl", "--text-field", "messages")
    assert (done.code, "the field holds a list" in done.err) == (1, True)
    jq = done.err.partition("join it first: ")[2].strip().replace("FILE", "chat.jsonl")
    subprocess.run(jq, shell=True, cwd=tmp_path, check=True)
    assert run("decode", stdin=run("encode", "JOINED.jsonl").out).out == b"one\ntwo"


def test_misspelt_field_is_answered_with_one_that_works(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 5, "my body": "one"}\n')
    done = run("encode", "a.jsonl", "--text-field", "bdy")
    assert (done.code, "fix: give --text-field 'my body'" in done.err) == (1, True)
    assert run("encode", "a.jsonl", "--text-field", "my body").out == b"505\n"
