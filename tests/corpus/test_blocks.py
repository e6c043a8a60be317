"""Reading files, plain and compressed."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from gptprep.errors import CorruptDataError, GptprepError
from tests.helpers.cli import Run
from tests.helpers.documents import documents, file_source


@pytest.fixture(params=["isal", "gzip"])
def reader_of_gzip(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own module is used where isal is not installed."""
    if request.param == "gzip":
        monkeypatch.setitem(sys.modules, "isal.igzip", None)


@pytest.mark.usefixtures("reader_of_gzip")
@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("zst", zstd.compress)])
def test_compressed_files_are_read_and_damaged_ones_refused(
    tmp_path: Path, ending: str, compress: Callable[[bytes], bytes]
) -> None:
    data = os.urandom(1000).hex().encode() * 1000
    assert documents(file_source(tmp_path / f"a.txt.{ending}", compress(data)))[0] == [data]
    json_line = json.dumps({"text": "x"}).encode() + b"\n"
    assert documents(file_source(tmp_path / f"a.jsonl.{ending}", compress(json_line)))[0] == [b"x"]
    for damaged in (compress(data)[:-5], b"nonsense"):
        with pytest.raises(CorruptDataError, match="is damaged"):
            documents(file_source(tmp_path / f"b.txt.{ending}", damaged))


@pytest.mark.usefixtures("reader_of_gzip")
def test_changed_gzip_files_are_damaged_or_have_the_same_text(tmp_path: Path) -> None:
    data = gzip.compress(b"one two " * 500) + gzip.compress(b"three " * 20)
    whole = documents(file_source(tmp_path / "a.txt.gz", data))[0]
    assert documents(file_source(tmp_path / "a.txt.gz", data + bytes(20)))[0] == whole
    refused = 0
    for place in range(8 * len(data)):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        try:
            assert documents(file_source(tmp_path / "a.txt.gz", bytes(changed)))[0] == whole
        except CorruptDataError:
            refused += 1
    assert refused > 6 * len(data)


def test_frame_that_needs_gigabytes_is_not_called_damaged(tmp_path: Path) -> None:
    magic, no_size, window_log_31 = b"\x28\xb5\x2f\xfd", b"\0", bytes([(31 - 10) << 3])
    last_raw_block = b"\x11\0\0" + b"ab"
    source = file_source(tmp_path / "it's.txt.zst", magic + no_size + window_log_31 + last_raw_block)
    with pytest.raises(GptprepError, match=r"cannot decompress .*zst: it takes more than 128 MiB") as caught:
        documents(source)
    assert caught.value.exit_code == 1
    _, _, command = caught.value.fix.partition(": ")
    subprocess.run(shlex.split(command), check=True, capture_output=True)
    assert (tmp_path / "it's.txt").read_bytes() == b"ab"


@pytest.mark.skipif(sys.platform != "linux", reason="a file whose first byte cannot be read is in /proc")
def test_read_error_of_the_disk_is_explained(run: Run) -> None:
    done = run("encode", "--count", "/proc/self/mem")
    assert (done.code, done.out) == (1, b"")
    assert "error: cannot read /proc/self/mem\n  why: Input/output error\n  fix: the disk failed" in done.err
