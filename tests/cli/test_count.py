"""`gptprep count` from the shell: lines for programs, a table on a terminal, inputs and errors."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
from backports import zstd
from pyarrow import parquet

from tests.helpers.cli import GPTPREP, Run, in_terminal, shell

TEXTS = {"a.txt": "one two three", "b.txt": "Hello, world.", "c d.txt": "yes " * 1500}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three texts."""
    (tmp_path / "texts").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "texts" / name).write_text(text)
    return tmp_path


def rows(out: bytes) -> list[list[str]]:
    """The fields of each line; the path is the last."""
    return [line.split(maxsplit=4) for line in out.decode().splitlines()]


LINES = b"""\
   3    13  4.33  1  texts/a.txt
   4    13  3.25  1  texts/b.txt
1501  6000  4.00  1  texts/c d.txt
1508  6026  4.00  3  total
"""


@pytest.mark.usefixtures("folder")
def test_lines_are_columns_without_a_header_for_other_programs(run: Run) -> None:
    assert run("count", "texts") == (0, LINES, "")
    assert run("count", "texts", "--quiet").out == run("count", "texts/*.txt").out == LINES


@pytest.mark.usefixtures("folder")
def test_one_source_has_no_total(run: Run) -> None:
    assert run("count", "texts/b.txt").out == b"4  13  3.25  1  texts/b.txt\n"
    assert run("count", stdin=b"Hello, world.").out == b"4  13  3.25  1  -\n"
    assert run("count", "-", stdin=b"Hello, world.").out == b"4  13  3.25  1  -\n"
    both = rows(run("count", "texts/b.txt", "-", stdin=b"Hello, world.").out)
    assert [row[4] for row in both] == ["texts/b.txt", "-", "total"]


@pytest.mark.usefixtures("folder")
def test_other_programs_read_the_lines(folder: Path) -> None:
    def printed(command: str) -> list[str]:
        done = shell(command, folder)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode().splitlines()

    assert printed("gptprep count texts | sort -n | head -1") == LINES.decode().splitlines()[:1]
    assert printed("gptprep count texts | awk '{print $1}'") == ["3", "4", "1501", "1508"]
    assert printed("set -o pipefail; gptprep count texts | head -1") == LINES.decode().splitlines()[:1]


@pytest.mark.usefixtures("samples")
def test_count_is_that_of_encode(run: Run) -> None:
    for name in ("poem.txt", "seven_fables.txt"):
        counted = rows(run("count", f"sample_texts/{name}").out)
        assert f"{counted[0][0]}\n".encode() == run("encode", f"sample_texts/{name}", "--count").out
    options = ("sample_texts", "--separator", r"\n\n", "--special", "text")
    (*lines, total) = rows(run("count", *options).out)
    assert int(total[0]) == sum(int(line[0]) for line in lines)
    assert f"{total[0]}\n".encode() == run("encode", *options, "--count").out


@pytest.mark.usefixtures("folder")
def test_sort_shows_the_largest_first_and_the_total_last(run: Run) -> None:
    paths = [row[4] for row in rows(run("count", "texts", "--sort").out)]
    assert paths == ["texts/c d.txt", "texts/b.txt", "texts/a.txt", "total"]


def test_empty_input_is_a_count_of_0(run: Run, folder: Path) -> None:
    assert run("count", stdin=b"") == (0, b"0  0  -  0  -\n", "")
    (folder / "texts" / "e.txt").touch()
    done = run("count", "texts")
    assert (done.code, done.err, rows(done.out)[3]) == (0, "", ["0", "0", "-", "0", "texts/e.txt"])
    assert run("count", "texts/e.txt").out == b"0  0  -  0  texts/e.txt\n"
    assert rows(run("count", "texts/e.txt", "texts/e.txt").out)[2] == ["0", "0", "-", "0", "total"]


