"""Fixtures for tests of tokenizers."""

import pytest

from gptprep.tokenizers import Tokenizer, load_tokenizer


@pytest.fixture(scope="session")
def gpt2() -> Tokenizer:
    """GPT-2 as gptprep loads it by default."""
    return load_tokenizer("gpt2")
