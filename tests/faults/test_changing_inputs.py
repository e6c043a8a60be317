"""Inputs that change after the work was planned: noticed and named, and nothing is written."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyarrow import table

from gptprep.errors import GptprepError
from gptprep.pipelines import encode, vocab, window
from gptprep.progress import Progress
from gptprep.tokens import parts
from tests.helpers.folders import window_options
from tests.helpers.trials import Trials

pytestmark = pytest.mark.faults
CHANGED = "inputs that change while they are read"
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
    "a.parquet": lambda path: pq.write_table(table({"text": [WORDS] * 3}), path),
    "a.bin": lambda path: np.arange(20_000, dtype="<u2").tofile(path),
    "a.npy": lambda path: np.save(path, np.arange(20_000, dtype="<u2")),
}


def backdate(path: Path) -> None:
    """Give a file an old time, because clocks of file systems tick slowly."""
    os.utime(path, (1, 1))


def changing(path: Path, change: Callable[[Path], None]) -> Progress:
    """A progress function that changes a file when a part of the work is done."""
    left = [change]

    def progress(_stage: str, done: int, *_: object) -> None:
        if done and left:
            left.pop()(path)

    return progress


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("workers", [1, 2])
def test_change_between_plan_and_run_is_noticed(
    tmp_path: Path, trials: Trials, monkeypatch: pytest.MonkeyPatch, name: str, workers: int
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 5_000)
    monkeypatch.setattr(parts, "_PART_IDS", 5_000)
    path, wrong = tmp_path / name, []
    for change in CHANGES:
        FILES[name](path)
        backdate(path)
        planned = window.plan(window_options([path], tmp_path / "s", context_length=32, workers=workers))
        change(path)
        try:
            window.run(planned)
            wrong.append(f"{change.__name__}: not noticed")
        except GptprepError as error:
            if str(path) not in str(error):
                wrong.append(f"{change.__name__}: {error}")
        if (tmp_path / "s").exists():
            wrong.append(f"{change.__name__}: something was written")
    trials.count(CHANGED, len(CHANGES), wrong)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_change_during_the_run_is_noticed_and_no_part_is_taken_by_the_next(
    tmp_path: Path, trials: Trials, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 5_000)
    path = tmp_path / "a.txt"
    path.write_text(WORDS)
    backdate(path)
    options = window_options([path], tmp_path / "s", context_length=32)
    with pytest.raises(GptprepError, match=r"a.txt (changed|vanished|became shorter)|a.txt: No such"):
        window.run(window.plan(options), changing(path, change))
    assert not (tmp_path / "s").exists()
    path.write_text(WORDS.replace("7", "8"))
    assert window.run(window.plan(options)).resumed == 0
    trials.count(CHANGED, 1)


def _encode(path: Path, progress: Progress) -> None:
    options = encode.EncodeOptions((str(path),), output=str(path.with_name("out.npy")))
    encode.run(encode.plan(options), progress)


def _vocab(path: Path, progress: Progress) -> None:
    options = vocab.VocabOptions((str(path),), str(path.with_name("out.json")))
    vocab.run(vocab.plan(options), progress)


@pytest.mark.parametrize("run_verb", [_encode, _vocab], ids=["encode", "vocab"])
def test_other_verbs_notice_a_change_too(
    tmp_path: Path, trials: Trials, run_verb: Callable[[Path, Progress], None]
) -> None:
    path = tmp_path / "a.txt"
    for change in (_grow, _rewrite, _replace):
        path.write_text(WORDS * 100)
        backdate(path)
        with pytest.raises(GptprepError, match=r"a.txt changed while it was read"):
            run_verb(path, changing(path, change))
        assert os.listdir(tmp_path) == ["a.txt"]
    trials.count(CHANGED, 3)
