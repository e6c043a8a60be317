"""Compressed files, tables and pipes, divided among workers: the ids, counts and errors of the plain file."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from gptprep.corpus import blocks, streams
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import CorruptDataError, GptprepError
from gptprep.pipelines import count, encode, vocab
from gptprep.pipelines.inspect import counting as inspect_counting
from gptprep.tokens import parts
from gptprep.tokens.planning import TaskSources, plan_task_sources
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.documents import find_sources
from tests.helpers.folders import contents, window
from tests.helpers.paths import SAMPLES

WORKERS = pytest.mark.parametrize("workers", [1, 3])


@pytest.fixture(autouse=True)
def _small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources of a few kilobytes are divided."""
    monkeypatch.setattr(streams, "_LEAST", 0)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 512)
    monkeypatch.setattr(parts, "PART_BYTES", 2000)
    monkeypatch.setattr(encode, "_LARGE_INPUT", 0)
    for module in (vocab, inspect_counting):
        monkeypatch.setattr(module, "TASK_BYTES", 2000)


@pytest.fixture
def texts() -> list[str]:
    paragraphs = (SAMPLES / "many_scripts.txt").read_text().split("\n\n")
    return [*paragraphs, "", "<|endoftext|>", "last"] * 3


@pytest.fixture
def forms(tmp_path: Path, texts: list[str]) -> Path:
    """The same documents in many forms."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    (tmp_path / "a.jsonl").write_bytes(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "a.jsonl.zst").write_bytes(zstd.compress(lines))
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": texts}), tmp_path / "groups.parquet", row_group_size=4)
    text = "\n\n".join(texts).encode()
    (tmp_path / "b.txt").write_bytes(text)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(text))
    return tmp_path


@contextmanager
def pipe(path: Path, data: bytes) -> Iterator[Path]:
    """A named pipe that another process writes to."""
    os.mkfifo(path)
    (path.parent / "data").write_bytes(data)
    command = ["sh", "-c", 'exec cat data > "$1"', "sh", path.name]
    with subprocess.Popen(command, cwd=path.parent) as process:
        yield path
        process.kill()  # it may wait for a reader


def run_count(path: str, workers: int) -> count.CountReport:
    """Count in small tasks."""
    return count.run(count.plan(count.CountOptions((path,), workers=workers, task_bytes=2000)))


def encoded(path: Path, output: Path, **options: Any) -> tuple[bytes, dict[str, Any]]:
    """The ids of a file, and what the report says of it apart from its name and size."""
    plan = encode.plan(encode.EncodeOptions((str(path),), output=str(output), **options))
    report = asdict(encode.run(plan))
    kept = {name: report[name] for name in ("ids", "documents", "empty", "special_tokens")}
    for special in kept["special_tokens"]:
        del special["source"]
    return output.read_bytes(), kept


@WORKERS
@pytest.mark.parametrize("form", ["a.jsonl.gz", "a.jsonl.zst", "a.parquet", "groups.parquet"])
def test_documents_are_encoded_as_those_of_json_lines(forms: Path, form: str, workers: int) -> None:
    expected = encoded(forms / "a.jsonl", forms / "x.bin", workers=1)
    assert encoded(forms / form, forms / "y.bin", workers=workers) == expected
    assert not (forms / "y.bin.partial").exists()


@WORKERS
def test_text_is_encoded_as_that_of_the_plain_file(forms: Path, workers: int) -> None:
    expected = encoded(forms / "b.txt", forms / "x.bin", workers=1)
    assert encoded(forms / "b.txt.gz", forms / "y.bin", workers=workers) == expected
    window([forms / "b.txt"], forms / "s", context_length=8)
    with pipe(forms / "pipe", (forms / "b.txt").read_bytes()) as path:
        window([path], forms / "t", context_length=8, workers=workers)
    shard = "train/inputs-00000.npy"
    assert (forms / "t" / shard).read_bytes() == (forms / "s" / shard).read_bytes()
    separated = {"workers": workers, "encoding": EncodingSpec(text=TextOptions(separator="\n\n"))}
    expected = encoded(forms / "b.txt", forms / "v.bin", **separated)
    assert encoded(forms / "b.txt.gz", forms / "w.bin", **separated) == expected


@WORKERS
def test_shards_of_several_streams_are_those_of_the_plain_files(forms: Path, workers: int) -> None:
    options: dict[str, Any] = {"context_length": 16, "stride": 7, "val_fraction": "0.3", "shard_size": 3000}
    window([forms / "a.jsonl", forms / "b.txt", forms / "a.jsonl"], forms / "plain", **options)
    inputs: list[str | Path] = [forms / "groups.parquet", forms / "b.txt.gz", forms / "a.parquet"]
    window(inputs, forms / "s", workers=workers, **options)
    plain, found = contents(forms / "plain"), contents(forms / "s")
    del plain["manifest.json"], found["manifest.json"]
    assert found == plain


def test_table_of_several_row_groups_is_divided_without_being_read(forms: Path) -> None:
    def planned(name: str) -> list[TaskSources]:
        return list(plan_task_sources(find_sources([str(forms / name)]), TextOptions(), 2000, True))

    assert [task.is_stream for task in planned("a.parquet")] == [True]
    tasks = planned("groups.parquet")
    assert len(tasks) > 2
    assert not any(task.is_stream for task in tasks)
    ranges = [one for task in tasks for one in task.ranges]
    assert [one.start for one in ranges[1:]] == [one.stop for one in ranges[:-1]]


@WORKERS
@pytest.mark.parametrize("form", ["a.jsonl.gz", "a.jsonl.zst", "a.parquet", "groups.parquet"])
def test_counts_are_those_of_json_lines(forms: Path, form: str, workers: int) -> None:
    def counted(name: str, workers: int) -> object:
        report = count.run(
            count.plan(count.CountOptions((str(forms / name),), workers=workers, task_bytes=2000))
        )
        return report.total

    assert counted(form, workers) == counted("a.jsonl", 1)

    def inspected(name: str, workers: int) -> object:
        counts = inspect_counting.count(find_sources([str(forms / name)]), EncodingSpec(), workers)
        return counts.occurrences_V.tolist(), counts.lengths, counts.text_bytes, counts.sources[0].ids

    assert inspected(form, workers) == inspected("a.jsonl", 1)


@WORKERS
@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
@pytest.mark.parametrize("form", ["a.jsonl.gz", "a.parquet", "groups.parquet"])
def test_vocabularies_are_those_of_json_lines(forms: Path, kind: Any, form: str, workers: int) -> None:
    def built(name: str, workers: int) -> bytes:
        size = 400 if kind == "bpe" else None
        output = str(forms / f"{name}.json")
        options = vocab.VocabOptions((str(forms / name),), output, kind, size, workers=workers)
        vocab.run(vocab.plan(options))
        return Path(output).read_bytes()

    assert built(form, workers) == built("a.jsonl", 1)


def changed(texts: list[str], number: int, line: bytes) -> bytes:
    lines = [json.dumps({"text": text}).encode() for text in texts]
    lines[number] = line
    return b"\n".join(lines)


@WORKERS
@pytest.mark.parametrize("name", ["c.jsonl.gz", "pipe.jsonl"])
def test_errors_name_the_line_in_the_stream(
    tmp_path: Path, texts: list[str], name: str, workers: int
) -> None:
    data = changed(texts, len(texts) - 3, b"{")
    what = rf"{name}:{len(texts) - 2} is not valid JSON"
    with _source(tmp_path / name, data) as path, pytest.raises(CorruptDataError, match=what):
        window([path], tmp_path / "s", context_length=8, workers=workers)
    assert not list(tmp_path.glob("s.partial/**/tmp*"))


@contextmanager
def _source(path: Path, data: bytes) -> Iterator[Path]:
    if path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(data))
        yield path
    else:
        with pipe(path, data) as named:
            yield named


@WORKERS
@pytest.mark.parametrize("run", ["encode", "count", "vocab"])
def test_a_truncated_archive_is_never_a_short_corpus(forms: Path, workers: int, run: str) -> None:
    path = forms / "a.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-10])
    runs: dict[str, Callable[[], object]] = {
        "encode": lambda: encoded(path, forms / "x.bin", workers=workers),
        "count": lambda: count.run(
            count.plan(count.CountOptions((str(path),), workers=workers, task_bytes=2000))
        ),
        "vocab": lambda: vocab.run(
            vocab.plan(vocab.VocabOptions((str(path),), str(forms / "v.json"), workers=workers))
        ),
    }
    with pytest.raises(CorruptDataError, match=r"a\.jsonl\.gz is damaged"):
        runs[run]()
    assert not (forms / "x.bin").exists()
    assert not (forms / "v.json").exists()


def test_a_run_that_failed_is_continued(forms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = forms / "a.jsonl.gz"
    window([path], forms / "whole", context_length=16, workers=2)
    real, made = parts.encode_part, list[str]()

    def failing(task: Any, *arguments: Any) -> Any:
        made.append(task.path)
        if len(made) == 4:
            raise KeyboardInterrupt
        return real(task, *arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(parts, "encode_part", failing)
        window([path], forms / "s", context_length=16, workers=1)
    kept = sorted(entry.name for entry in (forms / "s.partial" / "parts").iterdir())
    receipts = [name for name in kept if name.endswith(".json")]
    assert receipts == [f"part-000000-{number:06d}.json" for number in range(3)]
    assert not [name for name in kept if name.startswith("tmp")]
    assert window([path], forms / "s", context_length=16, workers=2).resumed == 3
    assert contents(forms / "s") == contents(forms / "whole")


def test_a_full_disk_while_a_stream_is_read_is_explained(
    forms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    for path in (forms / "b.txt.gz", forms / "a.parquet"):
        with pytest.raises(GptprepError, match=r"cannot write .*parts"):
            encoded(path, forms / "x.bin", workers=2)
        with pytest.raises(GptprepError, match="cannot write to") as caught:
            run_count(str(path), 2)
        assert "TMPDIR" in caught.value.fix


def test_pipes_that_cannot_be_divided_are_read_by_one_process(tmp_path: Path) -> None:
    data = "zażółć gęślą jaźń\n".encode("utf-16") * 300
    (tmp_path / "a.txt").write_bytes(data)
    spec = EncodingSpec(text=TextOptions("utf-16"))
    expected = encoded(tmp_path / "a.txt", tmp_path / "x.bin", encoding=spec, workers=1)
    with pipe(tmp_path / "pipe", data) as path:
        assert encoded(path, tmp_path / "y.bin", encoding=spec, workers=3) == expected


def test_files_of_a_resumed_run_are_removed_as_it_goes(forms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = forms / "a.jsonl.gz", list[int]()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("gptprep.tokens.parts.check_not_empty", _interrupted)
        window([path], forms / "s", context_length=16)
    real = parts.encode_part

    def watched(task: Any, *arguments: Any) -> Any:
        result = real(task, *arguments)
        seen.append(len(list((forms / "s.partial" / "parts").glob("tmp*/*"))))
        return result

    monkeypatch.setattr(parts, "encode_part", watched)
    assert window([path], forms / "s", context_length=16).resumed == len(seen) > 5
    assert max(seen) <= 2


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_short_pipe_needs_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("tempfile.gettempdir", none)
    with pipe(tmp_path / "pipe", b"hi there") as path:
        assert count.run(count.plan(count.CountOptions((str(path),)))).total.ids == (2,)


@WORKERS
def test_error_in_the_first_range_comes_before_that_of_the_archive(tmp_path: Path, workers: int) -> None:
    data = gzip.compress(b"one \xff two " * 10 + os.urandom(300_000).hex(" ").encode())
    (tmp_path / "a.txt.gz").write_bytes(data[:-20])
    for run in (
        lambda: window([tmp_path / "a.txt.gz"], tmp_path / "s", context_length=8, workers=workers),
        lambda: count.run(
            count.plan(count.CountOptions((str(tmp_path / "a.txt.gz"),), workers=workers, task_bytes=2000))
        ),
    ):
        with pytest.raises(GptprepError, match="not valid UTF-8: byte 0xff at offset 4"):
            run()


def test_a_table_without_rows_is_no_text(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    report = count.run(count.plan(count.CountOptions((str(tmp_path / "a.parquet"),))))
    assert report.total.documents == 0
