"""Parts that an earlier run left: taken as they are where they are still right, and only there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gptprep.corpus import find_sources
from gptprep.errors import GptprepError
from gptprep.pipelines import parts
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.window import WindowReport, run_window
from tests.conftest import SAMPLES, Run
from tests.test_cli_shards import tree
from tests.test_kills import start


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


def options_for(corpus: Path, output: str, **others: object) -> WindowOptions:
    return WindowOptions((str(corpus),), str(corpus.parent / output), 32, **others)  # type: ignore[arg-type]


def run(corpus: Path, output: str = "out", **others: Any) -> WindowReport:
    return run_window(plan_window(options_for(corpus, output, **others)))


def stop(corpus: Path, error: BaseException, after: int = 5, **others: object) -> int:
    """A run that ends when so many parts are done; how many parts it would have had."""
    calls = 0

    def interrupt(stage: str, done: int, total: int | None, unit: str) -> None:  # noqa: ARG001
        nonlocal calls
        calls += 1
        if calls == after:
            raise error

    plan = plan_window(options_for(corpus, "out", workers=1, **others))
    with pytest.raises(type(error)) as caught:
        run_window(plan, interrupt)
    note = f"what was done is kept in {corpus.parent / 'out'}.partial: the same command goes on from there"
    assert note in caught.value.__notes__
    assert not (corpus.parent / "out").exists()
    return len(list((corpus.parent / "out.partial" / "parts").glob("*.json")))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_stopped_run_is_taken_up(corpus: Path, error: BaseException) -> None:
    whole = run(corpus, "whole")
    assert (whole.resumed, whole.parts > 14) == (0, True)
    if isinstance(error, OSError):
        with pytest.raises(GptprepError, match="No space left") as caught:
            stop(corpus, error)
        assert "the same command goes on from there" in caught.value.__notes__[0]
    else:
        assert stop(corpus, error) == 5
    report = run(corpus, workers=2)
    assert report.resumed == 5
    assert report.manifest == whole.manifest
    assert tree(corpus.parent / "out") == tree(corpus.parent / "whole")
    assert not (corpus.parent / "out.partial").exists()


def rewrite(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"e", b"u"))


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("file", "change", "others", "resumed"),
    [
        ("", rewrite, {}, 5),
        ("corpus/the_salt_clock.txt", rewrite, {}, 5),
        ("corpus/poem.txt", rewrite, {}, 1),
        ("corpus/poem.txt", Path.touch, {}, 1),
        ("out.partial/parts/part-000001.bin", cut_short, {}, 4),
        ("out.partial/parts/part-000001.bin", flip, {}, 4),
        ("out.partial/parts/part-000001.ends", Path.unlink, {}, 4),
        ("out.partial/parts/part-000001.json", cut_short, {}, 4),
        ("out.partial/parts/part-000001.json", lambda path: path.write_text("[]"), {}, 4),
        ("", rewrite, {"special": "text"}, 0),
        ("", rewrite, {"tokenizer": "cl100k"}, 0),
        ("", rewrite, {"engine": "tiktoken"}, 0),
        ("", rewrite, {"stride": 3, "shuffle": True, "layout": "tokens", "seed": 4}, 5),
    ],
)
def test_only_parts_that_are_still_right_are_taken(
    corpus: Path,
    tmp_path: Path,
    file: str,
    change: Callable[[Path], None],
    others: dict[str, Any],
    resumed: int,
) -> None:
    if others.get("tokenizer"):
        ranks = (
            Path(parts.__file__).parent.parent / "tokenizers" / "data" / "r50k_base.tiktoken"
        ).read_bytes()
        (tmp_path / "other.tiktoken").write_bytes(ranks.rpartition(b"\n")[0].rpartition(b"\n")[0])
        others = {"tokenizer": str(tmp_path / "other.tiktoken")}
    assert stop(corpus, KeyboardInterrupt()) == 5
    if file == "corpus/poem.txt":  # the part that it shares with the file before it is stale too
        resumed = sum(
            b"poem" not in path.read_bytes() for path in (tmp_path / "out.partial" / "parts").glob("*.json")
        )
        assert resumed < 5
    if file:
        change(tmp_path / file)
    report = run(corpus, **others)
    assert report.resumed == resumed
    assert tree(tmp_path / "out") == tree(Path(run(corpus, "fresh", **others).output))


def test_parts_of_another_plan_go(corpus: Path, tmp_path: Path) -> None:
    assert stop(corpus, KeyboardInterrupt(), after=15) == 15
    for path in sorted(corpus.iterdir())[1:]:
        path.unlink()
    plan = plan_window(options_for(corpus, "out", workers=1))

    def look(stage: str, done: int, total: int | None, unit: str) -> None:  # noqa: ARG001
        names = {path.stem for path in (tmp_path / "out.partial" / "parts").iterdir()}
        assert len(names) < 15

    assert run_window(plan, look).resumed > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "out"]


def test_what_cannot_be_read_again_has_no_stamp(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file.txt").write_text("x")
    stamps = [
        source.stamp for source in find_sources(["-", str(tmp_path / "pipe"), str(tmp_path / "file.txt")])
    ]
    assert stamps[:2] == [None, None]
    assert stamps[2] is not None


def test_a_killed_run_goes_on_at_the_shell(run: Run, tmp_path: Path) -> None:
    words = " ".join(f"word{n} and {n * 7919 % 1000}" for n in range(300_000))
    (tmp_path / "big.txt").write_text(words * 12)
    arguments = ("window", "big.txt", "-o", "s", "-L", "64", "--engine", "tiktoken", "--workers", "2")
    process = start(tmp_path, *arguments)
    while not (tmp_path / "s.partial" / "parts" / "part-000001.json").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err.decode().endswith(
        "interrupted: s was not written\n"
        " note: what was done is kept in s.partial: the same command goes on from there\n"
    )
    done = run(*arguments)
    assert done.code == 0
    assert "there already" in done.err
    assert run("window", "big.txt", "-o", "fresh", "-L", "64").code == 0
    assert tree(tmp_path / "s") == tree(tmp_path / "fresh")
    assert not (tmp_path / "s.partial").exists()
