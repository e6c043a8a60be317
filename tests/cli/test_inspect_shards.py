"""`gptprep inspect SHARDS` from the shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.cli import Run, in_terminal
from tests.helpers.folders import read_manifest, write_manifest


@pytest.fixture
def shards(run: Run, tmp_path: Path) -> Path:
    """A folder `s` of two files: train of both, val of the second."""
    (tmp_path / "a.txt").write_text("One two three four five.")
    (tmp_path / "b.txt").write_text("Six seven eight\nnine ten eleven twelve.")
    assert run("window", "a.txt", "b.txt", "-o", "s", "-L", "4", "--val-fraction", "0.4", "-q").code == 0
    return tmp_path / "s"


@pytest.mark.usefixtures("shards")
def test_numbers_and_first_window(run: Run) -> None:
    done = run("inspect", "s")
    lines = [line.strip() for line in done.out.decode().splitlines()]
    assert (done.code, done.err) == (0, "")
    assert [line for line in lines if line] == [
        "s  560 bytes",
        "tokenizer  gpt2, 50,257 ids, end of text is 50256",
        "windows    context length 4, stride 4; they run across documents, in text order",
        "val        the last 0.4 of the stream",
        "stored     layout pairs, uint16",
        "text       utf-8, --errors strict, --special allow",
        "split  windows  ids  unused ids  files       size",
        "train        2   10           1      2  288 bytes",
        "val          1    6           1      2  272 bytes",
        "source  ids   share  documents  train  val",
        "b.txt     9  56.2 %          1      3    6",
        "a.txt     7  43.8 %          1      7    -",
        "train window 0 of 2  a.txt",
        "input      One  ·two   ·three ·four",
        "target     ·two ·three ·four  ·five",
        "id         3198 734    1115   1440",
    ]


@pytest.mark.usefixtures("shards")
def test_window_stands_over_its_targets(run: Run) -> None:
    shown = run("inspect", "s", "--split", "val", "--window", "0").out.decode()
    assert shown.splitlines() == [
        "val window 0 of 1  b.txt",
        "input      ⏎    nine  ·ten    ·eleven",
        "target     nine ·ten  ·eleven ·twelve",
        "id         198  30888 3478    22216",
        "",
    ]


@pytest.mark.usefixtures("shards")
def test_step_names_its_batch_and_does_not_import_torch(run: Run, tmp_path: Path) -> None:
    line = "inspect s --step 3 --batch-size 1 --seed 0"
    assert run(*line.split()).out.startswith(b"step 3: batch 1 of 2 in epoch 1, 1 window")
    code = f"""import sys
from gptprep.cli import main
sys.argv = ["gptprep", *{line.split()}]
try:
    main()
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "False"


@pytest.mark.usefixtures("shards")
def test_found_text_is_shown_with_its_window(run: Run) -> None:
    lines = run("inspect", "s", "--find", "two three").out.decode().splitlines()
    assert lines[0] == "train window 0, token 1  One·two·three·four·five.<|endoftext|>Six·seven"
    assert lines[1].startswith("once: train 1, val 0; searched ")
    lines = run("inspect", "s", "--find", "e", "-n", "1", "--split", "train").out.decode().splitlines()
    assert lines[1] == "... and 7 more"
    assert run("inspect", "s", "--find", "zzz").out.startswith(b"not found: train 0, val 0; searched ")


WRONG = [
    ("--find one --window 0", 2, "--window has no effect with --find"),
    ("--find one --step 0", 2, "--step has no effect with --find"),
    ("-n 5", 2, "-n has no effect without --find"),
    ("--rank 0", 2, "--rank has no effect without --step"),
    ("--find one --seed 1", 2, "--seed has no effect with --find"),
    ("--batch-size 2", 2, "--batch-size has no effect without --step"),
    ("--seed 2", 2, "--seed has no effect without --random or --step"),
    ("--window 0 --random 1", 2, "--window, --random and --step exclude each other"),
    ("--window 7", 2, "train has the windows 0 to 1"),
    ("--split test", 2, "give train or val"),
    ("-T gpt2 -T gpt2", 2, "s has one tokenizer"),
    ("--step 5", 2, "give the --seed of create_dataloader, or --no-shuffle"),
]


@pytest.mark.parametrize(("line", "code", "what"), WRONG, ids=[line for line, _, _ in WRONG])
@pytest.mark.usefixtures("shards")
def test_wrong_options_are_explained(run: Run, line: str, code: int, what: str) -> None:
    done = run("inspect", "s", *line.split())
    assert (done.code, done.out) == (code, b"")
    assert what in done.err


def test_damaged_manifest_shows_what_can_be_read(run: Run, shards: Path) -> None:
    text = (shards / "manifest.json").read_text()
    (shards / "manifest.json").write_text(text.replace('"stride": 4', '"stride": 5'))
    done = run("inspect", "s")
    assert done.code == 3
    assert "its manifest is damaged; it says:" in done.err
    assert "train windows  2" in done.err
    (shards / "manifest.json").write_text(text[: len(text) // 2])
    assert run("inspect", "s").code == 3


def test_missing_shard_shows_the_numbers_first(run: Run, shards: Path) -> None:
    (shards / "train" / "inputs-00000.npy").unlink()
    done = run("inspect", "s")
    assert done.code == 3
    assert b"tokenizer" in done.out
    assert "inputs-00000.npy" in done.err


def test_names_and_tokens_are_harmless_on_the_terminal(run: Run, shards: Path) -> None:
    manifest = read_manifest(shards)
    manifest["sources"][0]["path"] = "a\x1b[31m\u202etxt"
    manifest["tokenizer"]["name"] = "g\x1b]0;x\x07"
    write_manifest(shards, manifest)
    shown = run("inspect", "s").out
    assert b"\x1b" not in shown
    assert b"\x07" not in shown
    assert "\u202e".encode() not in shown


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.usefixtures("shards")
def test_rows_fit_the_terminal(tmp_path: Path, columns: int) -> None:
    shown = in_terminal(tmp_path, "inspect", "s", "--window", "0..1", columns=columns, env={"NO_COLOR": "1"})
    assert max(map(len, shown.splitlines())) <= columns


@pytest.mark.usefixtures("shards")
def test_ascii_terminal(run: Run) -> None:
    done = run("inspect", "s", env={"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
    assert done.code == 0
    assert os.linesep.encode() in done.out
