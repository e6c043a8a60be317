"""--dry-run: what is said of the size, the time and the files that are not read."""

from __future__ import annotations

import gzip
import json
import re
from contextlib import nullcontext
from pathlib import Path

import pytest

from gptprep.errors import GptprepError
from gptprep.pipelines import window
from tests.helpers.cli import Run
from tests.helpers.folders import window_options


@pytest.fixture(autouse=True)
def corpus(samples: Path) -> Path:
    """The samples, a compressed text, and files that are passed over."""
    (samples / "more.txt.gz").write_bytes(gzip.compress((samples / "poem.txt").read_bytes() * 50))
    (samples / "code.py").touch()
    (samples / ".hidden.txt").touch()
    return samples


def test_time_and_files_that_are_passed_over_are_shown(run: Run) -> None:
    shown = run("window", "sample_texts", "-o", "s", "--dry-run").err
    assert re.search(r"to write, about \d+ s, with \d+ workers?\n", shown)
    assert "\n  sample_texts/.hidden.txt  hidden\n  sample_texts/code.py  .py\n" in shown
    plain = run("window", "sample_texts", "-o", "s", "-L", "64").err
    assert "about 1 s" not in plain
    assert "sample_texts/code.py" not in plain


def test_document_has_the_time_and_all_files_that_are_passed_over(run: Run, corpus: Path) -> None:
    for number in range(30):
        (corpus / f"{number:02}.log").touch()
    plan = json.loads(run("window", "sample_texts", "-o", "s", "--dry-run", "--json").out)
    assert plan["estimated_seconds"] >= 0
    files = [f"sample_texts/{number:02}.log" for number in range(30)]
    found = {one["path"]: one["reason"] for one in plan["passed_over_files"]}
    assert found == {
        "sample_texts/code.py": ".py",
        "sample_texts/.hidden.txt": "hidden",
    } | dict.fromkeys(files, ".log")
    assert "\n  and 12 more; --json has all\n" in run("window", "sample_texts", "-o", "s", "--dry-run").err


def test_compressed_files_are_estimated(run: Run) -> None:
    plan = json.loads(run("window", "sample_texts", "-o", "s", "--dry-run", "--json").out)
    done = json.loads(run("window", "sample_texts", "-o", "s", "--json").out)
    assert plan["estimated_ids"] == pytest.approx(done["manifest"]["ids"], rel=0.02)


def test_nothing_is_known_of_standard_input(run: Run) -> None:
    shown = run("window", "-", "-o", "s", "--dry-run", stdin=b"some text").err
    assert shown.endswith("; the size is unknown before reading\n")


@pytest.mark.parametrize(("free", "fits"), [(3_200_000, True), (1_000_000, False)])
def test_disk_that_has_room_if_the_text_is_as_its_shortest_sample_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, fits: bool
) -> None:
    (tmp_path / "a.txt").write_text("漢字、" * 70_000 + "some words of a text " * 50_000)
    options = window_options([tmp_path / "a.txt"], tmp_path / "s", context_length=32)
    monkeypatch.setattr("gptprep.storage.files.shutil.disk_usage", lambda _: (1 << 40, 0, free))
    monkeypatch.setattr("gptprep.tokens.estimating._RANGE_BYTES", 100_000)
    with nullcontext() if fits else pytest.raises(GptprepError, match="not enough disk space"):
        planned = window.plan(options)
        assert planned.estimated_bytes is not None
        assert planned.estimated_bytes > free


def test_estimate_of_a_compressed_file_refuses_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"some words of a text " * 100_000))
    monkeypatch.setattr("gptprep.storage.files.shutil.disk_usage", lambda _: (1 << 40, 0, 1000))
    planned = window.plan(window_options([tmp_path / "a.txt.gz"], tmp_path / "s", context_length=32))
    assert planned.estimated_bytes is not None
    assert planned.estimated_bytes > 1000
