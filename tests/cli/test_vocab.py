"""`gptprep vocab` from the shell: vocabularies that `encode` and `decode` use, reports and errors."""

import json
from pathlib import Path

import pytest

from tests.helpers.cli import Run


def test_encode_and_decode_use_a_vocabulary(run: Run, samples: Path, tmp_path: Path) -> None:
    done = run("vocab", "sample_texts", "-o", "words.json", "--top", "2")
    assert (done.code, done.out) == (0, b"")
    assert "covers 100.00 %" in done.err
    vocabulary = json.loads((tmp_path / "words.json").read_text())
    assert vocabulary["tokens"][-2:] == vocabulary["special_tokens"] == ["<|endoftext|>", "<|unk|>"]
    ids = run("encode", "-T", "words.json", "-t", "The clock, qqq.").out
    assert run("decode", "-T", "words.json", stdin=ids).out == b"The clock, <|unk|>."
    assert run("vocab", "sample_texts", "-o", "chars.json", "--kind", "char", "-q") == (0, b"", "")
    for path in sorted(samples.iterdir()):
        ids = run("encode", "-T", "chars.json", path).out
        assert run("decode", "-T", "chars.json", stdin=ids).out == path.read_bytes()


def test_json_report_has_the_counts(run: Run) -> None:
    options = ("--json", "--size", "3", "--special-token", "[PAD]")
    done = run("vocab", "-", "-o", "v.json", *options, stdin=b"b b a a c")
    report = json.loads(done.out)
    assert (report["size"], report["tokens"], report["distinct"], report["covered"]) == (3, 5, 3, 4)
    assert report["top"] == [["a", 0, 2], ["b", 1, 2]]
    assert done.err == ""


def test_vocabulary_can_go_to_standard_output(run: Run) -> None:
    done = run("vocab", "-", "-o", "-", stdin=b"b a")
    assert json.loads(done.out)["tokens"] == ["a", "b", "<|endoftext|>", "<|unk|>"]


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ("", "the text has only 3 different words"),
        ("--kind char", "the text has only 4 different characters"),
        ("--min-count 2", "only 1 of 3 different words occur --min-count times"),
    ],
)
def test_text_with_few_tokens_gives_a_note(run: Run, options: str, note: str) -> None:
    done = run("vocab", "-", "-o", "v.json", "--size", "1000", *options.split(), stdin=b"a b c a")
    assert done.code == 0
    assert done.err.splitlines()[-1] == f"note: {note}; 1,000 tokens were asked for"
    assert "note" not in run("vocab", "-", "-o", "w.json", "--size", "3", stdin=b"a b c").err


def test_unknown_word_is_named_if_there_is_no_unk_token(run: Run, tmp_path: Path) -> None:
    assert run("vocab", "-", "-o", "v.json", "--no-special-tokens", stdin=b"a b").code == 0
    (tmp_path / "a.txt").write_text("a b\na\nb zebra")
    done = run("encode", "-T", "v.json", "a.txt")
    assert (done.code, done.out) == (1, b"")
    assert done.err.startswith(
        "error: a.txt:3 (byte offset 8): the word 'zebra' is not in the vocabulary v.json\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["-", "-o", "v.json", "--special-token", "a b"], 2, "cannot be a special token"),
        (
            ["-", "-o", "v.json", "--special-token", "x", "--no-special-tokens"],
            2,
            "--special-token and --no-special-tokens cannot be used together",
        ),
        (["-", "-o", "v.json", "--min-count", "0"], 2, "--min-count is 0\n  fix: give 1 or more\n"),
        (["-", "-o", "v.json", "--top", "-1"], 2, "--top is -1\n  fix: give 0 or more\n"),
        (["-", "-o", "v.json", "--min-count", "9"], 1, "no word occurs 9 times"),
        (["-", "-o", "v.json", "--size", "2"], 2, "has no room for a word"),
        (["none", "-o", "v.json"], 1, "cannot read none"),
    ],
)
def test_error_says_what_is_wrong_and_writes_nothing(
    run: Run, tmp_path: Path, arguments: list[str], code: int, what: str
) -> None:
    done = run("vocab", *arguments, stdin=b"a b")
    assert (done.code, done.out) == (code, b"")
    assert what in done.err
    assert list(tmp_path.iterdir()) == []
