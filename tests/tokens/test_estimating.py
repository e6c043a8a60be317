"""Estimates from samples: close to what the run gives, for compressed inputs and tables too."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from gptprep.corpus import blocks
from gptprep.corpus.blocks import OnRead
from gptprep.corpus.sources import Source
from gptprep.corpus.text_options import TextOptions
from gptprep.progress import no_report
from gptprep.tokens.counting import count_sources
from gptprep.tokens.estimating import QUICK, THOROUGH, Effort, Estimate, estimate
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.documents import find_sources
from tests.helpers.paths import SAMPLES

SPEC = EncodingSpec("gpt2")


def text_of(n_bytes: int) -> str:
    """Sentences of the samples in random order."""
    sentences = (SAMPLES / "the_salt_clock.txt").read_text().split(". ")
    chosen = random.Random(0)
    text = ". ".join(chosen.choice(sentences) for _ in range(n_bytes // 80))
    return text[:n_bytes]


def write_text(path: Path, text: str) -> None:
    path.write_text(text)


def write_gzip(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), 1))


def write_zstd(path: Path, text: str) -> None:
    path.write_bytes(zstd.compress(text.encode()))


def write_lines(path: Path, text: str) -> None:
    """Lines of which the text is a small part."""
    lines = (json.dumps({"id": "x" * 300, "text": line}) for line in text.split(". "))
    path.write_text("\n".join(lines))


def write_table(path: Path, text: str) -> None:
    """A column of text beside a larger one."""
    rows = text.split(". ")
    pq.write_table(pa.table({"text": rows, "other": [str(random.random()) * 20 for _ in rows]}), path)


WRITERS: dict[str, Callable[[Path, str], None]] = {
    "a.txt": write_text,
    "a.txt.gz": write_gzip,
    "a.txt.zst": write_zstd,
    "a.jsonl": write_lines,
    "a.parquet": write_table,
}


def found(sources: list[Source], effort: Effort = QUICK) -> Estimate:
    """The estimate for sources of known size."""
    estimated = estimate(sources, SPEC.load_tokenizer(), TextOptions(), effort)
    assert estimated is not None
    return estimated


def stream_ids(sources: list[Source]) -> int:
    """How many ids the stream of all documents really has."""
    identity = SPEC.load_tokenizer().identity
    counts = count_sources(sources, SPEC, identity, 1, no_report).sources
    return sum(source.counts.ids + source.counts.documents for source in counts) - 1


@pytest.mark.parametrize("effort", [QUICK, THOROUGH])
@pytest.mark.parametrize("name", WRITERS)
def test_estimate_is_close(tmp_path: Path, name: str, effort: Effort) -> None:
    WRITERS[name](tmp_path / name, text_of(12_000_000))
    sources = find_sources([str(tmp_path / name)])
    estimated = found(sources, effort)
    assert estimated.ids == pytest.approx(stream_ids(sources), rel=0.06)
    assert 0 <= estimated.longest <= estimated.seconds
    assert 0 < estimated.longest <= estimated.seconds


def test_estimate_of_many_kinds_together_is_close(tmp_path: Path) -> None:
    for number, (name, write) in enumerate(WRITERS.items()):
        for copy in range(number + 1):
            write(tmp_path / f"{copy}{name}", text_of(300_000 * (copy + 1)))
    sources = find_sources([str(tmp_path)])
    assert found(sources).ids == pytest.approx(stream_ids(sources), rel=0.06)


def test_small_sources_are_sampled_whole() -> None:
    sources = find_sources([str(SAMPLES)])
    assert found(sources).ids == stream_ids(sources)


def test_compressed_source_is_one_task_and_has_no_lower_bound(tmp_path: Path) -> None:
    write_gzip(tmp_path / "a.txt.gz", text_of(3_000_000))
    estimated = found(find_sources([str(tmp_path / "a.txt.gz")]))
    assert estimated.least_ids == 0
    assert estimated.longest == estimated.seconds > 0


def test_lower_bound_is_that_of_the_sample_with_the_fewest_ids(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("日本語。漢字、" * 100_000)
    (tmp_path / "b.txt").write_text(text_of(20_000_000))
    sources = find_sources([str(tmp_path)])
    assert found(sources).least_ids <= stream_ids(sources)
    assert found(sources).least_ids > 0.5 * stream_ids(sources)


def test_text_without_split_points_and_damaged_files_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a" * 5_000_000)
    (tmp_path / "b.txt.gz").write_bytes(b"no gzip")
    (tmp_path / "c.txt").write_bytes(b"\xff" * 100_000)
    (tmp_path / "empty.txt").touch()
    assert found(find_sources([str(tmp_path)])).ids > 100_000
    assert found(find_sources([str(tmp_path / "empty.txt")])).ids == 0


def test_pipe_cannot_be_sampled() -> None:
    assert estimate(find_sources(["-"]), SPEC.load_tokenizer(), TextOptions()) is None


def test_samples_of_empty_documents_end_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": ""}\n' * 1_000_000 + b'{"text": "one"}\n')
    n_read, read_blocks = list[int](), blocks.read_blocks

    def counted(source: Source, on_read: OnRead) -> Iterator[bytes]:
        for block in read_blocks(source, on_read):
            n_read.append(len(block))
            yield block

    monkeypatch.setattr("gptprep.corpus.documents.read_blocks", counted)
    estimated = estimate(find_sources([str(path)]), SPEC.load_tokenizer(), TextOptions())
    assert estimated is not None
    assert estimated.ids <= 1
    assert len(n_read) <= 8
