"""`gptprep decode` from the shell: ids as arguments, files and standard input, and errors."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.cli import Run


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
        (["wide.npy", "-T", "gpt2"], 3, "wide.npy is not a file of ids"),
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
