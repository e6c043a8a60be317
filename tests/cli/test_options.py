"""Options that cannot be used together, outputs that would destroy inputs, and escapes."""

from pathlib import Path

import pytest

from gptprep.cli.options import ReadingArguments
from tests.helpers.cli import Run


def test_separator_may_contain_escapes() -> None:
    assert ReadingArguments(separator=r"a\n\t\\n").text.separator == "a\n\t\\n"


@pytest.mark.parametrize(("separator", "escape"), [(r"\q", r"\q"), (r"\n\0", r"\0"), ("a\\", "\\")])
def test_unknown_escape_is_a_usage_error_whose_fix_works(run: Run, separator: str, escape: str) -> None:
    done = run("encode", "-t", "one", "--separator", separator)
    assert (done.code, done.out) == (2, b"")
    assert f"error: --separator has {escape}\n" in done.err
    assert f"fix: write \\{escape} for a backslash\n" in done.err
    right = separator.removesuffix(escape) + "\\" + escape
    assert run("encode", "-t", "one", "--separator", right) == (0, b"505\n", "")


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("encode a.txt --text-field body", "--text-field has no effect: no input is JSON Lines or Parquet"),
        ("vocab a.txt -o v.json --text-field body", "--text-field has no effect: no input is JSON Lines"),
        ("window a.txt -o w -L 1 --text-field body", "--text-field has no effect: no input is JSON Lines"),
        ("encode a.jsonl --separator x", "--separator has no effect: no input is plain text"),
        ("encode a.jsonl a.txt --separator x", ""),
        ("encode a.jsonl a.txt --text-field text", ""),
        ("encode - --text-field text", ""),
        ("encode -t one --separator x", ""),
    ],
)
def test_option_without_effect_is_a_note(run: Run, tmp_path: Path, line: str, note: str) -> None:
    (tmp_path / "a.txt").write_text("one two")
    (tmp_path / "a.jsonl").write_text('{"text": "one"}')
    done = run(*line.split(), stdin=b'{"text": "one"}')
    assert done.code == 0
    assert (f"note: {note}" in done.err) if note else ("note" not in done.err)
    quiet = run(*line.split(), "-q", *(["-f"] if "-o" in line else []), stdin=b'{"text": "one"}')
    assert quiet == (0, done.out, "")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (
            ["encode", "a.txt", "--format", "npy", "-o", "x.bin"],
            "the ending of x.bin is not that of",
        ),
        (
            ["encode", "a.txt", "--format", "ids", "-o", "x.npy"],
            "the ending of x.npy is not that of",
        ),
        (["encode", "a.txt", "-o", "x.npy.gz"], "x.npy.gz would not be compressed"),
        (["encode", "a.txt", "-o", "x.npy", "--count"], "--count prints a number"),
        (
            ["encode", "a.txt", "--json", "--format", "tokens"],
            "--json and --format tokens cannot be used together",
        ),
        (["encode", "a.txt", "-o", ""], "the output has no name"),
        (["encode", "-", "-"], "standard input is named twice"),
        (["decode", "1", "٣"], "'٣' is not an id"),
        (["decode", "a", "b"], "'a' is not an id"),
        (["decode", "", ""], "there is no id among the arguments"),
        (["vocab", "a.txt", "-o", "v"], "v does not end in .json"),
        (["window", "a.txt", "-o", "-"], "a folder cannot be written to standard output"),
        (
            ["window", "a.txt", "-o", "s", "--val-fraction", "1e-99999999"],
            "the val fraction is 1e-99999999",
        ),
    ],
)
def test_contradiction_is_a_usage_error(run: Run, tmp_path: Path, arguments: list[str], what: str) -> None:
    (tmp_path / "a.txt").write_text("one two")
    done = run(*arguments)
    assert (done.code, done.out != b"") == (2, "--json" in arguments)
    assert f"error: {what}" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "a.txt", "-o", "a.txt"],
        ["vocab", "b.json", "-o", "b.json"],
        ["encode", ".", "-o", "a.txt"],
        ["encode", "a.txt", "-T", "words.json", "-o", "words.json"],
        ["encode", "-t", "one", "-T", "words.json", "-o", "linked.json"],
        ["decode", "0", "1", "-T", "words.json", "-o", "words.json"],
    ],
)
def test_output_file_is_never_one_that_is_read(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "a.txt").write_text("one two")
    (tmp_path / "b.json").write_text("one two")
    (tmp_path / "words.json").write_text('{"one": 0, "two": 1}')
    (tmp_path / "linked.json").symlink_to("words.json")
    done = run(*arguments, "--force")
    assert (done.code, done.out) == (1, b"")
    assert "is read by this run" in done.err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a.txt": "one two",
        "b.json": "one two",
        "words.json": '{"one": 0, "two": 1}',
        "linked.json": '{"one": 0, "two": 1}',
    }


def test_file_with_the_name_of_an_encoding_may_be_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gpt2").write_text("one two")
    assert run("encode", "-t", "one", "-o", "gpt2", "-f").code == 0
    assert (tmp_path / "gpt2").read_text() == "505\n"


def test_folder_with_the_tokenizer_is_not_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    assert run("window", "a.txt", "-o", "d", "-L", "1", "-q").code == 0
    (tmp_path / "d" / "words.json").write_text('{"one": 0, "two": 1}')
    done = run("window", "a.txt", "-T", "d/words.json", "-o", "d", "-L", "1", "--force")
    assert (done.code, (tmp_path / "d" / "words.json").exists()) == (1, True)
    assert "error: the input d/words.json is in d\n" in done.err


def test_output_folder_that_holds_other_files_is_not_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    assert run("window", "a.txt", "-o", "d", "-L", "1", "-q").code == 0
    (tmp_path / "d" / "mine.txt").write_text("one two three")
    done = run("window", "d/mine.txt", "-o", "d", "-L", "1", "--force")
    assert (done.code, (tmp_path / "d" / "mine.txt").read_text()) == (1, "one two three")
    assert "error: the input d/mine.txt is in d\n" in done.err
    done = run("window", "a.txt", "-o", "d", "-L", "1", "--force")
    assert (done.code, (tmp_path / "d" / "mine.txt").read_text()) == (1, "one two three")
    assert "d already exists and was not written by gptprep" in done.err
