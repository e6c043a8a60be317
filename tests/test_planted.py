"""Leftovers and manifests that somebody else planted: nothing outside is touched, and nothing hangs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gptprep import open_shards
from gptprep.errors import DamagedData
from gptprep.files import MARKER
from gptprep.pipelines.verify import verify_folder
from tests.conftest import Run, read_manifest, write_manifest

WINDOW = ("window", "a.txt", "-o", "s", "-L", "8", "-q")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    (tmp_path / "victim").write_text("precious")
    return tmp_path


@pytest.mark.parametrize("planted", ["link", "hard link", "pipe", "folder", "folder in it"])
@pytest.mark.parametrize(
    "name", ["part-000000.bin", "part-000000.ends", "part-000000.json", "part-000000.json.new"]
)
def test_parts_that_are_no_files_of_ours(run: Run, text: Path, name: str, planted: str) -> None:
    parts = text / "s.partial" / "parts"
    parts.mkdir(parents=True)
    (text / "s.partial" / MARKER).touch()
    match planted:
        case "link":
            (parts / name).symlink_to(text / "victim")
        case "hard link":
            os.link(text / "victim", parts / name)
        case "pipe":
            os.mkfifo(parts / name)
        case "folder":
            (parts / name).mkdir()
        case _:
            (parts / name / "more").mkdir(parents=True)
    assert run(*WINDOW).code == 0
    assert (text / "victim").read_text() == "precious"
    assert sorted(os.listdir(text)) == ["a.txt", "s", "victim"]


@pytest.mark.parametrize("planted", ["link", "pipe", "folder"])
def test_a_mark_that_is_no_file_is_not_ours(run: Run, text: Path, planted: str) -> None:
    (text / "s.partial").mkdir()
    mark = text / "s.partial" / MARKER
    match planted:
        case "link":
            mark.symlink_to(text / "victim")
        case "pipe":
            os.mkfifo(mark)
        case _:
            mark.mkdir()
    done = run(*WINDOW)
    assert (done.code, "s.partial already exists and is not gptprep's" in done.err) == (1, True)
    assert (text / "victim").read_text() == "precious"


def test_a_manifest_makes_no_other_file_ours(run: Run, text: Path) -> None:
    own = text / "s"
    own.mkdir()
    (own / "thesis.txt").write_text("mine")
    named = {"splits": {"a": {"shards": [{"x": {"file": "thesis.txt"}}]}}}
    (own / "manifest.json").write_text(json.dumps({"format": "gptprep-shards", **named}))
    done = run(*WINDOW, "--force")
    assert (done.code, "is not gptprep's" in done.err) == (1, True)
    assert (own / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("output", ["/dev/stdout", "/proc/nothing.npy", "/dev/fd/1"])
@pytest.mark.skipif(sys.platform != "linux", reason="as Linux has them")
def test_outputs_that_are_pipes_or_cannot_be(text: Path, output: str) -> None:
    for arguments in (("encode", "a.txt"), ("decode", "1", "2"), WINDOW[:2]):
        command = [sys.executable, "-m", "gptprep", *arguments, "-o", output]
        done = subprocess.run(command, cwd=text, capture_output=True, text=True, timeout=30)
        assert (done.returncode, "error: " in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_parts_of_another_dtype_are_not_taken(run: Run, text: Path) -> None:
    """Two tokenizers that give the same ids to every text, but have more of them."""
    (text / "b.txt").write_text(" ".join(f"word{n}" for n in range(4_000)))
    assert run("vocab", "a.txt", "--kind", "bpe", "--size", "300", "-o", "t.json", "-q").code == 0
    value = json.loads((text / "t.json").read_text())
    for name, spare in (("small.json", 400), ("large.json", 70_000)):
        value["model"]["vocab"]["qqqqzz"] = spare
        (text / name).write_text(json.dumps(value))
    code = """
import sys
from gptprep.cli import main
from gptprep.pipelines import parts, window
parts.PART_BYTES = 5_000
def stopped(*_): raise KeyboardInterrupt
if "small.json" in sys.argv: window.write_splits = stopped
main()
"""
    window = ("window", "b.txt", "-o", "s", "-L", "64", "--json", "-T")
    command = [sys.executable, "-c", code, *window]
    assert subprocess.run([*command, "small.json"], cwd=text, capture_output=True).returncode == 130
    assert list((text / "s.partial" / "parts").glob("*.json"))
    done = subprocess.run([*command, "large.json"], cwd=text, capture_output=True)
    assert (done.returncode, json.loads(done.stdout)["resumed"]) == (0, 0)
    assert run("verify", "s").code == 0


def test_a_read_only_output_is_refused_before_the_work(run: Run, text: Path) -> None:
    assert run(*WINDOW).code == 0
    (text / "s").chmod(0o555)
    done = run(*WINDOW, "--force")
    if os.geteuid():
        assert (done.code, "may not be replaced" in done.err) == (1, True)
    else:  # to whom nothing is read-only
        assert (done.code, (text / "s").stat().st_mode & 0o777) == (0, 0o555)
    assert not (text / "s.partial").exists()


@pytest.mark.usefixtures("text")
def test_windows_that_no_reader_would_open_are_not_written(run: Run) -> None:
    for option in ("-L", "-S"):
        for number in (1 << 32, 10**24):
            done = run("window", "a.txt", "-o", "s", option, str(number), "--boundary", "document")
            assert (done.code, "give at most 4,294,967,295" in done.err) == (2, True)


def crafted(folder: Path, change: dict[str, Any], **split: Any) -> None:
    manifest = read_manifest(folder)
    manifest["splits"]["train"] |= split
    write_manifest(folder, manifest | change)


def test_crafted_folders(run: Run, text: Path) -> None:
    options = ("--layout", "tokens", "--boundary", "document")
    assert run("window", "a.txt", "a.txt", "-o", "s", "-L", "8", "-q", *options).code == 0
    manifest, path = read_manifest(text / "s"), text / "s" / "train" / "starts-00000.npy"
    starts = np.load(path)
    for wrong in ((1 << 63) - 1, -1, 1 << 40):
        changed = starts.copy()
        changed[1] = wrong
        np.save(path, changed)
        for numbers in ([1], [1, 2]):
            with pytest.raises(DamagedData, match="names ids that are not there"):
                open_shards(str(text / "s")).windows("train").take(numbers)
        assert run("embed", "s", "-o", "e", "--dim", "2", "--device", "cpu", "-q").code == 3
    np.save(path, starts)
    sources = [dict(source, ids=10**12) for source in manifest["sources"]]
    crafted(text / "s", {"sources": sources})
    assert "the sources have" in verify_folder(str(text / "s")).problems[0].what
    write_manifest(text / "s", manifest)
    assert verify_folder(str(text / "s")).problems == ()
    empty = {name: array | {"shape": [0]} for name, array in manifest["splits"]["train"]["table"][0].items()}
    crafted(text / "s", {}, table=[empty])
    with pytest.raises(DamagedData, match="the shape of"):
        verify_folder(str(text / "s"))
