"""Names and files that `load_tokenizer` does not know."""

from pathlib import Path

import pytest

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.tokenizers import load_tokenizer


@pytest.mark.parametrize(("name", "near"), [("gpt3", "gpt2"), ("cl100k", "cl100k_base"), ("gpt-2", "gpt2")])
def test_unknown_encoding_suggests_near_matches(name: str, near: str) -> None:
    with pytest.raises(GptprepError, match="there is no tokenizer") as caught:
        load_tokenizer(name)
    assert near in caught.value.fix


def test_file_with_another_ending_is_not_a_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("Hello")
    with pytest.raises(CorruptDataError, match="is not a tokenizer"):
        load_tokenizer(str(path))
