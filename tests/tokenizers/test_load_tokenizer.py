"""Names and files that `load_tokenizer` does not know."""

from pathlib import Path

import pytest

from gptprep.errors import CorruptDataError, GptprepError, UsageError
from gptprep.tokenizers import load_tokenizer


@pytest.mark.parametrize(("name", "near"), [("gpt3", "gpt2"), ("cl100k", "cl100k_base"), ("gpt-2", "gpt2")])
def test_unknown_encoding_suggests_near_matches(name: str, near: str) -> None:
    with pytest.raises(GptprepError, match="there is no tokenizer") as caught:
        load_tokenizer(name)
    assert near in caught.value.fix


@pytest.mark.parametrize(
    ("option", "values"), [("special", "allow, text, error"), ("engine", "auto, tiktoken, gigatoken")]
)
@pytest.mark.parametrize("name", ["gpt2", "no-such-file"])
def test_unknown_choice_is_refused_with_the_choices(name: str, option: str, values: str) -> None:
    with pytest.raises(UsageError, match=f"there is no {option} 'x'") as caught:
        load_tokenizer(name, **{option: "x"})  # type: ignore[arg-type]
    assert caught.value.fix == f"choose {values}"


def test_file_with_another_ending_is_not_a_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("Hello")
    with pytest.raises(CorruptDataError, match="is not a tokenizer"):
        load_tokenizer(str(path))
