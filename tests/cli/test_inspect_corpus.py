"""`gptprep inspect` of corpora from the shell."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from tests.helpers.cli import Run, in_terminal, shell, start

WORDS = b"the quick brown fox jumps over it\n" * 60_000
"""More than 1 MiB, so that standard input is kept in a file."""


def plain(text: str) -> str:
    """What a terminal shows, without colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_short_text_has_only_its_tokens(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two\n")
    shown = "one ·two ⏎\n505 734  198\n\n3 tokens, 8 bytes, 2.7 bytes each · gpt2\n".encode()
    assert run("inspect", "a.txt") == (0, shown, "")
    assert run("inspect", stdin=b"one two\n") == (0, shown, "")
    assert run("inspect", "-", stdin=b"one two\n") == (0, shown, "")


def test_empty_standard_input_has_no_tokens(run: Run) -> None:
    assert run("inspect") == (0, "0 tokens, 0 bytes · gpt2\n".encode(), "")


def test_long_text_has_its_start_and_then_its_numbers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(WORDS)
    shown = run("inspect", "a.txt", "-n", "3", "--top", "1").out.decode()
    assert shown == (
        "the  ·quick ·brown\n"
        "1169 2068   7586\n"
        "\n"
        "text         2.0 MB  1 document in a.txt\n"
        "ids         480,000  4.25 bytes each · gpt2\n"
        "vocabulary        8  of 50,257 tokens used, 0.02 %\n"
        "\n"
        "most frequent tokens           rarest that occur\n"
        "token   id   count  percent    token     id   count\n"
        "⏎      198  60,000  12.50 %    ·fox   21831  60,000\n"
        "\n"
        "scripts      bytes/id  percent  of a sample of 1.0 MB\n"
        "Latin            4.71  97.06 %  ████████████████████████████████████████\n"
        "white space      1.00   2.94 %  █▎\n"
    )


def test_folder_has_lengths_and_sources(run: Run, samples: Path) -> None:
    done = run("inspect", samples.name, "--top", "2")
    shown = done.out.decode()
    assert "text        82.6 KB  7 documents in 7 sources\n" in shown
    assert "min 1,226  median 2,358  mean 4,265.3  max 9,535\n" in shown
    assert re.search(r"^2,048 +4,095 +3 +█+$", shown, re.MULTILINE)
    assert re.search(r"^largest of 7 sources +ids +bytes/id +documents +size$", shown, re.MULTILINE)
    assert "the special token <|endoftext|> is in the text 6 times" in done.err


def test_long_standard_input_is_read_as_a_file_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stdin").write_bytes(WORDS)
    (tmp_path / "temporary").mkdir()
    env = {"TMPDIR": str(tmp_path / "temporary")}
    assert run("inspect", stdin=WORDS, env=env) == run("inspect", "stdin")
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize("n_words", [0, 400_000])
def test_errors_of_standard_input_name_it(run: Run, n_words: int) -> None:
    done = run("inspect", stdin=b"word " * n_words + b"\xff")
    what = f"error: standard input is not valid UTF-8: byte 0xff at offset {5 * n_words}\n"
    assert (done.code, what in done.err) == (1, True)
    assert run("inspect", "--errors", "replace", stdin=b"word " * n_words + b"\xff").code == 0


def test_binary_standard_input_is_refused(run: Run) -> None:
    done = run("inspect", stdin=b"%PDF-1.7\n\0\xff")
    assert (done.code, "standard input is not text" in done.err) == (1, True)


def test_pipes_with_names_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(WORDS)
    piped = shell("gptprep inspect <(cat a.txt) -n 2 --json | grep -v '\"path\"'", tmp_path)
    named = shell("gptprep inspect a.txt -n 2 --json | grep -v '\"path\"'", tmp_path)
    assert piped.stdout == named.stdout
    assert json.loads(shell("gptprep inspect <(cat a.txt) --json", tmp_path).stdout)["bytes"] == len(WORDS)


def test_several_tokenizers_are_compared(run: Run, samples: Path) -> None:
    assert run("vocab", samples, "--kind", "bpe", "--size", "300", "-o", "b.json", "-q").code == 0
    shown = run("inspect", samples.name, "-T", "gpt2", "-T", "b.json", "-q").out.decode()
    assert re.search(r"^tokenizer +ids +bytes/id +tokens used$", shown, re.MULTILINE)
    assert re.search(r"^gpt2 +29,857 +2.77 +7.13 % of 50,257$", shown, re.MULTILINE)
    assert re.search(r"^b.json +[0-9,]+ +[0-9.]+ +\+[0-9.]+ % +[0-9.]+ % of 300$", shown, re.MULTILINE)
    few = run("inspect", "sample_texts/poem.txt", "-n", "2", "-T", "gpt2", "-T", "b.json", "-q").out.decode()
    assert few.startswith("gpt2    F │IVE")


def test_json_lines_are_read_with_their_options(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "one two"}\n{"body": "three"}\n')
    report = json.loads(run("inspect", "a.jsonl", "--text-field", "body", "-n", "1", "--json").out)
    assert (report["documents"], report["lengths"]["max"]) == (2, 2)
    assert [one["token"] for one in report["head"][0]["tokens"]] == ["one"]
    piped = run(
        "inspect", "--text-field", "body", "--json", "-n", "1", stdin=(tmp_path / "a.jsonl").read_bytes()
    )
    assert json.loads(piped.out)["head"] == report["head"]


def test_files_that_are_passed_over_are_noted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("one")
    (tmp_path / "texts" / "b.csv").write_text("two")
    done = run("inspect", "texts")
    assert "passed over: 1 .csv" in done.err
    assert "note" not in run("inspect", "texts", "--include", "*.csv", "--include", "*.txt").err


def test_skipped_document_is_noted(run: Run) -> None:
    done = run("inspect", "--errors", "skip", stdin=b"one \xff")
    assert (done.code, "1 document skipped: not valid text" in done.err) == (0, True)


@pytest.mark.parametrize(
    ("line", "code", "what"),
    [
        ("inspect empty", 1, "the folder empty has no text"),
        ("inspect *.none.txt", 1, "there is no file *.none.txt"),
        ("inspect a.txt none.txt", 1, "cannot read none.txt"),
        ("inspect a.txt -n -1", 2, "-n is -1"),
        ("inspect a.txt --top x", 2, "--top"),
        ("inspect a.txt --workers 0", 2, "--workers is 0"),
        ("inspect a.txt -T none", 1, "none"),
        ("inspect a.txt -t x", 2, "cannot be shown together"),
    ],
)
def test_bad_input_is_explained(run: Run, tmp_path: Path, line: str, code: int, what: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("one")
    done = run(*line.split())
    assert (done.code, done.out) == (code, b"")
    assert what in done.err


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(run: Run, samples: Path, columns: int) -> None:
    for inputs in (
        ["sample_texts"],
        ["sample_texts/the_salt_clock.txt"],
        ["sample_texts", "-T", "gpt2", "-T", "gpt2"],
    ):
        shown = run("inspect", *inputs, "-q", env={"COLUMNS": str(columns)}).out.decode()
        assert max(map(len, shown.splitlines())) <= columns
    assert samples.exists()


def test_ascii_locale_has_ascii_bars(run: Run, samples: Path) -> None:
    done = run("inspect", samples.name, env={"PYTHONIOENCODING": "ascii"})
    assert done.code == 0
    assert done.out.isascii()
    assert b"##########" in done.out


def test_control_characters_and_bidi_overrides_are_visible(run: Run, tmp_path: Path) -> None:
    text = "a\x1b[31m\u202eb\x07\u2066 שלום 你好 " * 3000
    (tmp_path / "a.txt").write_text(text)
    shown = run("inspect", "a.txt").out.decode()
    assert not {"\x1b", "\u202e", "\x07", "\u2066"} & set(shown)
    assert "\\x1b" in shown
    assert "<0xE2><0x80> <0xAE>" in shown


def test_start_fits_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(WORDS)
    shown = plain(in_terminal(tmp_path, "inspect", "a.txt", "--top", "1", "-q", columns=80))
    lines = shown.splitlines()
    assert lines[0].startswith("the  ·quick ·brown")
    assert len(lines) <= 30
    assert any(line.startswith("vocabulary") for line in lines)


def test_text_that_fits_the_terminal_is_shown_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n" * 9)
    assert "18 tokens" in in_terminal(tmp_path, "inspect", "a.txt")
    (tmp_path / "a.txt").write_text("one\n" * 20)
    assert "vocabulary" in in_terminal(tmp_path, "inspect", "a.txt")


def test_start_is_shown_before_everything_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"fine " * 1_000_000 + b"\xff")
    process = start(tmp_path, "inspect", "a.txt")
    out, err = process.communicate()
    assert process.returncode == 1
    assert out.startswith("fine  ·fine".encode())
    assert b"at offset 5000000" in err


def test_closed_pipe_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(WORDS)
    done = shell("gptprep inspect a.txt | head -n 1; echo ${PIPESTATUS[0]}", tmp_path)
    assert done.stdout.splitlines()[-1] == b"141"
    assert done.stderr == b""


def test_closed_standard_output_is_an_error(samples: Path) -> None:
    done = shell("gptprep inspect sample_texts -q >&-", samples.parent)
    assert (done.returncode, b"cannot write to standard output" in done.stderr) == (1, True)


def test_interrupt_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(WORDS * 100)
    process = start(tmp_path, "inspect", "a.txt")
    assert process.stdout
    process.stdout.readline()  # the start: the pass over everything follows
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, b"interrupted" in err) == (130, True)


def test_number_of_tokens_of_several_texts_has_no_effect(run: Run, samples: Path) -> None:
    assert (
        "-n has no effect: it shows the first tokens of one text"
        in run("inspect", samples.name, "-n", "5").err
    )
