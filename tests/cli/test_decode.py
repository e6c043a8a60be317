"""`gptprep decode` from the shell: ids as arguments, files and standard input, and errors."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.cli import Run
from tests.helpers.folders import contents, read_manifest, write_manifest


def test_arguments_files_and_standard_input_give_the_text(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes(b"15496 11 995 13\n")
    for arguments in (
        ["15496", "11", "995", "13"],
        ["15496,11,995,13"],
        ["[15496, 11, 995, 13]"],
        ["ids.txt"],
    ):
        assert run("decode", *arguments) == (0, b"Hello, world.", "")
    assert run("decode", stdin=b"[15496, 11,\n995 13]") == (0, b"Hello, world.", "")
    assert json.loads(run("decode", "15496", "--json").out)["text"] == "Hello"


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["1", "50257"], 1, "error: the id 50257 at position 1 is not in the vocabulary of gpt2\n"),
        (["far.npy", "-T", "gpt2"], 1, "the id 60000 at position 2"),
        (["1", "x"], 2, "'x' is not an id"),
        (["none.npy"], 1, "cannot read none.npy"),
        (["words.txt"], 1, "words.txt holds 'Hello' at position 2"),
        (["truncated.bin", "-T", "gpt2"], 3, "truncated.bin is truncated"),
        (["no.npy", "-T", "gpt2"], 3, "no.npy is not a .npy file"),
        (
            ["wide.npy", "-T", "gpt2"],
            1,
            "fix: give a flat array of whole numbers, or a whole folder of shards",
        ),
    ],
)
def test_error_says_what_is_wrong_and_writes_nothing(
    run: Run, tmp_path: Path, arguments: list[str], code: int, what: str
) -> None:
    (tmp_path / "truncated.bin").write_bytes(b"123")
    (tmp_path / "no.npy").write_bytes(b"123")
    (tmp_path / "words.txt").write_text("15496 11\nHello")
    np.save(tmp_path / "wide.npy", np.zeros((2, 2), np.uint16))
    np.save(tmp_path / "far.npy", np.array([1, 2, 60_000], np.uint16))
    done = run("decode", *arguments, "-o", "out")
    assert (done.code, done.out) == (code, b"")
    assert what in done.err
    assert not (tmp_path / "out").exists()


EOT = "<|endoftext|>"


@pytest.mark.parametrize("layout", ["pairs", "tokens"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("stride", [3, 8, 9])
def test_shards_decode_to_their_text(
    run: Run, tmp_path: Path, layout: str, shuffle: bool, stride: int
) -> None:
    texts = [" ".join(f"word{n * length}" for n in range(length)) for length in (30, 3, 1, 50, 8, 2)]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text)
    options = ("-L", "8", "-S", str(stride), "--layout", layout, *(["--shuffle"] if shuffle else []))
    assert run("window", "*.txt", "-o", "s", *options, "-q").code == 0
    found = run("decode", "s").out.decode()
    whole = EOT.join(texts)
    assert whole.startswith(found)
    assert len(whole) - len(found) < (60 if layout == "pairs" else 1)  # what is in no window
    assert run("window", "*.txt", "-o", "d", *options, "--boundary", "document", "-q").code == 0
    assert run("decode", "d").out.decode() == "".join(text + EOT for text in texts)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    ("layout", "stride", "missing"), [("pairs", 4, 1), ("pairs", 7, 8), ("pairs", 1, 0), ("tokens", 7, 0)]
)
def test_ids_that_are_in_no_window_are_noted(
    run: Run, tmp_path: Path, layout: str, stride: int, missing: int, shuffle: bool
) -> None:
    (tmp_path / "a.txt").write_text(" one" * 18)
    options = ("-L", "4", "-S", str(stride), "--layout", layout, *(["--shuffle"] if shuffle else []))
    assert run("window", "a.txt", "-o", "s", *options, "-q").code == 0
    were = "id of the split is" if missing == 1 else "ids of the split are"
    said = (
        f"note: the text is not complete: {missing} {were} in no window; "
        "gptprep window --layout tokens stores all ids\n"
    )
    done = run("decode", "s")
    assert (len(done.out), done.err) == (4 * (18 - missing), said if missing else "")
    done = run("decode", "s", "-o", "text.txt")
    assert (said in done.err) == bool(missing)
    done = run("decode", "s", "--json")
    found = json.loads(done.out)
    assert (found["ids"], found["missing_ids"], done.err) == (18 - missing, missing, "")


def test_shards_hold_the_tokenizer_that_decodes_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two one two two")
    vocabulary = '{"one": 0, "two": 1, "<|endoftext|>": 2}'
    (tmp_path / "words.json").write_text(vocabulary)
    options = ("-L", "1", "--val-fraction", "0.5", "-q")
    assert run("window", "a.txt", "-o", "s", "-T", "words.json", *options).code == 0
    (tmp_path / "words.json").unlink()
    assert (tmp_path / "s" / "tokenizer.json").read_text() == vocabulary
    assert run("verify", "s").code == 0
    assert run("decode", "s", "--split", "val").out == b"two two"
    assert run("encode", "-t", "two one", "-T", "s").out == b"1 0\n"
    assert run("window", "a.txt", "-o", "again", "-T", "s", *options).code == 0
    assert contents(tmp_path / "again") == contents(tmp_path / "s")
    assert run("window", "a.txt", "-o", "s", "-T", "again", *options, "-f").code == 0
    done = run("decode", "s", "-T", "gpt2")
    assert (done.code, "s was not made with the tokenizer gpt2" in done.err) == (1, True)
    (tmp_path / "s" / "tokenizer.json").write_text(vocabulary.replace("one", "six"))
    assert run("decode", "s").code == 3
    done = run("verify", "s")
    assert (done.code, "tokenizer.json: its sha256 does not match" in done.err) == (3, True)


def test_shards_of_gpt2_hold_no_tokenizer(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two one two two")
    ranks = files("gptprep.tokenizers") / "data" / "r50k_base.tiktoken"
    (tmp_path / "my.tiktoken").write_bytes(ranks.read_bytes())
    for name in ("gpt2", "my.tiktoken"):
        assert run("window", "a.txt", "-o", f"{name}.s", "-T", name, "-L", "1", "-q").code == 0
        assert not list((tmp_path / f"{name}.s").glob("tokenizer.*"))
        assert run("decode", f"{name}.s").out == b"one two one two two"


def test_shards_of_version_3_that_have_only_a_name_say_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two one two two")
    (tmp_path / "words.json").write_text('{"one": 0, "two": 1, "<|endoftext|>": 2}')
    assert run("window", "a.txt", "-o", "s", "-T", "words.json", "-L", "1", "-q").code == 0
    manifest = read_manifest(tmp_path / "s")
    del manifest["tokenizer_file"]
    write_manifest(tmp_path / "s", {**manifest, "version": 3})
    (tmp_path / "s" / "tokenizer.json").unlink()
    assert run("verify", "s").code == 0
    done = run("decode", "s")
    assert (done.code, "s does not hold its tokenizer" in done.err) == (1, True)
    assert run("decode", "s", "-T", "words.json").out == b"one two one two two"
