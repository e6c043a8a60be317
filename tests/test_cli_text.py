"""`encode`, `decode`, `inspect` and `vocab` through real processes: argument, file and standard input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import tiktoken

from tests.conftest import Run

HELLO = b"15496 11 995 13\n"


# encode


def test_encode_a_text_a_file_and_standard_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello, world.")
    assert run("encode", "-t", "Hello, world.") == (0, HELLO, "")
    assert run("encode", "a.txt") == (0, HELLO, "")
    assert run("encode", stdin=b"Hello, world.") == (0, HELLO, "")
    assert run("encode", "-", stdin=b"Hello, world.") == (0, HELLO, "")
    assert run("encode", "-t", "Hello", "-t", "world", "a.txt") == (0, b"15496\n6894\n" + HELLO, "")


def test_encode_and_decode_give_back_each_sample(run: Run, samples: Path) -> None:
    for path in sorted(samples.iterdir()):
        data = path.read_bytes()
        piped = run("encode", stdin=data)
        assert run("decode", stdin=piped.out).out == data
        for name in ("ids.npy", "ids.bin", "ids.txt"):
            assert run("encode", path, "-o", name, "-f").code == 0
            assert run("decode", name, "-o", "back", "-f").code == 0
            assert (samples.parent / "back").read_bytes() == data
            assert run("decode", name).out == data


def test_bytes_that_text_mode_would_change(run: Run) -> None:
    data = "\ufeffone\r\ntwo\rthree\n\0\x1a\u2028end".encode()
    assert run("decode", stdin=run("encode", stdin=data).out).out == data


def test_an_ids_file_is_one_stream_with_end_of_text_between(
    run: Run, samples: Path, truth: tiktoken.Encoding, tmp_path: Path
) -> None:
    expected: list[int] = []
    for path in sorted(samples.iterdir()):
        ids = truth.encode(path.read_bytes().decode(), allowed_special="all")
        expected += [50256, *ids] if expected else ids
    done = run("encode", "sample_texts", "-o", "train.bin", "--json")
    assert (done.code, done.err) == (0, "")
    report = json.loads(done.out)
    assert (report["ids"], report["documents"], report["literal_specials"]) == (len(expected), 7, 6)
    # as nanoGPT reads it
    assert np.memmap(tmp_path / "train.bin", np.uint16, "r").tolist() == expected
    assert run("encode", "sample_texts", "-o", "train.npy").code == 0
    array = np.load(tmp_path / "train.npy")
    assert (array.dtype, array.tolist()) == (np.uint16, expected)
    piped = run("encode", "sample_texts", "--format", "npy")
    assert piped.out == (tmp_path / "train.npy").read_bytes()


def test_formats(run: Run) -> None:
    texts = ("-t", "Hi yo\n", "-t", "é 你")
    assert run("encode", *texts, "--format", "tokens").out.decode() == "Hi ·yo ⏎\né · <0xE4><0xBD> <0xA0>\n"
    assert run("encode", *texts, "--count").out == b"7\n"
    document = json.loads(run("encode", *texts, "--json").out)
    assert document["documents"] == [
        {"source": "text-1", "ids": [17250, 27406, 198]},
        {"source": "text-2", "ids": [2634, 220, 19526, 254]},
    ]
    assert (document["n_documents"], document["n_ids"]) == (2, 7)


def test_special_policies(run: Run) -> None:
    text = "a<|endoftext|>b"
    assert run("encode", "-t", text).out == b"64 50256 65\n"
    assert run("encode", "-t", text, "--special", "text").out == b"64 27 91 437 1659 5239 91 29 65\n"
    done = run("encode", "-", "--special", "error", stdin=b"one\ntwo <|endoftext|>")
    assert (done.code, done.out) == (1, b"")
    assert "standard input:2 (byte offset 8): the text holds the special token <|endoftext|>" in done.err


def test_replace_and_skip_say_what_they_did(run: Run) -> None:
    done = run("encode", "--errors", "replace", stdin=b"a\xffb")
    assert (done.code, done.out) == (0, b"64 4210 65\n")
    assert "1 invalid sequence replaced" in done.err
    done = run("encode", "--errors", "skip", "--separator", r"\n", stdin=b"a\xff\nb")
    assert (done.code, done.out) == (0, b"65\n")
    assert "1 document skipped" in done.err


def test_encode_errors(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.npy").write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "bad.txt").write_bytes(b"abc\xe9def")
    for arguments, code, what in (
        (
            ["none.txt"],
            1,
            "error: cannot read none.txt\n  why: No such file or directory\n  fix: check the path\n",
        ),
        (["empty.txt"], 1, "error: no text in empty.txt\n  why: it is empty\n"),
        (["folder"], 1, "error: the folder folder has no text\n"),
        (["bad.txt"], 1, "error: bad.txt is not valid UTF-8: byte 0xe9 at offset 3\n"),
        (["-t", "x", "-T", "gpt3"], 1, "fix: did you mean gpt2?\n"),
        (["-t", "x", "-o", "there.npy"], 1, "error: there.npy already exists\n  fix: give --force"),
        (["-t", "x", "-o", "folder"], 1, "error: folder is a folder\n"),
        (["-t", "x", "-o", "file/x.npy"], 1, "error: cannot write file/x.npy\n"),
        (["-t", "x", "--encoding", "utf-9"], 2, "error: 'utf-9' is not a text encoding\n"),
        (["-t", "x", "--format", "xml"], 2, "Invalid value for '--format'"),
        (["--nonsense"], 2, "No such option"),
    ):
        done = run("encode", *arguments)
        assert (done.code, done.out) == (code, b""), arguments
        assert what in done.err, arguments
        assert "Traceback" not in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bad.txt",
        "empty.txt",
        "file",
        "folder",
        "there.npy",
    ]
    assert (tmp_path / "there.npy").read_bytes() == b"old"


def test_a_failed_run_leaves_nothing_at_the_outputs_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"good text " * 300_000 + b"\xff")
    for output in ("x.npy", "x.bin", "x.txt"):
        assert run("encode", "a.txt", "-o", output).code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_an_unreadable_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    # Nothing is unreadable to root, so the system's answer is given here.
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nask = os.access\nos.access = lambda path, mode: path != 'a.txt' and ask(path, mode)\n"
    )
    done = run("encode", "a.txt", env={"PYTHONPATH": str(tmp_path)})
    assert (done.code, done.out) == (1, b"")
    assert done.err.startswith("error: cannot read a.txt\n  why: Permission denied\n  fix: check who owns it")


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    line = command.replace("gptprep", f"{sys.executable} -m gptprep")
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True)


def test_a_reader_that_goes_away_ends_it_quietly(samples: Path) -> None:
    (samples / "big.txt").write_bytes(b"many words " * 200_000)
    for command in ("gptprep encode sample_texts", "gptprep encode sample_texts | gptprep decode"):
        done = shell(f"set -o pipefail; {command} | head -c 20", samples.parent)
        assert (done.returncode, done.stderr) == (141, b"")
        assert len(done.stdout) == 20


def test_a_full_disk_under_standard_output(tmp_path: Path) -> None:
    for command in ("encode -t Hello", "decode 1", "inspect -t Hello", "encode -t Hello --json"):
        done = shell(f"gptprep {command} > /dev/full", tmp_path)
        assert done.returncode == 1, command
        assert done.stderr.startswith(b"error: cannot write to standard output\n  why: No space left")


def test_closed_streams_are_no_traceback(tmp_path: Path) -> None:
    for command, code in (
        ("encode <&-", 1),
        ("encode -t x >&-", 1),
        ("encode none 2>&-", 1),
        ("encode -t x 2>&-", 0),
    ):
        done = shell(f"gptprep {command}", tmp_path)
        assert done.returncode == code, command
        assert b"Traceback" not in done.stderr


# decode


def test_decode_arguments_files_and_standard_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes(HELLO)
    for arguments in (
        ["15496", "11", "995", "13"],
        ["15496,11,995,13"],
        ["[15496, 11, 995, 13]"],
        ["ids.txt"],
    ):
        assert run("decode", *arguments) == (0, b"Hello, world.", "")
    assert run("decode", stdin=b"[15496, 11,\n995 13]") == (0, b"Hello, world.", "")
    assert json.loads(run("decode", "15496", "--json").out)["text"] == "Hello"


def test_decode_errors(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cut.bin").write_bytes(b"123")
    (tmp_path / "no.npy").write_bytes(b"123")
    (tmp_path / "words.txt").write_text("15496 11\nHello")
    np.save(tmp_path / "wide.npy", np.zeros((2, 2), np.uint16))
    np.save(tmp_path / "far.npy", np.array([1, 2, 60_000], np.uint16))
    for arguments, code, what in (
        (["1", "50257"], 1, "error: the id 50257 at position 1 is not in the vocabulary of gpt2\n"),
        (["far.npy"], 1, "the id 60000 at position 2"),
        (["1", "x"], 2, "'x' is not an id"),
        (["none.npy"], 1, "cannot read none.npy"),
        (["words.txt"], 1, "words.txt holds 'Hello' at position 2"),
        (["cut.bin"], 3, "cut.bin is cut short"),
        (["no.npy"], 3, "no.npy is not a .npy file"),
        (["wide.npy"], 3, "wide.npy is not a file of ids"),
    ):
        done = run("decode", *arguments, "-o", "out")
        assert (done.code, done.out) == (code, b""), arguments
        assert what in done.err, arguments
        assert not (tmp_path / "out").exists()


# inspect


def test_inspect_shows_tokens_over_their_ids(run: Run) -> None:
    done = run("inspect", "-t", "Hello, wörld<|endoftext|>\nyo")
    assert done == (
        0,
        "Hello ,  ·w  ör    ld  <|endoftext|> ⏎\n"
        "15496 11 266 30570 335 50256         198\n"
        "\n"
        "yo\n"
        "8226\n"
        "\n"
        "8 tokens, 29 bytes, 3.6 bytes each · gpt2\n".encode(),
        "",
    )


def test_inspect_in_colour_and_without(run: Run) -> None:
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert b"\x1b[" in run("inspect", "-t", "Hi", env=forced).out
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert b"\x1b[3" not in run("inspect", "-t", "Hi", env={**forced, **env}).out
    assert b"\x1b[3" not in run("inspect", "-t", "Hi", "--no-color", env=forced).out


def test_inspect_for_machines(run: Run) -> None:
    report = json.loads(run("inspect", "-t", "Hi 你", "--json").out)
    assert report["tokens"][-1] == {"id": 254, "token": "<0xA0>", "bytes": 1, "special": False}
    assert report["bytes"] == 6


# vocab


def test_vocab_then_encode_then_decode(run: Run, samples: Path, tmp_path: Path) -> None:
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


def test_vocab_report_for_machines(run: Run) -> None:
    done = run(
        "vocab", "-", "-o", "v.json", "--json", "--size", "3", "--special-token", "[PAD]", stdin=b"b b a a c"
    )
    report = json.loads(done.out)
    assert (report["size"], report["tokens"], report["distinct"], report["covered"]) == (3, 5, 3, 4)
    assert report["top"] == [["a", 0, 2], ["b", 1, 2]]
    assert done.err == ""


def test_a_vocabulary_without_unk_names_the_unknown_word(run: Run, tmp_path: Path) -> None:
    assert run("vocab", "-", "-o", "v.json", "--no-special-tokens", stdin=b"a b").code == 0
    (tmp_path / "a.txt").write_text("a b\na\nb zebra")
    done = run("encode", "-T", "v.json", "a.txt")
    assert (done.code, done.out) == (1, b"")
    assert done.err.startswith(
        "error: a.txt:3 (byte offset 8): the word 'zebra' is not in the vocabulary v.json\n"
    )


def test_vocab_errors(run: Run, tmp_path: Path) -> None:
    for arguments, code, what in (
        (["-", "-o", "v.json", "--special-token", "a b"], 2, "cannot be a special token"),
        (["-", "-o", "v.json", "--special-token", "x", "--no-special-tokens"], 2, "exclude each other"),
        (["-", "-o", "v.json", "--min-count", "9"], 1, "no word is met 9 times"),
        (["-", "-o", "v.json", "--size", "2"], 2, "has no room for a word"),
        (["-"], 2, "Missing option '--output'"),
        (["none", "-o", "v.json"], 1, "cannot read none"),
    ):
        done = run("vocab", *arguments, stdin=b"a b")
        assert (done.code, done.out) == (code, b""), arguments
        assert what in done.err, arguments
    assert list(tmp_path.iterdir()) == []
