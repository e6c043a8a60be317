"""Which kind of thing `inspect` takes a name for."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from gptprep.errors import GptprepError
from gptprep.pipelines.inspect.things import thing_of
from tests.helpers.folders import window


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One of each, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("one two three four five")
    (tmp_path / "data.json").write_text('[{"text": "one"}]')
    (tmp_path / "record.json").write_text('{"text": "one", "more": {}}')
    (tmp_path / "plain.json").write_text('{"one": 0, "two": 1}')
    (tmp_path / "words.json").write_text('{"format": "gptprep-vocabulary", "version": 1}')
    (tmp_path / "hf.json").write_text('{"model": {"type": "BPE"}}')
    (tmp_path / "x.tiktoken").write_bytes(b"YQ== 0\n")
    np.save(tmp_path / "ids.npy", np.array([1, 2, 3], np.uint16))
    (tmp_path / "ids.bin").write_bytes(b"\1\0\2\0")
    with zipfile.ZipFile(tmp_path / "pytorch_model.bin", "w") as file:
        file.writestr("data.pkl", b"")
    (tmp_path / "w.safetensors").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "manifest.json").write_text('{"format": "gptprep-embeddings"}')
    window(["a.txt"], "s", context_length=2)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("-", "corpus"),
        ("a.txt", "corpus"),
        ("./a.txt", "corpus"),
        ("*.txt", "corpus"),
        ("empty", "corpus"),
        ("data.json", "corpus"),
        ("record.json", "corpus"),
        ("plain.json", "tokenizer"),
        ("words.json", "tokenizer"),
        ("hf.json", "tokenizer"),
        ("x.tiktoken", "tokenizer"),
        ("gpt2", "tokenizer"),
        ("gpt-4o", "tokenizer"),
        ("ids.npy", "ids"),
        ("ids.bin", "ids"),
        ("pytorch_model.bin", "weights"),
        ("w.safetensors", "weights"),
        ("e", "embeddings"),
        ("s", "shards"),
        ("s/", "shards"),
        ("hello", "text"),
        ("Hello, world.", "text"),
        ("What is *.md?", "text"),
        ("3.5 is and/or a number", "text"),
        ("", "text"),
    ],
)
@pytest.mark.usefixtures("place")
def test_kind(name: str, kind: str) -> None:
    assert thing_of(name) == kind


@pytest.mark.parametrize("name", ["none.txt", "folder/none", "../x", "a.jsonl.gz", "s/none.npy"])
@pytest.mark.usefixtures("place")
def test_name_of_a_file_that_is_not_there_is_no_text(name: str) -> None:
    with pytest.raises(GptprepError, match="there is no file") as caught:
        thing_of(name)
    assert caught.value.fix == "check the path, or give the text itself with -t"


def test_damaged_manifest_is_still_one_of_shards(place: Path) -> None:
    (place / "s" / "manifest.json").write_text("{")
    assert thing_of("s") == "shards"
