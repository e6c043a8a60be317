"""Inputs that change after the work has been planned: noticed and named, and nothing is written of them."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from pyarrow import table

from gptprep.errors import GptprepError
from gptprep.pipelines import encode as encoding
from gptprep.pipelines import parts, vocab
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.progress import Progress
from gptprep.pipelines.window import run_window
from tests.conftest import Run
from tests.trials import Trials

pytestmark = pytest.mark.faults
WORDS = " ".join(f"word{n}" for n in range(3_000)) + "\n"


def _shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"  more")


def _rewrite(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:100] + data[100:200][::-1] + data[200:])


def _replace(path: Path) -> None:
    path.with_suffix(".new").write_bytes(path.read_bytes())
    path.with_suffix(".new").replace(path)


CHANGES: list[Callable[[Path], None]] = [_shrink, _empty, _grow, _rewrite, _replace, Path.unlink]
FILES: dict[str, Callable[[Path], object]] = {
    "a.txt": lambda path: path.write_text(WORDS),
    "a.jsonl": lambda path: path.write_text((json.dumps({"text": WORDS[:200]}) + "\n") * 100),
    "a.txt.gz": lambda path: path.write_bytes(gzip.compress(WORDS.encode())),
    "a.parquet": lambda path: parquet.write_table(table({"text": [WORDS] * 3}), path),
    "a.bin": lambda path: np.arange(20_000, dtype="<u2").tofile(path),
    "a.npy": lambda path: np.save(path, np.arange(20_000, dtype="<u2")),
}


def changing(path: Path, change: Callable[[Path], None]) -> Progress:
    """Changes a file as soon as there is progress."""
    left = [change]

    def progress(stage: str, done: int, total: int | None, unit: str) -> None:  # noqa: ARG001
        if left:
            left.pop()(path)

    return progress


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("workers", [1, 2])
def test_between_the_plan_and_the_work(
    tmp_path: Path, trials: Trials, monkeypatch: pytest.MonkeyPatch, name: str, workers: int
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 5_000)
    monkeypatch.setattr(parts, "_PART_IDS", 5_000)
    path, wrong = tmp_path / name, []
    for change in CHANGES:
        FILES[name](path)
        os.utime(path, (1, 1))  # clocks of file systems tick slowly
        options = WindowOptions((str(path),), str(tmp_path / "s"), 32, workers=workers)
        plan = plan_window(options)
        change(path)
        try:
            run_window(plan)
            wrong.append(f"{change.__name__}: not noticed")
        except GptprepError as error:
            if str(path) not in str(error):
                wrong.append(f"{change.__name__}: {error}")
        if (tmp_path / "s").exists():
            wrong.append(f"{change.__name__}: something was written")
    trials.count("inputs that change while they are read", len(CHANGES), wrong)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_amid_the_work(
    tmp_path: Path, trials: Trials, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    """The second part is of another text than the first; the next run begins anew."""
    monkeypatch.setattr(parts, "PART_BYTES", 5_000)
    path = tmp_path / "a.txt"
    path.write_text(WORDS)
    os.utime(path, (1, 1))
    options = WindowOptions((str(path),), str(tmp_path / "s"), 32, workers=1)
    with pytest.raises(GptprepError, match=r"a.txt (changed|vanished|became shorter)|a.txt: No such"):
        run_window(plan_window(options), changing(path, change))
    assert not (tmp_path / "s").exists()
    path.write_text(WORDS.replace("7", "8"))
    assert run_window(plan_window(options)).resumed == 0
    trials.count("inputs that change while they are read", 1)


@pytest.mark.parametrize("verb", ["encode", "vocab"])
def test_while_other_verbs_read_them(tmp_path: Path, trials: Trials, verb: str) -> None:
    path = tmp_path / "a.txt"
    for change in (_grow, _rewrite, _replace):
        path.write_text(WORDS * 200)
        os.utime(path, (1, 1))
        progress = changing(path, change)
        output = str(tmp_path / ("out.npy" if verb == "encode" else "out.json"))
        with pytest.raises(GptprepError, match=r"a.txt changed while it was read"):
            if verb == "encode":
                encoding.encode(encoding.EncodeOptions((str(path),), output=output), progress=progress)
            else:
                vocab.vocab(vocab.VocabOptions((str(path),), output), progress=progress)
        assert os.listdir(tmp_path) == ["a.txt"]
    trials.count("inputs that change while they are read", 3)


@pytest.mark.skipif(sys.platform != "linux", reason="a file without a first byte is in /proc")
def test_a_disk_that_cannot_be_read_is_an_error(run: Run) -> None:
    done = run("encode", "--count", "/proc/self/mem")  # which has no first byte
    assert (done.code, done.out) == (1, b"")
    assert "error: cannot read /proc/self/mem\n  why: Input/output error\n  fix: the disk failed" in done.err
