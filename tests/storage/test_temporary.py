"""Temporary files: without a folder for them, and on a full disk."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError
from gptprep.pipelines import encode, vocab
from gptprep.storage.temporary import temporary_errors
from gptprep.tokenizers import load_tokenizer
from tests.helpers.cli import shell
from tests.helpers.documents import documents, file_source


@pytest.fixture
def no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001  made before
    """No folder for temporary files can be written."""

    def fail() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in [...]")

    monkeypatch.setattr(tempfile, "gettempdir", fail)
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)


def fix(error: pytest.ExceptionInfo[GptprepError]) -> str:
    assert error.value.what == "there is no folder for temporary files"
    assert error.value.fix.startswith("set TMPDIR to a folder that can be written")
    return error.value.fix


@pytest.mark.usefixtures("no_folder")
def test_gigatoken_without_a_folder_names_the_engine_that_needs_none() -> None:
    with pytest.raises(GptprepError) as caught:
        load_tokenizer("gpt2", engine="gigatoken").encode_array(b"one two" * 9000)
    assert "--engine tiktoken" in fix(caught)
    assert len(load_tokenizer("gpt2", engine="tiktoken").encode_array(b"one two")) == 2


@pytest.mark.usefixtures("no_folder")
def test_tiktoken_without_a_folder_names_its_cache() -> None:
    with pytest.raises(GptprepError) as caught:
        load_tokenizer("o200k_base")
    assert "TIKTOKEN_CACHE_DIR" in fix(caught)


@pytest.mark.usefixtures("no_folder")
def test_other_uses_without_a_folder_name_tmpdir(tmp_path: Path) -> None:
    source = file_source(tmp_path / "a.txt", b"one")
    with pytest.raises(GptprepError) as caught:
        documents(source, TextOptions(errors="skip"))
    fix(caught)
    with pytest.raises(GptprepError) as caught, open(os.devnull, "wb") as out:
        plan = encode.plan(encode.EncodeOptions(texts=(b"one",), format="npy"))
        encode.run(plan, out=out)
    assert "give an output with -o" in fix(caught)
    with pytest.raises(GptprepError) as caught:
        vocab.run(vocab.plan(vocab.VocabOptions((source.path,), str(tmp_path / "v.json"))))
    fix(caught)


def test_full_disk_under_temporary_files_is_named() -> None:
    with (
        pytest.raises(GptprepError, match="cannot write to /tmp: No space left") as caught,
        temporary_errors("/tmp", "give -o"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.fix == "set TMPDIR to another folder, or give -o"


def test_full_standard_output_is_not_blamed_on_the_temporary_folder(tmp_path: Path) -> None:
    done = shell("gptprep encode -t Hello --format npy > /dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: cannot write to standard output\n  why: No space left")
