"""What pipelines report of their progress: all bytes of the inputs as they are on disk, and all ids."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from gptprep.pipelines import count, encode, vocab, window
from gptprep.progress import Progress
from gptprep.tokens import parts
from tests.helpers.folders import window_options
from tests.helpers.paths import SAMPLES


class Step(NamedTuple):
    """One call."""

    stage: str
    done: int
    total: int | None
    unit: str
    ids: int
    resumed: int


class Recorder:
    """Keeps all calls."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def __call__(self, *step: Any) -> None:
        self.steps.append(Step(*step, *(0, 0)[len(step) - 4 :]))

    def of(self, stage: str) -> list[Step]:
        """The calls for one stage."""
        return [step for step in self.steps if step.stage == stage]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Files of all kinds."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    texts = [path.read_text() for path in sorted(SAMPLES.glob("*.txt"))]
    text = "".join(texts)
    (folder / "a.txt").write_text(text)
    (folder / "b.txt.gz").write_bytes(gzip.compress(os.urandom(1_500_000).hex(" ", 5).encode()))
    (folder / "c.txt.zst").write_bytes(zstd.compress(text.encode()))
    (folder / "d.jsonl").write_text("".join(json.dumps({"text": one}) + "\n\n" for one in texts))
    pq.write_table(pa.table({"text": texts * 30, "n": range(30 * len(texts))}), folder / "e.parquet")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), folder / "f.parquet")
    (folder / "empty.txt").touch()
    return folder


def _window(corpus: Path, progress: Progress, workers: int) -> int:
    options = window_options([corpus], corpus.parent / "shards", context_length=32, workers=workers)
    report = window.run(window.plan(options), progress)
    return report.manifest.ids - report.documents + 1


def _encode(corpus: Path, progress: Progress, workers: int) -> int:
    options = encode.EncodeOptions((str(corpus),), output=str(corpus.parent / "x.npy"), workers=workers)
    report = encode.run(encode.plan(options), progress)
    return report.ids - report.documents + 1


def _count(corpus: Path, progress: Progress, workers: int) -> int:
    options = count.CountOptions((str(corpus),), workers=workers, task_bytes=20_000)
    return count.run(count.plan(options), progress).total.ids[0]


def _vocab(corpus: Path, progress: Progress, workers: int) -> int:
    vocab.run(vocab.plan(vocab.VocabOptions((str(corpus),), kind="char", workers=workers)), progress)
    return 0


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("verb", "stage"),
    [(_window, "encoding"), (_encode, "encoding"), (_count, "encoding"), (_vocab, "counting")],
)
def test_all_bytes_and_ids_are_reported(
    corpus: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: Callable[[Path, Progress, int], int],
    stage: str,
    workers: int,
    large: bool,
) -> None:
    if large:
        monkeypatch.setattr(parts, "PART_BYTES", 20_000)
        monkeypatch.setattr(encode, "_LARGE_INPUT", 1)
        monkeypatch.setattr(vocab, "TASK_BYTES", 20_000)
    seen = Recorder()
    n_ids = verb(corpus, seen, workers)
    steps, size = seen.of(stage), sum(path.stat().st_size for path in corpus.iterdir())
    assert {(step.total, step.unit) for step in steps} == {(size, "bytes")}
    assert (steps[0].done, steps[-1].done) == (0, size)
    assert steps[-1].ids == n_ids
    assert all(a.done <= b.done and a.ids <= b.ids for a, b in pairwise(steps))
    for written in (seen.of("writing"), seen.of("copying")):
        assert not written or (written[0].done, written[-1].done) == (0, written[0].total)


def test_ids_are_reported_with_their_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text((SAMPLES / "poem.txt").read_text())
    _encode(tmp_path / "text", Recorder(), 1)
    monkeypatch.setattr(parts, "_PART_IDS", 300)
    seen = Recorder()
    options = window_options([tmp_path / "x.npy"], tmp_path / "shards", context_length=8)
    window.run(window.plan(options), seen)
    assert seen.of("encoding")[-1].done == (tmp_path / "x.npy").stat().st_size


def test_compressed_file_is_reported_while_it_is_read(corpus: Path) -> None:
    for path in corpus.iterdir():
        if path.name != "b.txt.gz":
            path.unlink()
    seen, size = Recorder(), (corpus / "b.txt.gz").stat().st_size
    _window(corpus, seen, 2)
    shares = [step.done / size for step in seen.of("encoding")]
    assert 0.2 < shares[1] < 0.7  # isal reads more at a time than gzip
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_parts_of_an_earlier_run_are_reported_as_such(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 20_000)

    def stop(stage: str, *_: object) -> None:
        if stage == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _window(corpus, stop, 1)
    seen = Recorder()
    n_ids = _window(corpus, seen, 1)
    last = seen.of("encoding")[-1]
    assert last.done == last.resumed == last.total
    assert last.ids == n_ids
