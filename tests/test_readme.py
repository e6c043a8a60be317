"""Every sentence of the README that can be run is run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from docs.picture import PICTURE, picture
from tests.conftest import SAMPLES
from tests.readme import README, TOP, blocks, executed, run, stable

SETUP, CHECK = blocks(README.read_text(), "sh")


def test_commands_and_programs_print_what_the_readme_says(tmp_path: Path) -> None:
    text = README.read_text()
    assert stable(executed(text, tmp_path)) == stable(text)


def test_the_picture_is_what_the_tool_shows() -> None:
    assert PICTURE.read_text() == picture(), "run python -m docs.picture"


def test_the_set_up_command_makes_shards_in_a_fresh_clone(tmp_path: Path) -> None:
    clone = tmp_path / "gptprep"
    subprocess.run(["git", "clone", "-q", str(TOP), str(clone)], check=True)
    done = subprocess.run(["bash", "-c", SETUP], cwd=clone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (clone / "shards" / "manifest.json").is_file()
    assert "✓ shards: 7 documents" in done.stderr


def test_ci_runs_the_check_command() -> None:
    assert CHECK in (TOP / ".ci" / "run").read_text()


def test_the_makefile_makes_shards_once(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(blocks(README.read_text(), "make")[0])
    (tmp_path / "sample_texts").symlink_to(SAMPLES)
    for goal in ("shards/manifest.json", "train.npy"):
        assert "gptprep" in run(f"make {goal}", tmp_path)
        assert (tmp_path / goal).is_file()
        assert "up to date" in run(f"make {goal}", tmp_path)


def peak_kilobytes(path: Path) -> int:
    """The largest memory of a process when `window` reads a file."""
    code = f"""
import resource, subprocess, sys
command = [sys.executable, "-m", "gptprep", "window", {str(path)!r}, "-q", "-o", {str(path)!r} + ".shards"]
subprocess.run(command, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss as kilobytes")
def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    text = b"".join(path.read_bytes() for path in sorted(SAMPLES.iterdir()))
    peaks = []
    for megabytes in (5, 60):
        path = tmp_path / f"{megabytes}.txt"
        path.write_bytes(text * (megabytes * 10**6 // len(text)))
        peaks.append(peak_kilobytes(path))
    assert peaks[1] < 200_000
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss as kilobytes")
def test_memory_does_not_grow_with_different_words(tmp_path: Path) -> None:
    letters = np.random.default_rng(0).integers(97, 123, (10_000_000, 9), np.uint8)
    letters[:, 8] = ord(" ")
    (tmp_path / "random.txt").write_bytes(letters.tobytes())
    assert peak_kilobytes(tmp_path / "random.txt") < 500_000
