"""Runs of `window` that are killed, interrupted or out of space, and two runs to the same output."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.helpers.cli import GPTPREP, Run, start, wait_for

pytestmark = pytest.mark.faults
WINDOW = ("window", "big.txt", "-o", "s", "-L", "64", "--engine", "tiktoken")


@pytest.fixture(scope="module")
def big_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text that takes half a second or more to encode."""
    path = tmp_path_factory.mktemp("big") / "big.txt"
    path.write_text(" ".join(f"word{n} and {n * 7919 % 1000}" for n in range(200_000)) * 3)
    return path


@pytest.fixture
def big(big_text: Path, tmp_path: Path) -> Path:
    """The test's folder with the text."""
    shutil.copy(big_text, tmp_path)
    return tmp_path


def started(folder: Path) -> subprocess.Popen[bytes]:
    """A run that writes its first part."""
    process = start(folder, *WINDOW)
    parts = folder / "s.partial" / "parts"
    wait_for(parts, process)
    while not list(parts.glob("part-000000.*")):
        wait_for(parts, process)
    return process


def test_killed_run_leaves_nothing_at_the_output(run: Run, big: Path) -> None:
    for delay in (0.0, 0.05, 0.2):
        process = started(big)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (big / "s").exists()
        assert (big / "s.partial").exists()
    (big / "big.txt").write_text("a small text " * 100)
    assert run(*WINDOW).code == 0
    assert sorted(path.name for path in big.iterdir()) == ["big.txt", "s"]


@pytest.mark.parametrize(
    ("sent", "code", "message"), [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated")]
)
def test_interrupted_run_cleans_up_and_says_so(
    big: Path, sent: signal.Signals, code: int, message: bytes
) -> None:
    process = started(big)
    process.send_signal(sent)
    _, err = process.communicate()
    assert process.returncode == code
    assert err.endswith(message + b": s was not written; run the same command again\n")
    assert os.listdir(big) == ["big.txt"]  # not even one part was complete


def test_file_size_limit_is_an_error_and_leaves_nothing(big: Path) -> None:
    limited = f"ulimit -f 1000; {' '.join(GPTPREP)} {' '.join(WINDOW)}"  # 1,000 KiB
    done = subprocess.run(["bash", "-c", limited], cwd=big, capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: cannot write s\n  why: File too large\n  fix: raise the file size limit" in done.stderr
    assert os.listdir(big) == ["big.txt"]


def test_second_run_to_the_same_output_is_refused(run: Run, big: Path) -> None:
    process = started(big)
    second = run(*WINDOW)
    assert second.code == 1
    assert "error: s is being written by another run" in second.err
    assert process.communicate()[0] == b""
    assert process.returncode == 0
