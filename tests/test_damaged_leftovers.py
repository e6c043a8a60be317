"""What a stopped run left, damaged before the next: the same bytes as if nothing had been there."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from gptprep.pipelines import parts
from gptprep.pipelines import window as windowing
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.window import run_window
from tests.mutations import bytes_changed
from tests.trials import Trials

pytestmark = pytest.mark.faults
WHAT = "leftovers that were damaged"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def stopped(*_: object) -> None:
    raise KeyboardInterrupt


def test_damaged_leftovers_change_nothing(
    tmp_path: Path, trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 500)
    for number in range(3):
        text = " ".join(f"word{n * (number + 7)}" for n in range(150))
        (tmp_path / f"{number}.txt").write_text(text)
    output, left = tmp_path / "s", tmp_path / "s.partial"
    options = WindowOptions(
        (str(tmp_path / "*.txt"),), str(output), 8, 4, boundary="document", force=True, workers=1
    )
    whole_run = run_window(plan_window(options))
    whole = tree(output)
    assert whole_run.parts >= 6
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(windowing, "write_splits", stopped)
        run_window(plan_window(options))
    shutil.copytree(left, tmp_path / "left")
    names = sorted(file.relative_to(left) for file in left.rglob("part-*"))
    assert len(names) == 3 * whole_run.parts

    random, wrong, resumed = Random(1), [], 0
    for _ in range(trials.planned(WHAT)):
        shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(tmp_path / "left", left)
        name = random.choice(names)
        data = (left / name).read_bytes()
        match random.randrange(8):
            case 0:
                (left / name).unlink()
            case 1:
                (left / name).write_bytes((left / random.choice(names)).read_bytes())
            case _:
                (left / name).write_bytes(bytes_changed(random, data))
        report = run_window(plan_window(options))
        resumed += report.resumed
        if tree(output) != whole:
            wrong.append(f"{name}")
    trials.count(WHAT, trials.planned(WHAT), wrong)
    assert resumed > 0.5 * trials.planned(WHAT) * whole_run.parts
