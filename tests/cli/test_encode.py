"""`gptprep encode` from the shell: inputs, formats, policies and errors."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiktoken

from tests.helpers.cli import Run

HELLO = b"15496 11 995 13\n"


def test_argument_file_and_standard_input_give_the_same_ids(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello, world.")
    assert run("encode", "-t", "Hello, world.") == (0, HELLO, "")
    assert run("encode", "a.txt") == (0, HELLO, "")
    assert run("encode", stdin=b"Hello, world.") == (0, HELLO, "")
    assert run("encode", "-", stdin=b"Hello, world.") == (0, HELLO, "")
    assert run("encode", "-t", "Hello", "-t", "world", "a.txt") == (0, b"15496\n6894\n" + HELLO, "")


def test_decode_gives_back_each_sample_through_a_pipe(run: Run, samples: Path) -> None:
    for path in sorted(samples.iterdir()):
        data = path.read_bytes()
        assert run("decode", stdin=run("encode", stdin=data).out).out == data


@pytest.mark.parametrize("name", ["ids.npy", "ids.bin", "ids.txt"])
def test_decode_gives_back_each_sample_through_a_file(run: Run, samples: Path, name: str) -> None:
    for path in sorted(samples.iterdir()):
        data = path.read_bytes()
        assert run("encode", path, "-o", name, "-f").code == 0
        assert run("decode", name, "-o", "back", "-f").code == 0
        assert (samples.parent / "back").read_bytes() == data
        assert run("decode", name).out == data


def test_newlines_and_control_characters_are_kept(run: Run) -> None:
    data = "\ufeffone\r\ntwo\rthree\n\0\x1a\u2028end".encode()
    assert run("decode", stdin=run("encode", stdin=data).out).out == data


def test_id_file_is_one_stream_with_end_of_text_between_documents(
    run: Run, samples: Path, reference: tiktoken.Encoding, tmp_path: Path
) -> None:
    expected: list[int] = []
    for path in sorted(samples.iterdir()):
        ids = reference.encode(path.read_bytes().decode(), allowed_special="all")
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


@pytest.mark.parametrize(
    ("policy", "became", "ids"),
    [
        ("allow", "became the id 50256; --special text reads it as ordinary text", 4),
        ("text", "was read as ordinary text; --special allow gives its id", 17),
    ],
)
def test_literal_special_token_is_named_and_not_written_twice(
    run: Run, tmp_path: Path, policy: str, became: str, ids: int
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("a<|endoftext|>")
    done = run("encode", "a.txt", "b.txt", "-o", "x.bin", "--special", policy)
    assert f"the special token <|endoftext|> is in the text 2 times, first in a.txt: it {became}" in done.err
    stored = np.fromfile(tmp_path / "x.bin", "<u2").tolist()
    assert len(stored) == ids
    if policy == "allow":
        assert stored == [64, 50256, 64, 50256]
    done = run("encode", "a.txt", "b.txt", "-o", "x.bin", "--special", policy, "--json", "-f")
    (special,) = json.loads(done.out)["special_tokens"]
    assert (special["token"], special["count"], special["source"]) == ("<|endoftext|>", 2, "a.txt")


def test_tokens_count_and_json(run: Run) -> None:
    texts = ("-t", "Hi yo\n", "-t", "é 你")
    assert run("encode", *texts, "--format", "tokens").out.decode() == "Hi ·yo ⏎\né · <0xE4><0xBD> <0xA0>\n"
    assert run("encode", *texts, "--count").out == b"7\n"
    document = json.loads(run("encode", *texts, "--json").out)
    assert document["documents"] == [
        {"source": "text-1", "ids": [17250, 27406, 198]},
        {"source": "text-2", "ids": [2634, 220, 19526, 254]},
    ]
    assert (document["n_documents"], document["n_ids"]) == (2, 7)
    assert json.loads(run("encode", "-t", "Hello", "--count", "--json").out)["ids"] == 1


def test_standard_input_can_be_json_lines(run: Run) -> None:
    lines = b'{"body": "Hello"}\n{"body": "Hello"}\n'
    assert run("encode", "--text-field", "body", stdin=lines).out == b"15496\n15496\n"


def test_special_token_becomes_an_id_text_or_an_error(run: Run) -> None:
    text = "a<|endoftext|>b"
    assert run("encode", "-t", text).out == b"64 50256 65\n"
    assert run("encode", "-t", text, "--special", "text").out == b"64 27 91 437 1659 5239 91 29 65\n"
    done = run("encode", "-", "--special", "error", stdin=b"one\ntwo <|endoftext|>")
    assert (done.code, done.out) == (1, b"")
    assert "standard input:2 (byte offset 8): the text holds the special token <|endoftext|>" in done.err


def test_replaced_and_skipped_text_is_reported(run: Run) -> None:
    done = run("encode", "--errors", "replace", stdin=b"a\xffb")
    assert (done.code, done.out) == (0, b"64 4210 65\n")
    assert "1 invalid sequence replaced" in done.err
    done = run("encode", "--errors", "skip", "--separator", r"\n", stdin=b"a\xff\nb")
    assert (done.code, done.out) == (0, b"65\n")
    assert "1 document skipped" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
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
        (["-t", "x", "--format", "xml"], 2, "error: --format is 'xml'\n"),
        (["--nonsense"], 2, "error: there is no option --nonsense\n"),
    ],
)
def test_error_says_what_is_wrong_and_changes_nothing(
    run: Run, tmp_path: Path, arguments: list[str], code: int, what: str
) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.npy").write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "bad.txt").write_bytes(b"abc\xe9def")
    before = sorted(tmp_path.iterdir())
    done = run("encode", *arguments)
    assert (done.code, done.out) == (code, b"")
    assert what in done.err
    assert "Traceback" not in done.err
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "there.npy").read_bytes() == b"old"


def test_failed_run_leaves_nothing_at_the_output(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"good text " * 300_000 + b"\xff")
    for output in ("x.npy", "x.bin", "x.txt"):
        assert run("encode", "a.txt", "-o", output).code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_unreadable_file_is_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    # Root can read every file, so os.access is replaced.
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nask = os.access\nos.access = lambda path, mode: path != 'a.txt' and ask(path, mode)\n"
    )
    done = run("encode", "a.txt", env={"PYTHONPATH": str(tmp_path)})
    assert (done.code, done.out) == (1, b"")
    assert done.err.startswith("error: cannot read a.txt\n  why: Permission denied\n  fix: check the owner")
