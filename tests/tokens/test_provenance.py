"""Files of ids say what made them, and nobody reads them as something else."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from gptprep.storage.sealed import sealed_json
from tests.helpers.cli import Run
from tests.helpers.folders import read_manifest, stored_windows

WORDS = {"one": 0, "two": 1, "<|endoftext|>": 2}


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    """A text, a small vocabulary, and a large one whose ids need 32 bits."""
    (tmp_path / "a.txt").write_text("one two two one two")
    (tmp_path / "words.json").write_text(json.dumps(WORDS))
    large = {**WORDS, **{f"word{n}": n for n in range(3, 70_000)}}
    (tmp_path / "large.json").write_text(json.dumps(large))


@pytest.mark.parametrize("name", ["x.bin", "x.npy"])
@pytest.mark.parametrize(("tokenizer", "dtype"), [("words.json", "uint16"), ("large.json", "uint32")])
def test_ids_are_read_with_the_tokenizer_that_made_them(
    run: Run, tmp_path: Path, name: str, tokenizer: str, dtype: str
) -> None:
    assert run("encode", "a.txt", "-T", tokenizer, "-o", name).code == 0
    value = json.loads((tmp_path / f"{name}.json").read_text())
    assert (value["format"], value["dtype"], value["ids"]) == ("gptprep-ids", dtype, 5)
    assert value["tokenizer"]["name"] == tokenizer
    assert value["ids_sha256"] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert run("decode", name).out == b"one two two one two"
    assert run("window", name, "-o", "s", "-L", "2", "-q").code == 0
    assert read_manifest(tmp_path / "s")["tokenizer"]["name"] == tokenizer
    assert stored_windows(tmp_path / "s", "train", "inputs") == [[0, 1], [1, 0]]
    assert run("verify", "s").code == 0
    assert run("verify", name).code == 0


def test_tokenizer_beside_the_ids_is_found(run: Run, tmp_path: Path) -> None:
    assert run("encode", "a.txt", "-T", "words.json", "-o", "d/x.bin").code == 0
    os.rename(tmp_path / "words.json", tmp_path / "d" / "words.json")
    assert run("decode", "d/x.bin").out == b"one two two one two"
    os.rename(tmp_path / "d" / "words.json", tmp_path / "moved.json")
    done = run("decode", "d/x.bin")
    assert (done.code, "d/x.bin was made with the tokenizer words.json" in done.err) == (1, True)
    assert "fix: give its file with --tokenizer" in done.err
    assert run("decode", "d/x.bin", "-T", "moved.json").out == b"one two two one two"


@pytest.mark.parametrize("verb", [["decode"], ["window", "-o", "s", "-L", "1"]], ids=lambda verb: verb[0])
def test_another_tokenizer_is_refused(run: Run, tmp_path: Path, verb: list[str]) -> None:
    assert run("encode", "a.txt", "-T", "words.json", "-o", "x.bin").code == 0
    done = run(*verb, "x.bin", "-T", "gpt2")
    assert (done.code, done.out) == (1, b"")
    assert "error: x.bin was not made with the tokenizer gpt2" in done.err
    (tmp_path / "words.json").write_text(json.dumps({**WORDS, "three": 3}))
    done = run(*verb, "x.bin")
    assert "error: x.bin was not made with the tokenizer words.json" in done.err
    assert not (tmp_path / "s").exists()


def test_files_of_different_tokenizers_make_no_stream(run: Run) -> None:
    assert run("encode", "a.txt", "-T", "words.json", "-o", "x.bin").code == 0
    assert run("encode", "a.txt", "-o", "y.bin").code == 0
    done = run("window", "x.bin", "y.bin", "-o", "s", "-L", "1")
    assert (done.code, "y.bin was not made with the tokenizer words.json" in done.err) == (1, True)


@pytest.mark.parametrize("verb", [["decode"], ["window", "-o", "s", "-L", "1"]], ids=lambda verb: verb[0])
def test_ids_that_do_not_say_what_made_them_need_a_tokenizer(
    run: Run, tmp_path: Path, verb: list[str]
) -> None:
    np.array([15496, 11, 995], "<u2").tofile(tmp_path / "x.bin")
    done = run(*verb, "x.bin")
    assert (done.code, "error: x.bin does not say which tokenizer made it" in done.err) == (1, True)
    assert "fix: name the tokenizer with --tokenizer" in done.err
    assert run(*verb, "x.bin", "-T", "gpt2").code == 0


@pytest.mark.parametrize("wider", ["uint32", "int32", "int64"])
def test_raw_ids_of_a_wider_dtype_are_noticed(run: Run, tmp_path: Path, wider: str) -> None:
    np.array([15496, 11, 995, 13], wider).tofile(tmp_path / "x.bin")
    done = run("decode", "x.bin", "-T", "gpt2")
    assert (done.code, "read as uint16, every second id is 0" in done.err) == (1, True)
    named = "int64" if wider == "int64" else "uint32"
    assert f"fix: give --input-dtype {named}, or --input-dtype uint16" in done.err
    assert run("decode", "x.bin", "-T", "gpt2", "--input-dtype", wider).out == b"Hello, world."
    assert run("window", "x.bin", "-T", "gpt2", "--input-dtype", wider, "-L", "1", "-o", "s").code == 0
    assert stored_windows(tmp_path / "s", "train", "inputs") == [[15496], [11], [995]]


@pytest.mark.parametrize("wider", ["uint32", "int32", "int64"])
@pytest.mark.parametrize("ids", [[15496, 70_000, 995], [15496, 11, 100_000, 13, 995, 300_000]])
def test_wide_ids_are_noticed_if_some_are_above_65535(
    run: Run, tmp_path: Path, wider: str, ids: list[int]
) -> None:
    np.array(ids, wider).tofile(tmp_path / "x.bin")
    done = run("decode", "x.bin", "-T", "gpt2")
    named = "int64" if wider == "int64" else "uint32"
    assert (done.code, f"error: x.bin seems to hold {named} ids" in done.err) == (1, True), done.err
    assert "read as uint16, every second id is 0 or below 8" in done.err
    done = run("decode", "x.bin", "-T", "gpt2", "--input-dtype", named)
    assert f"the id {next(n for n in ids if n > 65_535)} at position" in done.err


@pytest.mark.parametrize(
    "text", ["1,2,3,4,", "a!b,c!d,", "a!b!c,", "!!", "one two, three!", "1.2.3.4!", "a\nb\nc\nd\n"]
)
def test_ids_of_the_right_dtype_are_not_called_wide(run: Run, tmp_path: Path, text: str) -> None:
    np.array(run("encode", "-t", text).out.split(), "<u2").tofile(tmp_path / "x.bin")
    assert run("decode", "x.bin", "-T", "gpt2").out == text.encode()


def test_replaced_ids_have_the_new_provenance(run: Run, tmp_path: Path) -> None:
    assert run("encode", "a.txt", "-T", "words.json", "-o", "x.bin").code == 0
    assert run("encode", "a.txt", "-T", "large.json", "-o", "x.bin", "-f").code == 0
    assert run("decode", "x.bin").out == b"one two two one two"
    assert sorted(path.name for path in tmp_path.glob("*x.bin*")) == ["x.bin", "x.bin.json"]


def test_provenance_of_another_file_is_refused(run: Run, tmp_path: Path) -> None:
    assert run("encode", "a.txt", "-T", "words.json", "-o", "x.bin").code == 0
    np.array([1, 2], "<u2").tofile(tmp_path / "x.bin")
    done = run("decode", "x.bin")
    assert (done.code, "x.bin has 2 ids of uint16" in done.err) == (3, True)
    np.array([1, 2, 0, 0, 0], "<u2").tofile(tmp_path / "x.bin")
    done = run("verify", "x.bin")
    assert (done.code, "its sha256 does not match x.bin.json" in done.err) == (3, True)


@pytest.mark.parametrize(
    "change", [{"version": 9}, {"ids": "5"}, {"tokenizer": None}, {"dtype": "object"}], ids=str
)
def test_damaged_provenance_is_refused(run: Run, tmp_path: Path, change: dict[str, object]) -> None:
    assert run("encode", "a.txt", "-T", "words.json", "-o", "x.bin").code == 0
    value = json.loads((tmp_path / "x.bin.json").read_text())
    del value["sha256"]
    (tmp_path / "x.bin.json").write_bytes(sealed_json({**value, **change}))
    done = run("decode", "x.bin")
    assert (done.code, "x.bin.json" in done.err, "Traceback" in done.err) == (3, True, False)


def test_flipped_byte_of_a_provenance_is_noticed(run: Run, tmp_path: Path) -> None:
    assert run("encode", "a.txt", "-T", "words.json", "-o", "x.bin").code == 0
    path = tmp_path / "x.bin.json"
    path.write_bytes(path.read_bytes().replace(b'"n_vocab": 3', b'"n_vocab": 2'))
    assert run("decode", "x.bin").code == 3


def test_json_of_somebody_else_is_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.bin.json").write_text("{}")
    done = run("encode", "a.txt", "-o", "x.bin", "-f")
    assert (done.code, "x.bin.json already exists and was not written by gptprep" in done.err) == (1, True)
    assert [path.name for path in tmp_path.glob("x.bin*")] == ["x.bin.json"]


def test_link_leads_to_the_provenance_of_the_file(run: Run, tmp_path: Path) -> None:
    assert run("encode", "a.txt", "-T", "words.json", "-o", "x.bin").code == 0
    (tmp_path / "link.bin").symlink_to("x.bin")
    assert run("decode", "link.bin").out == b"one two two one two"
    assert run("encode", "a.txt", "-T", "large.json", "-o", "link.bin", "-f").code == 0
    assert run("decode", "x.bin").out == b"one two two one two"
