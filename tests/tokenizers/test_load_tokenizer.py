"""Names and files that `load_tokenizer` takes, and those that it does not know."""

from pathlib import Path

import pytest
import tiktoken

from gptprep.errors import CorruptDataError, GptprepError, TokenizerWarning, UsageError
from gptprep.tokenizers import Tokenizer, is_tokenizer, load_tokenizer
from gptprep.tokenizers.published import KNOWN
from tests.helpers.paths import RANKS


@pytest.mark.parametrize(
    ("name", "near"),
    [("gpt3", "gpt2"), ("cl100k", "cl100k_base"), ("gpt4o", "gpt-4o"), ("gpt2-larg", "gpt2-large")],
)
def test_unknown_encoding_suggests_near_matches(name: str, near: str) -> None:
    with pytest.raises(GptprepError, match="there is no tokenizer") as caught:
        load_tokenizer(name)
    assert near in caught.value.fix


def test_provenance_of_ids_is_not_suggested(tmp_path: Path) -> None:
    for name in ("v.bin.json", "v.npy.json", "V.BIN.json", "words.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(GptprepError) as caught:
        load_tokenizer(str(tmp_path / "v.json"))
    assert caught.value.fix == f"did you mean {tmp_path}/words.json?"


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


@pytest.mark.parametrize(
    "name",
    ["gpt-2", "gpt2-medium", "gpt2-xl", "distilgpt2", "openai-community/gpt2", "OpenAI-Community/GPT2-XL"],
)
def test_model_with_the_ids_of_gpt2_is_gpt2(name: str, gpt2: Tokenizer) -> None:
    with pytest.warns(TokenizerWarning, match=f"^{name} is a model; its encoding is gpt2$"):
        loaded = load_tokenizer(name)
    assert (loaded.name, loaded.fingerprint) == ("gpt2", gpt2.fingerprint)
    assert is_tokenizer(name)


def test_name_in_upper_case_is_that_of_the_encoding() -> None:
    with pytest.warns(TokenizerWarning, match="^GPT2 is read as gpt2$"):
        assert load_tokenizer("GPT2").name == "gpt2"


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o", "o200k_base"),
        ("o1", "o200k_base"),
        ("gpt-4o-2024-05-13", "o200k_base"),
        ("GPT-4", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("text-davinci-003", "p50k_base"),
        ("text-davinci-001", "r50k_base"),
    ],
)
def test_model_of_openai_has_the_encoding_that_tiktoken_says(
    monkeypatch: pytest.MonkeyPatch, model: str, encoding: str
) -> None:
    monkeypatch.setitem(KNOWN, encoding, KNOWN["gpt2"]._replace(name=encoding))  # which needs no download
    with pytest.warns(TokenizerWarning, match=f"^{model} is a model; its encoding is {encoding}$"):
        assert load_tokenizer(model).name == encoding


def test_model_may_have_an_encoding_that_only_tiktoken_knows(
    monkeypatch: pytest.MonkeyPatch, reference: tiktoken.Encoding
) -> None:
    monkeypatch.setattr(tiktoken, "get_encoding", lambda _: reference)
    with pytest.warns(TokenizerWarning, match="its encoding is p50k_edit"):
        assert load_tokenizer("text-davinci-edit-001").name == "p50k_edit"


def test_file_has_precedence_over_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "openai-community"
    folder.mkdir()
    (folder / "gpt2").write_bytes(RANKS.read_bytes())
    with pytest.raises(CorruptDataError, match="openai-community/gpt2 is not a tokenizer"):
        load_tokenizer("openai-community/gpt2")


@pytest.mark.parametrize("name", ["gpt-4-own.json", "gpt-4-own.tiktoken", "gpt-5/x", "o1-x/y", "gpt2x", ""])
def test_path_that_starts_like_a_model_is_not_one(name: str) -> None:
    with pytest.raises(GptprepError, match="there is no tokenizer"):
        load_tokenizer(name)
    assert not is_tokenizer(name)


def test_engine_that_does_not_encode_is_named(tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    path.write_text('{"one": 0, "two": 1}')
    text = "^the engine gigatoken has no effect: python encodes with words.json$"
    with pytest.warns(TokenizerWarning, match=text):
        load_tokenizer(str(path), engine="gigatoken")
