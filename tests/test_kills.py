"""Runs of `window` that are killed, interrupted, starved of space or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Run


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gptprep", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A text that takes a second or more to encode."""
    words = " ".join(f"word{n} and {n * 7919 % 1000}" for n in range(200_000))
    (tmp_path / "big.txt").write_text(words * 6)
    return tmp_path


WINDOW = ("window", "big.txt", "-o", "s", "-L", "64", "--engine", "tiktoken")


def test_a_killed_run_leaves_nothing_at_the_outputs_name(run: Run, big: Path) -> None:
    for delay in (0.0, 0.1, 0.4):
        process = start(big, *WINDOW)
        wait_for(big / "s.partial" / "parts" / "part-000000.bin", process)
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
    ("sent", "code", "says"), [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated")]
)
def test_an_interrupted_run_cleans_up_and_says_so(
    big: Path, sent: signal.Signals, code: int, says: bytes
) -> None:
    process = start(big, *WINDOW)
    wait_for(big / "s.partial" / "parts" / "part-000000.bin", process)
    process.send_signal(sent)
    _, err = process.communicate()
    assert process.returncode == code
    assert err.endswith(says + b": s was not written; run the same command again\n")
    assert os.listdir(big) == ["big.txt"]  # not even one part was whole


def test_a_full_disk_is_an_error_and_leaves_nothing(big: Path) -> None:
    limited = f"ulimit -f 1000; {sys.executable} -m gptprep {' '.join(WINDOW)}"  # 1,000 KiB
    done = subprocess.run(["bash", "-c", limited], cwd=big, capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: cannot write s\n  why: File too large\n  fix: raise the file size limit" in done.stderr
    assert os.listdir(big) == ["big.txt"]


def test_a_second_run_to_the_same_output_is_refused(run: Run, big: Path) -> None:
    process = start(big, *WINDOW)
    wait_for(big / "s.partial" / "parts" / "part-000000.bin", process)
    second = run(*WINDOW)
    assert second.code == 1
    assert "error: s is being written by another run" in second.err
    assert process.communicate()[0] == b""
    assert process.returncode == 0
