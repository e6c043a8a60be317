"""Runs of `embed` that are killed, interrupted or out of space, and their memory."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gptprep.tokens.spec import EncodingSpec
from tests.helpers.cli import GPTPREP, Run, start, wait_for
from tests.helpers.folders import window
from tests.helpers.paths import TOP

L, D, N_VOCAB = 1024, 768, 256
EMBED = ("embed", "s", "-o", "e", "--dim", str(D), "--device", "cpu")  # 1.2 GB, in files of 256 MB
pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def large_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """390 windows of a small vocabulary, so that the tables are small and the embeddings are not."""
    folder = tmp_path_factory.mktemp("large")
    (np.arange(400_001) % N_VOCAB).astype("<u2").tofile(folder / "ids.bin")
    (folder / "v.json").write_text(json.dumps({f"w{n}": n for n in range(N_VOCAB)}))
    encoding = EncodingSpec(str(folder / "v.json"))
    window([folder / "ids.bin"], folder / "s", encoding=encoding, context_length=L)
    return folder / "s"


@pytest.fixture
def shards(large_shards: Path, tmp_path: Path) -> Path:
    """The large shards as `s` in the test's folder."""
    (tmp_path / "s").symlink_to(large_shards)
    return tmp_path / "s"


@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        (signal.SIGINT, 130, b"interrupted: e was not written; run the same command again\n"),
        (signal.SIGTERM, 143, b"terminated: e was not written; run the same command again\n"),
        (signal.SIGKILL, -9, b""),
    ],
    ids=["interrupted", "terminated", "killed"],
)
def test_stopped_run_leaves_nothing_at_the_output_and_the_next_run_succeeds(
    run: Run, shards: Path, sent: signal.Signals, code: int, message: bytes
) -> None:
    folder = shards.parent
    process = start(folder, *EMBED)
    wait_for(folder / "e.partial" / "train" / "embeddings-00001.npy", process)
    process.send_signal(sent)
    _, err = process.communicate()
    assert (process.returncode, err[len(err) - len(message) :]) == (code, message)
    assert sorted(os.listdir(folder)) == (["e.partial", "s"] if code < 0 else ["s"])
    assert run(*EMBED, "--limit", "2").code == 0
    assert sorted(os.listdir(folder)) == ["e", "s"]
    assert np.load(folder / "e" / "train" / "embeddings-00000.npy").shape == (2, L, D)


@pytest.mark.parametrize(
    ("kilobytes", "message"),
    [(1_000, "error: cannot write .*weights.safetensors\n"), (20_000, "error: cannot write e\n")],
    ids=["tables", "embeddings"],
)
def test_file_that_is_too_large_is_an_error_and_leaves_nothing(
    shards: Path, kilobytes: int, message: str
) -> None:
    limited = f"ulimit -f {kilobytes}; {' '.join((*GPTPREP, *EMBED))}"
    done = subprocess.run(["bash", "-c", limited], cwd=shards.parent, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.search(message, done.stderr)
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(shards.parent) == ["s"]


PEAKS = """
import resource
from gptprep.training import writer
from tests.helpers import forked

writer._FILE_BYTES = 10_000_000
for n_windows in (40, 350):  # 14 files, and 117
    command = f"embed s -o {n_windows} --limit {n_windows} --dim 768 --device cpu -q"
    assert forked.gptprep(command.split()) == 0
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss as kilobytes")
def test_memory_does_not_grow_with_the_number_of_windows(shards: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    command = [sys.executable, "-c", PEAKS]
    done = subprocess.run(command, cwd=shards.parent, env=environment, capture_output=True, check=True)
    few, many = map(int, done.stdout.split())
    kilobytes_more = 310 * L * D * 4 // 1024
    assert many - few < 0.2 * kilobytes_more  # threads differ in what they keep for the next block
