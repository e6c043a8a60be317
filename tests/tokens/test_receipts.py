"""Parts that an earlier run left: used again where they are still right, and only there."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gptprep.errors import GptprepError
from gptprep.pipelines import window as pipeline
from gptprep.pipelines.window import WindowOptions, WindowReport
from gptprep.tokens import parts
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.cli import Run
from tests.helpers.documents import find_sources
from tests.helpers.folders import contents, window_options
from tests.helpers.paths import RANKS, SAMPLES


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 2_000)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three files of several parts each."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("poem.txt", "seven_fables.txt", "the_salt_clock.txt"):
        (folder / name).write_bytes((SAMPLES / name).read_bytes())
    return folder


def options_for(corpus: Path, output: str, **others: Any) -> WindowOptions:
    return window_options([corpus], corpus.parent / output, context_length=32, **others)


def run_window(corpus: Path, output: str = "out", **others: Any) -> WindowReport:
    return pipeline.run(pipeline.plan(options_for(corpus, output, **others)))


def stop(corpus: Path, error: BaseException, after: int = 5) -> int:
    """Run until so many parts are done; returns how many receipts are left."""
    receipts = corpus.parent / "out.partial" / "parts"

    def interrupt(*_: object) -> None:
        if len(list(receipts.glob("*.json"))) == after:
            raise error

    plan = pipeline.plan(options_for(corpus, "out"))
    with pytest.raises(type(error)) as caught:
        pipeline.run(plan, interrupt)
    note = f"finished work is kept in {corpus.parent / 'out'}.partial: the same command continues from there"
    assert note in caught.value.__notes__
    assert not (corpus.parent / "out").exists()
    return len(list((corpus.parent / "out.partial" / "parts").glob("*.json")))


def check_resumed(corpus: Path, complete: WindowReport) -> None:
    """Check that another run uses five parts and writes what an undisturbed run wrote."""
    report = run_window(corpus, workers=2)
    assert report.resumed == 5
    assert report.manifest == complete.manifest
    assert contents(corpus.parent / "out") == contents(corpus.parent / "complete")
    assert not (corpus.parent / "out.partial").exists()


def test_interrupted_run_is_continued_with_its_parts(corpus: Path) -> None:
    complete = run_window(corpus, "complete")
    assert (complete.resumed, complete.parts > 14) == (0, True)
    assert stop(corpus, KeyboardInterrupt()) == 5
    check_resumed(corpus, complete)


def test_run_that_met_a_full_disk_is_continued_with_its_parts(corpus: Path) -> None:
    complete = run_window(corpus, "complete")
    with pytest.raises(GptprepError, match="No space left") as caught:
        stop(corpus, OSError(28, "No space left on device"))
    assert "the same command continues from there" in caught.value.__notes__[0]
    check_resumed(corpus, complete)


def change_letters(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"e", b"u"))


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def write_another_value(path: Path) -> None:
    path.write_text("[]")


@pytest.mark.parametrize(
    ("change", "file", "resumed"),
    [
        (change_letters, "corpus/the_salt_clock.txt", 5),
        (change_letters, "corpus/poem.txt", None),
        (Path.touch, "corpus/poem.txt", None),
        (truncate, "out.partial/parts/part-000001.npy", 4),
        (flip_a_bit, "out.partial/parts/part-000001.npy", 4),
        (Path.unlink, "out.partial/parts/part-000001.ends", 4),
        (truncate, "out.partial/parts/part-000001.json", 4),
        (write_another_value, "out.partial/parts/part-000001.json", 4),
    ],
)
def test_only_parts_of_unchanged_files_are_used(
    corpus: Path, tmp_path: Path, change: Callable[[Path], None], file: str, resumed: int | None
) -> None:
    assert stop(corpus, KeyboardInterrupt()) == 5
    if resumed is None:  # the part that holds the end of the poem holds the start of the next file too
        receipts = (tmp_path / "out.partial" / "parts").glob("*.json")
        resumed = sum(b"poem" not in path.read_bytes() for path in receipts)
        assert 0 < resumed < 5
    change(tmp_path / file)
    assert run_window(corpus).resumed == resumed
    run_window(corpus, "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def other_ranks(folder: Path) -> str:
    """A rank file that is GPT-2's without its last token."""
    path = folder / "other.tiktoken"
    path.write_bytes(RANKS.read_bytes().rpartition(b"\n")[0].rpartition(b"\n")[0])
    return str(path)


