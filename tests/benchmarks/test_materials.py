"""The documents of a corpus, and the merges of GPT-2."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import pytest

from benchmarks.materials import DOCUMENT_BYTES, documents, merge_of
from tests.helpers.paths import RANKS


def test_documents_hold_the_text_and_end_at_empty_lines(materials: Path) -> None:
    texts = list(documents(materials))
    assert all(len(text.encode()) >= DOCUMENT_BYTES for text in texts[:-1])
    whole = (materials / "corpus.txt").read_bytes().decode()
    assert "".join(texts).replace("\n", "") == whole.replace("\n", "")
    lines = [path.read_bytes().splitlines() for path in sorted((materials / "documents").iterdir())]
    assert sum(map(len, lines)) == len(texts)
    assert abs(len(lines[0]) - len(lines[1])) <= 3
    assert json.loads(lines[0][0])["text"] == texts[0]


def test_merge_of_a_token_is_what_the_merges_of_lower_rank_leave() -> None:
    ranks = {b64decode(token): int(rank) for token, rank in map(bytes.split, RANKS.read_bytes().splitlines())}
    assert merge_of(b" t", ranks) == (b" ", b"t")
    assert merge_of(b" the", ranks) == (b" t", b"he")
    with pytest.raises(ValueError, match="no merges"):
        merge_of(b"abc", {b"a": 0, b"b": 1, b"c": 2, b"abc": 3})
