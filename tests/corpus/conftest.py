"""Fixtures for reading a corpus."""

import pytest

from gptprep.corpus import blocks


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read three bytes at a time, so that characters and separators lie across blocks."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 3)