def test_each_tokenizer_has_its_columns(run: Run, folder: Path) -> None:
    (folder / "words.json").write_text('{"one": 0, "two": 1, "three": 2, "<|unk|>": 3}')
    done = run("count", "texts/a.txt", "texts/b.txt", "-T", "gpt2", "-T", "words.json")
    assert done == (
        0,
        b"3  3  13  4.33  4.33  1  texts/a.txt\n"
        b"4  4  13  3.25  3.25  1  texts/b.txt\n"
        b"7  7  26  3.71  3.71  2  total\n",
        "",
    )
    assert run("count", "-T", "gpt2", "-T", "words.json", stdin=b"one two three" * 3).out == (
        b"9  7  39  4.33  5.57  1  -\n"
    )


def test_error_in_a_pipe_names_it_for_several_tokenizers_too(run: Run) -> None:
    for tokenizers in ((), ("-T", "gpt2", "-T", "gpt2")):
        done = run("count", *tokenizers, stdin=b"abc\xff")
        assert (done.code, done.out) == (1, b"")
        assert done.err.startswith("error: standard input is not valid UTF-8: byte 0xff at offset 3\n")


def test_formats_and_compression_do_not_matter(run: Run, tmp_path: Path) -> None:
    texts = ["one two three", "Hello, world.", "yes " * 400_000]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    (tmp_path / "a.jsonl").write_bytes(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "a.jsonl.zst").write_bytes(zstd.compress(lines))
    parquet.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    found = [row[:4] for row in rows(run("count", "a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet").out)]
    assert found[:4] == [["400008", "1600026", "4.00", "3"]] * 4
    assert rows(run("count", "--text-field", "text", stdin=lines).out)[0][:4] == found[0]


def test_ids_are_counted_without_bytes_per_id(run: Run, folder: Path) -> None:
    assert run("encode", "texts", "-o", "x.npy", "-q").code == 0
    assert run("count", "x.npy") == (0, b"1510  3020  -  3  x.npy\n", "")
    done = run("count", "x.npy", "texts/a.txt")
    assert [row[2] for row in rows(done.out)] == ["-", "4.33", "-"]
    (folder / "x.npy.json").unlink()
    done = run("count", "x.npy")
    assert (done.code, "x.npy does not say which tokenizer made it" in done.err) == (1, True)
    assert run("count", "x.npy", "-T", "gpt2").out == b"1510  3020  -  3  x.npy\n"


TWICE = """\
error: x.bin holds ids, and --tokenizer is given 2 times
  why: ids belong to the one tokenizer that made them
  fix: give one --tokenizer, or count the text that they were made of
"""


@pytest.mark.usefixtures("folder")
def test_ids_and_several_tokenizers_are_refused(run: Run) -> None:
    assert run("encode", "texts", "-o", "x.bin", "-q").code == 0
    assert run("count", "x.bin", "-T", "gpt2", "-T", "gpt2") == (2, b"", TWICE)


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["none.txt"], 1, "error: cannot read none.txt\n  why: No such file or directory\n"),
        (["texts", "none.txt"], 1, "error: cannot read none.txt\n"),
        (["empty"], 1, "error: the folder empty has no text\n"),
        (["photo.txt"], 1, "error: photo.txt is not text\n  why: it is a PNG image\n"),
        (["texts", "-T", "gpt3"], 1, "error: there is no tokenizer 'gpt3'\n"),
        (["texts", "-T", "gpt2", "-T", "none.json"], 1, "error: there is no tokenizer 'none.json'\n"),
        (["texts", "--workers", "0"], 2, "error: --workers is 0\n"),
        (["-", "-"], 2, "error: standard input is named twice\n"),
    ],
)
def test_error_says_what_is_wrong_and_shows_no_counts(
    run: Run, folder: Path, arguments: list[str], code: int, what: str
) -> None:
    (folder / "empty").mkdir()
    (folder / "photo.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\xff")
    done = run("count", *arguments)
    assert (done.code, done.out) == (code, b"")
    assert done.err.startswith(what)


