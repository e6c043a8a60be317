"""The generated corpora."""

from __future__ import annotations

from pathlib import Path

from benchmarks.corpus import make_corpus


def test_corpus_is_the_same_in_every_run(materials: Path, tmp_path: Path) -> None:
    corpus = (materials / "corpus.txt").read_bytes()
    make_corpus(tmp_path / "again.txt", 100_000, materials.name)
    assert corpus == (tmp_path / "again.txt").read_bytes()
    assert 100_000 <= len(corpus) < 110_000
    corpus.decode()
