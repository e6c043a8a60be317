"""Runs of `embed` that are large, killed, interrupted or starved of space."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Run
from tests.test_kills import start, wait_for

EMBED = ("embed", "s", "-o", "e", "--dim", "768", "--device", "cpu")  # 1.2 GB


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embed_kills")
    np.arange(400_001, dtype="<u2").tofile(folder / "ids.bin")
    command = [sys.executable, "-m", "gptprep", "window", "ids.bin", "-o", "s", "-T", "wide.json", "-q"]
    (folder / "wide.json").write_text("{" + ",".join(f'"w{n}": {n}' for n in range(1 << 16)) + "}")
    subprocess.run(command, cwd=folder, check=True)
    return folder


@pytest.mark.parametrize(
    ("sent", "code", "says"),
    [
        (signal.SIGINT, 130, b"interrupted: e was not written; run the same command again\n"),
        (signal.SIGTERM, 143, b"terminated: e was not written; run the same command again\n"),
        (signal.SIGKILL, -9, b""),
    ],
)
def test_a_run_that_is_stopped_leaves_nothing_at_the_outputs_name(
    run: Run, shards: Path, tmp_path: Path, sent: signal.Signals, code: int, says: bytes
) -> None:
    (tmp_path / "s").symlink_to(shards / "s")
    process = start(tmp_path, *EMBED)
    wait_for(tmp_path / "e.partial" / "train" / "embeddings-00001.npy", process)
    process.send_signal(sent)
    _, err = process.communicate()
    assert (process.returncode, err[len(err) - len(says) :]) == (code, says)
    assert sorted(os.listdir(tmp_path)) == (["e.partial", "s"] if code < 0 else ["s"])
    assert run(*EMBED, "--limit", "2").code == 0
    assert sorted(os.listdir(tmp_path)) == ["e", "s"]
    assert np.load(tmp_path / "e" / "train" / "embeddings-00000.npy").shape == (2, 1024, 768)


@pytest.mark.parametrize("kilobytes", [100_000, 230_000])
def test_a_full_disk_is_an_error_and_leaves_nothing(shards: Path, tmp_path: Path, kilobytes: int) -> None:
    """Once at the tables, once at the embeddings."""
    (tmp_path / "s").symlink_to(shards / "s")
    limited = f"ulimit -f {kilobytes}; {sys.executable} -m gptprep {' '.join(EMBED)}"
    done = subprocess.run(["bash", "-c", limited], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: cannot write " in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == ["s"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss as kilobytes")
def test_memory_does_not_grow_with_the_windows(shards: Path, tmp_path: Path) -> None:
    (tmp_path / "s").symlink_to(shards / "s")
    code = """
import resource, sys
from gptprep.cli import main
from gptprep.pipelines import embedding
embedding._FILE_BYTES = 10_000_000
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peaks = []
    for limit in (40, 380):  # 14 files, and 127
        arguments = (*EMBED[:3], f"e{limit}", *EMBED[4:], "--limit", str(limit), "-q")
        command = [sys.executable, "-c", code, *arguments]
        peaks.append(int(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout))
    more_written = 340 * 1024 * 768 * 4 // 1024
    assert peaks[1] - peaks[0] < 0.2 * more_written  # threads differ in what they keep for the next block
