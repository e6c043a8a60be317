"""Materials of small corpora."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.corpus import make_corpus
from benchmarks.materials import write_documents, write_tiktoken_cache, write_tokenizer_json


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GPT-2 for Hugging Face's tokenizers."""
    folder = tmp_path_factory.mktemp("gpt2")
    write_tokenizer_json(folder / "tokenizer.json")
    return folder


@pytest.fixture(scope="session", params=["prose", "code", "scripts"])
def materials(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, gpt2: Path) -> Path:
    """A folder of materials of a small corpus, named after its kind."""
    kind: str = request.param
    folder = tmp_path_factory.mktemp("materials") / kind
    folder.mkdir()
    make_corpus(folder / "corpus.txt", 100_000, kind)
    write_documents(folder / "corpus.txt", folder / "documents")
    write_tiktoken_cache(folder / "tiktoken")
    shutil.copytree(gpt2, folder / "gpt2")
    return folder
