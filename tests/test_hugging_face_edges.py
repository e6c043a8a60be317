"""Files of others at the edge between the fast road and the slow one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gptprep.errors import GptprepError
from gptprep.tokenizers import load_tokenizer
from gptprep.tokenizers.exact_bpe import _LLAMA3_REGEX
from tests.conftest import SAMPLES
from tests.test_hugging_face import NARROW, OURS, SLOW, SPECIAL, added, saved, split, truth


@pytest.mark.parametrize("engine", ["tiktoken", "gigatoken"])
def test_an_engine_that_gives_other_ids_is_refused(tmp_path: Path, engine: Any) -> None:
    path = saved(SLOW["normalizer"], tmp_path)
    with pytest.raises(GptprepError, match=f"{engine} does not give the ids of"):
        load_tokenizer(path, engine=engine)


def test_tokens_across_the_last_line_end_take_the_slow_road(tmp_path: Path) -> None:
    for name, model in (("wide", OURS["model"]), ("narrow", NARROW["model"])):
        value = {**OURS, "pre_tokenizer": split(_LLAMA3_REGEX), "model": model}
        value["added_tokens"] = [added(SPECIAL, model["vocab"][SPECIAL])]
        tokenizer = load_tokenizer(saved(value, tmp_path))
        assert (tokenizer.engine == "tokenizers") == (name == "wide")
        for text in ("a\n ", "a \n\n \t", "a\r\n  <|endoftext|> \n "):
            assert tokenizer.encode(text) == truth(value, text)


def test_special_tokens_first_and_ids_with_holes(tmp_path: Path) -> None:
    """As Hugging Face's own trainer writes them: gigatoken itself wants ranks from 0 on."""
    vocab = {token: n + 2 for token, n in OURS["model"]["vocab"].items() if token != SPECIAL}
    first = {**OURS, "added_tokens": [added("<s>", 0), added(SPECIAL, 1)]}
    first["model"] = {**OURS["model"], "vocab": {"<s>": 0, SPECIAL: 1, **vocab}}
    holes = {**OURS, "added_tokens": []}
    holes["model"] = {**OURS["model"], "vocab": {token: 3 * n for token, n in vocab.items()}}
    for value in (first, holes):
        tokenizer = load_tokenizer(saved(value, tmp_path))
        assert tokenizer.engine == "gigatoken"
        for path in SAMPLES.iterdir():
            text = path.read_bytes()
            assert tokenizer.encode_array(text).tolist() == truth(value, text.decode())


def test_merges_of_what_is_no_byte(tmp_path: Path) -> None:
    model = {**OURS["model"], "vocab": {**OURS["model"]["vocab"], "€": 2000, "a€": 2001}}
    value = {**OURS, "model": {**model, "merges": [*model["merges"], "a €"]}}
    assert load_tokenizer(saved(value, tmp_path)).encode("a") == truth(value, "a")
