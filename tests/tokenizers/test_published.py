"""The table of published encodings against the installed tiktoken."""

import importlib

import pytest

from gptprep.tokenizers.published import KNOWN


def test_table_is_that_of_tiktoken(monkeypatch: pytest.MonkeyPatch) -> None:
    public = importlib.import_module("tiktoken_ext.openai_public")
    files: list[tuple[str, str]] = []

    def load(url: str, expected_hash: str) -> dict[bytes, int]:
        files.append((url, expected_hash))
        return {}

    monkeypatch.setattr(public, "load_tiktoken_bpe", load)
    for name, known in KNOWN.items():
        if name == "gpt2":  # tiktoken builds it from two older files, with r50k_base's pattern
            assert (known.pattern, known.sha256) == (public.r50k_pat_str, KNOWN["r50k_base"].sha256)
            continue
        made = public.ENCODING_CONSTRUCTORS[name]()
        assert files.pop() == (known.url, known.sha256)
        assert made["pat_str"] == known.pattern
        assert made["special_tokens"] == known.special_tokens