def test_notes_are_those_of_other_verbs(run: Run, folder: Path) -> None:
    (folder / "texts" / "d.py").write_text("one")
    (folder / "texts" / "e.txt").write_bytes(b"a\xff<|endoftext|>")
    done = run("count", "texts", "texts/a.txt", "--errors", "replace", "--text-field", "body")
    assert done.code == 0
    assert done.err == (
        "note: --text-field has no effect: no input is JSON Lines or Parquet\n"
        "note: the special token <|endoftext|> is in the text once, first in texts/e.txt: it became the id "
        "50256; --special text reads it as ordinary text\n"
        "note: passed over: 1 .py; --include GLOB reads others\n"
        "note: read more than once: texts/a.txt\n"
        "note: 1 invalid sequence replaced by U+FFFD\n"
    )
    assert run("count", "texts", "--errors", "replace", "-q").err == ""


def test_notes_come_after_the_lines_in_one_file(folder: Path) -> None:
    (folder / "texts" / "d.py").touch()
    done = shell("env -u PYTHONUNBUFFERED gptprep count texts 2>&1", folder)
    assert done.stdout == LINES + b"note: passed over: 1 .py; --include GLOB reads others\n"


def test_notes_of_several_tokenizers_say_whose_they_are(run: Run, folder: Path) -> None:
    (folder / "e.jsonl").write_text('{"text": "a<|endoftext|>"}\n{"text": ""}\n{"text": "<|pad|>"}\n')
    (folder / "words.json").write_text('{"a": 0, "<|pad|>": 1, "<|endoftext|>": 2, "<|unk|>": 3}')
    done = run("count", "e.jsonl", "-T", "gpt2", "-T", "words.json", "--special", "text")
    read = "it was read as ordinary text; --special allow gives its id of"
    assert done.err.splitlines() == [
        f"note: the special token <|endoftext|> is in the text once, first in e.jsonl: {read} gpt2",
        f"note: the special token <|pad|> is in the text once, first in e.jsonl: {read} words.json",
        "note: 1 empty document left out",
    ]


def test_path_with_a_line_end_stays_on_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a\nb.txt").write_text("one")
    (tmp_path / os.fsdecode(b"\xff.txt")).write_text("one")
    done = run("count", *sorted(os.listdir(tmp_path)))
    assert done.out == b"1  3  3.00  1  a\\nb.txt\n1  3  3.00  1  \xff.txt\n2  6  3.00  2  total\n"


TABLE = """\
  ids  bytes  bytes/id  documents  path
    3     13      4.33          1  texts/a.txt
    4     13      3.25          1  texts/b.txt
1,501  6,000      4.00          1  texts/c d.txt
1,508  6,026      4.00          3  total
"""


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_terminal_shows_names_and_separators_and_whole_paths(folder: Path, columns: int) -> None:
    shown = in_terminal(folder, "count", "texts", columns=columns).replace("\r\n", "\n")
    assert shown.startswith("\x1b[1m  ids ")
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == TABLE
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert in_terminal(folder, "count", "texts", columns=columns, env=plain).replace("\r", "") == TABLE


GROUPS = """\
──────── ids ────────         ── bytes/id ──
 gpt2  long name.json  bytes  gpt2  long na…  documents  path
1,501           1,500  6,000  4.00      4.00          1  texts/c d.txt
"""


def test_terminal_shows_the_names_of_several_tokenizers(folder: Path) -> None:
    (folder / "long name.json").write_text('{"yes": 0, "<|unk|>": 1}')
    arguments = ("count", "texts/c d.txt", "-T", "gpt2", "-T", "long name.json")
    shown = in_terminal(folder, *arguments, env={"NO_COLOR": "1"})
    assert shown.replace("\r", "") == GROUPS


def test_reader_that_has_gone_is_no_error_to_explain(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*GPTPREP, "count", "texts"]
    done = subprocess.run(command, cwd=folder, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.faults
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, b"interrupted\n"), (signal.SIGTERM, 143, b"terminated\n")],
)
@pytest.mark.parametrize("tokenizers", ["", "-T gpt2 -T gpt2"])
def test_interrupt_ends_a_count_and_leaves_nothing(
    tmp_path: Path, tokenizers: str, number: int, code: int, said: bytes
) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [*GPTPREP, "count", *tokenizers.split()]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=env, **pipes) as process:  # type: ignore[call-overload]
        process.stdin.write(b"some words " * 1_000_000)  # ends when nearly all was read
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (code, b"", said)
    assert list(tmp_path.iterdir()) == []
