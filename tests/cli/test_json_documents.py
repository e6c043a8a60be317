"""The documents of `--json` against the schemas in docs/schemas/."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from safetensors.numpy import save_file

from tests.helpers.cli import Run
from tests.helpers.embeddings import embed
from tests.helpers.paths import TOP
from tests.helpers.schemas import SCHEMAS, changed, only_document, problems, schema


class Case(NamedTuple):
    """A command line, the schema of its document, and its exit code."""

    schema: str
    line: str
    code: int = 0


CASES = [
    Case("encode-report", "encode a.txt special.txt -o new.bin"),
    Case("encode-report", "encode a.txt special.txt -o new.npy --special text"),
    Case("encode-report", "encode a.txt -o new.json"),
    Case("encode-count", "encode a.txt special.txt --count"),
    Case("count-report", "count a.txt special.txt"),
    Case("count-report", "count a.txt special.txt empty.txt -T gpt2 -T v.json --sort"),
    Case("count-report", "count x.bin --special text"),
    Case("encode-ids", "encode -t Hello -t world"),
    Case("encode-ids", "encode a.txt --format json"),
    Case("decode-report", "decode 15496 11"),
    Case("decode-report", "decode x.bin -o new.txt"),
    Case("decode-report", "decode s"),
    Case("inspect-report", "inspect -t Hi<|endoftext|>"),
    Case("inspect-comparison", "inspect -t Hi -t yo"),
    Case("inspect-comparison", "inspect -t Hi -T gpt2 -T v.json"),
    Case("inspect-corpus", "inspect a.txt special.txt"),
    Case("inspect-corpus", "inspect a.txt -n 2 --top 1 -T gpt2 -T v.json"),
    Case("inspect-corpus", "inspect -"),
    Case("inspect-ids", "inspect x.bin"),
    Case("inspect-ids", "inspect flat.npy -n 1 -T gpt2"),
    Case("inspect-tokenizer", "inspect gpt2 --from 5 -n 3 --find king"),
    Case("inspect-tokenizer", "inspect v.json a.txt"),
    Case("inspect-tokenizer", "inspect words.json special.txt"),
    Case("inspect-embeddings", "inspect e --near 7"),
    Case("inspect-weights", "inspect w.safetensors --near 7"),
    Case("inspect-weights", "inspect w.safetensors"),
    Case("vocab-report", "vocab a.txt special.txt -o new.json"),
    Case("vocab-report", "vocab a.txt -o new.json --kind char --size 9 --no-special-tokens"),
    Case("vocab-report", "vocab a.txt -o new.json --kind bpe --size 270"),
    Case("window-plan", "window a.txt -o new -L 4 --dry-run"),
    Case("window-plan", "window - -o new -L 4 --dry-run"),
    Case("window-report", "window a.txt special.txt -o new -L 4 --val-fraction 0.5"),
    Case("window-report", "window a.txt -o new -L 4 --part 1/1"),
    Case("window-array-report", "window a.txt special.txt -o new -L 4 --part 1/2"),
    Case("window-report", r"window a.txt -o new -L 4 --layout tokens --boundary document --separator \n"),
    Case("window-report", "window a.txt -o new -L 4 -T v.json"),
    Case("embed-plan", "embed s -o new --dim 4 --dry-run"),
    Case("embed-report", "embed s -o new --weights w.safetensors --device cpu"),
    Case("verify-report", "verify s"),
    Case("verify-report", "verify x.bin --fast"),
    Case("verify-report", "verify damaged", 3),
    Case("inspect-shards", "inspect s"),
    Case("inspect-shards", "inspect own"),
    Case("inspect-windows", "inspect own --window 0..1"),
    Case("inspect-find", "inspect s --find two"),
    Case("inspect-windows", "inspect s --step 3 --batch-size 1 --seed 0"),
    Case("up-to-date", "encode a.txt -o same.bin --if-changed"),
    Case("show-config", "--show-config"),
    Case("error", "inspect -t Hi -T none", 1),
    Case("error", "encode none", 1),
    Case("error", "count x.bin -T gpt2 -T v.json", 2),
    Case("error", "decode 15496 -T none", 1),
    Case("error", "vocab none -o new.json", 1),
    Case("error", "window a.txt -o new -L 4000", 1),
    Case("error", "embed none -o new", 1),
    Case("error", "verify a.txt", 1),
]
cases = pytest.mark.parametrize("case", CASES, ids=[case.line for case in CASES])


@pytest.fixture
def place(run: Run, tmp_path: Path) -> Path:
    """The test's folder with what the commands read."""
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten\none more document")
    (tmp_path / "special.txt").write_text("one two three four<|endoftext|>")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "gptprep.toml").write_text("[verify]\nno-color = true\n[vocab]\ninclude = ['*.txt']")
    for line in (
        "encode a.txt -o x.bin",
        "window a.txt -o s -L 4",
        "vocab a.txt --kind bpe -o v.json --size 270",
        r"window a.txt -o own -L 4 -T v.json --val special.txt --boundary document --separator \n",
        "vocab a.txt -o words.json --size 5",
        "encode a.txt -o same.bin --if-changed",
    ):
        assert run(*line.split(), "-q").code == 0
    embed(tmp_path / "s", tmp_path / "e", dim=4)
    shutil.copytree(tmp_path / "s", tmp_path / "damaged")
    (tmp_path / "damaged" / "train" / "inputs-00000.npy").unlink()
    np.save(tmp_path / "flat.npy", np.array([1, 2, 50256, 3], np.int64))
    tables = {
        "wte": np.ones((50300, 2), np.float32),
        "wpe": np.zeros((4, 2), np.float32),
        "other": np.ones((2, 3), np.float32),
    }
    save_file(tables, tmp_path / "w.safetensors")
    return tmp_path


def document(run: Run, case: Case) -> dict[str, Any]:
    """The document of a command."""
    done = run("--json", *case.line.split())
    assert done.code == case.code, done.err
    return only_document(done.out)


@cases
@pytest.mark.usefixtures("place")
def test_document_follows_its_schema(run: Run, case: Case) -> None:
    found = document(run, case)
    assert (found["schema"], found["version"]) == (f"gptprep-{case.schema}", 1)


@cases
@pytest.mark.usefixtures("place")
def test_schema_refuses_a_renamed_key_and_another_type(run: Run, case: Case) -> None:
    for what, other in changed(document(run, case)):
        assert problems(other, f"gptprep-{case.schema}"), what


def test_file_of_the_json_format_has_the_document_of_standard_output(run: Run, place: Path) -> None:
    printed = run("encode", "a.txt", "--json").out
    assert run("encode", "a.txt", "-o", "ids.json").code == 0
    assert (place / "ids.json").read_bytes() == printed
    assert only_document(printed)["schema"] == "gptprep-encode-ids"


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_valid_linked_and_covered(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["title"] == schema(name)["properties"]["schema"]["const"] == name
    assert f"](schemas/{name}.json)" in (TOP / "docs" / "formats.md").read_text()
    assert name in {f"gptprep-{case.schema}" for case in CASES}
