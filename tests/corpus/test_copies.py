"""Copies of pipes: the same text, read several times, and gone afterwards."""

from __future__ import annotations

import contextlib
import gzip
import os
import threading
from pathlib import Path

import pytest

from gptprep.corpus.blocks import read_blocks
from gptprep.corpus.copies import readable_again
from gptprep.corpus.sources import Source
from gptprep.errors import GptprepError
from tests.helpers.documents import find_sources


def fifo(path: Path, data: bytes) -> Source:
    """The source for a named pipe that somebody writes to."""
    os.mkfifo(path)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError):  # the reader may have seen enough
            path.write_bytes(data)

    threading.Thread(target=write, daemon=True).start()
    return find_sources([str(path)])[0]


def test_pipe_is_read_as_often_as_wanted(tmp_path: Path) -> None:
    text = b"some words " * 300_000
    (tmp_path / "a.txt").write_bytes(b"a file")
    sources = [*find_sources([str(tmp_path / "a.txt")]), fifo(tmp_path / "b.jsonl", text)]
    seen = list[int]()
    with readable_again(sources, "a test", lambda *report: seen.append(report[1])) as (file, copied):
        assert file == sources[0]
        assert (copied.label, copied.kind, copied.size) == (str(tmp_path / "b.jsonl"), "jsonl", len(text))
        assert copied.stamp is not None
        for _ in range(2):
            assert b"".join(read_blocks(copied)) == text
    assert not os.path.exists(copied.path)
    assert (seen, seen[-1]) == (sorted(seen), len(text))


def test_compressed_pipe_is_copied_decompressed(tmp_path: Path) -> None:
    with readable_again([fifo(tmp_path / "a.txt.gz", gzip.compress(b"one two"))], "a test") as (copied,):
        assert (b"".join(read_blocks(copied)), copied.is_compressed) == (b"one two", False)


def test_folder_for_copies_that_is_missing_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fifo(tmp_path / "a.txt", b"word " * 300_000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(GptprepError, match="cannot write to") as caught, readable_again([source], "a test"):
        pass
    assert caught.value.fix == "set TMPDIR to another folder"


def test_short_pipe_stays_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fifo(tmp_path / "a.txt", b"one two")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with readable_again([source], "a test") as (kept,):
        assert (kept.data, kept.size, kept.label) == (b"one two", 7, str(tmp_path / "a.txt"))
