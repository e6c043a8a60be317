"""Which engine encodes a BPE vocabulary."""

from pathlib import Path

import pytest

from gptprep.errors import MissingDependencyError
from gptprep.tokenizers import load_tokenizer
from tests.helpers.bpe import BYTES, rank_lines


def test_tiktoken_encodes_if_gigatoken_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptprep.tokenizers.gigatoken.is_installed", lambda: False)
    tokenizer = load_tokenizer("gpt2")
    assert tokenizer.engine == "tiktoken"
    assert "gigatoken is not installed" in tokenizer.engine_note
    with pytest.raises(MissingDependencyError, match="the engine gigatoken is not installed"):
        load_tokenizer("gpt2", engine="gigatoken")


def test_tiktoken_encodes_with_rank_files_of_ones_own_by_default(tmp_path: Path) -> None:
    path = tmp_path / "own.tiktoken"
    path.write_bytes(rank_lines(BYTES))
    assert load_tokenizer(str(path)).engine == "tiktoken"
    assert load_tokenizer(str(path), engine="gigatoken").engine == "gigatoken"
