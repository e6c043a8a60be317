"""`--tokenizer` and `--engine`: what is said about names of models and engines that do nothing."""

import json
from pathlib import Path

import pytest

from tests.helpers.cli import Run
from tests.helpers.hugging_face import pattern_file, saved

NOTE = "note: text-davinci-001 is a model; its encoding is r50k_base\n"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text that every verb can use."""
    path = tmp_path / "a.txt"
    path.write_text("one two three four five six")
    return path


@pytest.mark.usefixtures("text")
@pytest.mark.parametrize(
    "line",
    [
        "inspect -t one",
        "encode a.txt",
        "encode a.txt --count",
        "encode a.txt -o out.bin",
        "decode 505",
        "window a.txt -o out -L 2 --workers 2",
        "window a.txt -o out -L 2 --dry-run",
    ],
)
def test_every_verb_says_the_encoding_of_a_model(run: Run, line: str) -> None:
    done = run(*line.split(), "-T", "text-davinci-001")
    assert (done.code, done.err.count(NOTE), done.err.count("note:")) == (0, 1, 1)
    quiet = run(*line.split(), "-T", "text-davinci-001", "-q", *(["-f"] if "-o" in line else []))
    assert quiet == (0, done.out, "")


@pytest.mark.usefixtures("text")
def test_outputs_are_those_of_the_encoding_s_own_name(run: Run, tmp_path: Path) -> None:
    reports = []
    for name in ("r50k_base", "text-davinci-001"):
        assert run("encode", "a.txt", "-o", f"{name}.bin", "-T", name).code == 0
        assert run("window", "a.txt", "-o", f"{name}.shards", "-L", "2", "-T", name).code == 0
        reports.append(json.loads(run("inspect", "-t", "one", "-T", name, "--json").out))
    assert reports[0] == reports[1]
    for file in (".bin", ".bin.json", ".shards/manifest.json"):
        first, second = (tmp_path / f"{name}{file}" for name in ("r50k_base", "text-davinci-001"))
        assert first.read_bytes() == second.read_bytes()


def test_note_comes_before_an_error_about_the_encoding(run: Run) -> None:
    done = run("decode", "99999", "-T", "text-davinci-001")
    assert done.code == 1
    assert done.err.startswith(
        f"{NOTE}error: the id 99999 at position 0 is not in the vocabulary of r50k_base"
    )


@pytest.mark.usefixtures("text")
@pytest.mark.parametrize("engine", ["tiktoken", "gigatoken"])
def test_engine_without_effect_is_a_note(run: Run, engine: str) -> None:
    assert run("vocab", "a.txt", "-o", "words.json", "-q").code == 0
    done = run("encode", "a.txt", "-T", "words.json", "--engine", engine)
    assert (done.code, done.err) == (
        0,
        f"note: the engine {engine} has no effect: python encodes with words.json\n",
    )
    assert run("encode", "a.txt", "-T", "words.json", "--engine", engine, "-q").err == ""


@pytest.mark.usefixtures("text")
def test_report_names_the_reference(run: Run, tmp_path: Path) -> None:
    name = saved(pattern_file("qwen2"), tmp_path)
    done = run("window", "a.txt", "-o", "out", "-L", "2", "-T", name, "--engine", "gigatoken")
    assert "gigatoken, 27 bytes compared with tokenizers" in done.err
    report = json.loads(run("encode", "a.txt", "-o", "x.bin", "-T", name, "--json").out)
    assert (report["engine"], report["reference"]) == ("tokenizers", "tokenizers")  # the text is small