@pytest.mark.parametrize(
    ("others", "resumed"),
    [
        ({}, 5),
        ({"encoding": {"special": "text"}}, 0),
        ({"encoding": {"tokenizer": "other ranks"}}, 0),
        ({"encoding": {"engine": "tiktoken"}}, 0),
        ({"stride": 3, "shuffle": True, "layout": "tokens", "seed": 4}, 5),
    ],
    ids=["same", "special", "tokenizer", "engine", "windows"],
)
def test_parts_are_used_if_the_same_ids_are_wanted(
    corpus: Path, tmp_path: Path, others: dict[str, Any], resumed: int
) -> None:
    if "encoding" in others:
        encoding = dict(others["encoding"])
        if "tokenizer" in encoding:
            encoding["tokenizer"] = other_ranks(tmp_path)
        others = {"encoding": EncodingSpec(**encoding)}
    assert stop(corpus, KeyboardInterrupt()) == 5
    assert run_window(corpus, **others).resumed == resumed
    run_window(corpus, "fresh", **others)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_parts_of_another_plan_are_removed(corpus: Path, tmp_path: Path) -> None:
    assert stop(corpus, KeyboardInterrupt(), after=15) == 15
    for path in sorted(corpus.iterdir())[1:]:
        path.unlink()
    plan = pipeline.plan(options_for(corpus, "out"))

    def look(*_: object) -> None:
        names = {path.stem for path in (tmp_path / "out.partial" / "parts").iterdir()}
        assert len(names) < 15

    assert pipeline.run(plan, look).resumed > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "out"]


def test_sources_that_cannot_be_read_again_have_no_stamp(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file.txt").write_text("x")
    sources = find_sources(["-", str(tmp_path / "pipe"), str(tmp_path / "file.txt")])
    stamps = [source.stamp for source in sources]
    assert stamps[:2] == [None, None]
    assert stamps[2] is not None


def test_parts_of_a_stopped_run_are_not_inputs(run: Run, tmp_path: Path) -> None:
    working = tmp_path / "data" / "out.partial"
    (working / "parts").mkdir(parents=True)
    (working / ".gptprep-partial").touch()
    for path in (tmp_path / "data", working / "parts"):
        (path / "a.txt").write_text("some words")
    for name in ("data", "data/**/*.txt"):
        assert run("encode", name, "--count").out == b"2\n"


# At the shell


SMALL_PARTS = """
from gptprep.cli import main
from gptprep.tokens import parts

parts.PART_BYTES = 2_000
"""
"""A program for runs that write parts of 2,000 bytes."""
INTERRUPT = """
import os, signal
from gptprep.parallel import processes


def interrupted(*arguments, real=processes.run_reporting):
    for number, result in enumerate(real(*arguments)):
        if number == 3:
            os.kill(os.getpid(), signal.SIGINT)
        yield result


processes.run_reporting = interrupted
"""
"""A program that sends SIGINT to its own process when three parts are done."""


@pytest.mark.faults
@pytest.mark.usefixtures("corpus")
def test_run_interrupted_at_the_shell_is_continued_by_the_same_command(tmp_path: Path) -> None:
    def shell(output: str, program: str = "") -> tuple[int, str]:
        command = ("window", "corpus", "-o", output, "-L", "64", "--workers", "2")
        code = f"{SMALL_PARTS}{program}\nmain()"
        done = subprocess.run(
            [sys.executable, "-c", code, *command], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        return done.returncode, done.stderr

    code, err = shell("s", INTERRUPT)
    assert code == 128 + signal.SIGINT
    assert err.endswith(
        "interrupted: s was not written\n"
        " note: finished work is kept in s.partial: the same command continues from there\n"
    )
    code, err = shell("s")
    assert code == 0
    assert "parts of the work were already done" in err
    assert shell("fresh")[0] == 0
    assert contents(tmp_path / "s") == contents(tmp_path / "fresh")
    assert not (tmp_path / "s.partial").exists()
