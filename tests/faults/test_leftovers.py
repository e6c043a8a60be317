"""Leftovers of a stopped run that were damaged, planted by others, or made with another tokenizer."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from random import Random

import pytest

from gptprep.pipelines import window as pipeline
from gptprep.pipelines.window import running
from gptprep.storage.files import MARKER
from gptprep.tokens import parts
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.cli import Run
from tests.helpers.folders import contents, window
from tests.helpers.mutations import bytes_changed
from tests.helpers.trials import Trials

DAMAGED = "damaged leftovers of a killed run"


def stop(*_: object) -> None:
    """Stop a run as Ctrl-C does."""
    raise KeyboardInterrupt


# Planted by others


@pytest.mark.parametrize("planted", ["link", "hard link", "pipe", "folder", "folder in it"])
@pytest.mark.parametrize(
    "name", ["part-000000.npy", "part-000000.ends", "part-000000.json", "part-000000.json.new"]
)
def test_planted_parts_are_removed_and_nothing_outside_is_touched(
    run: Run, tmp_path: Path, name: str, planted: str
) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    victim, folder = tmp_path / "victim", tmp_path / "s.partial" / "parts"
    victim.write_text("precious")
    folder.mkdir(parents=True)
    (tmp_path / "s.partial" / MARKER).touch()
    match planted:
        case "link":
            (folder / name).symlink_to(victim)
        case "hard link":
            os.link(victim, folder / name)
        case "pipe":
            os.mkfifo(folder / name)
        case "folder":
            (folder / name).mkdir()
        case _:
            (folder / name / "more").mkdir(parents=True)
    assert run("window", "a.txt", "-o", "s", "-L", "8", "-q").code == 0
    assert victim.read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "s", "victim"]


# Removed by hand


def test_leftover_may_be_removed_by_hand(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    old, new = (
        ("window", "a.txt", "-o", "s", "-L", "8", "-q"),
        ("window", "a.txt", "-o", "s", "-L", "4", "-q"),
    )
    assert run(*old).code == 0
    monkeypatch.setattr(parts, "PART_BYTES", 100)
    before = contents(tmp_path / "s")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(running, "write_splits", stop)
        window([tmp_path / "a.txt"], tmp_path / "s", context_length=4, force=True)
    shutil.rmtree(tmp_path / "s.partial")
    assert contents(tmp_path / "s") == before
    assert run("verify", "s").code == 0
    assert run(*new, "--force").code == 0
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "s"]


# Of other runs


def test_parts_of_a_tokenizer_with_another_dtype_are_not_taken(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two tokenizers give the same ids to every text, but one has so many that they need 32 bits."""
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    (tmp_path / "b.txt").write_text(" ".join(f"word{n}" for n in range(4_000)))
    assert run("vocab", "a.txt", "--kind", "bpe", "--size", "300", "-o", "t.json", "-q").code == 0
    value = json.loads((tmp_path / "t.json").read_text())
    for name, spare_id in (("small.json", 400), ("large.json", 66_000)):
        value["model"]["vocab"]["qqqqzz"] = spare_id
        (tmp_path / name).write_text(json.dumps(value))
    monkeypatch.setattr(parts, "PART_BYTES", 5_000)

    def write(tokenizer: str) -> int:
        spec = EncodingSpec(tokenizer=str(tmp_path / tokenizer))
        return window([tmp_path / "b.txt"], tmp_path / "s", context_length=64, encoding=spec).resumed

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(running, "write_splits", stop)
        write("small.json")
    assert list((tmp_path / "s.partial" / "parts").glob("*.json"))
    assert write("large.json") == 0
    assert run("verify", "s").code == 0


@pytest.mark.faults
def test_damaged_leftovers_do_not_change_the_output(
    tmp_path: Path, trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 500)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    for number in range(3):
        text = " ".join(f"word{n * (number + 7)}" for n in range(150))
        (tmp_path / f"{number}.txt").write_text(text)
    output, leftover = tmp_path / "s", tmp_path / "s.partial"

    def write() -> pipeline.WindowReport:
        options = {"context_length": 8, "stride": 4, "boundary": "document", "force": True}
        return window([tmp_path / "*.txt"], output, **options)

    n_parts, expected = write().parts, contents(output)
    assert n_parts >= 6
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(running, "write_splits", stop)
        write()
    kept = Path(shutil.move(leftover, tmp_path / "kept"))
    names = sorted(file.relative_to(kept) for file in kept.rglob("part-*"))
    assert len(names) == 3 * n_parts

    random, wrong, resumed = Random(1), [], 0
    for _ in range(trials.planned(DAMAGED)):
        shutil.copytree(kept, leftover)
        name = random.choice(names)
        damage(random, leftover / name, (kept / random.choice(names)).read_bytes())
        resumed += write().resumed
        if contents(output) != expected:
            wrong.append(str(name))
    trials.count(DAMAGED, trials.planned(DAMAGED), wrong)
    assert resumed > 0.5 * trials.planned(DAMAGED) * n_parts


def damage(random: Random, file: Path, of_another: bytes) -> None:
    """Remove a file, give it the bytes of another file, or change some of its bytes."""
    match random.randrange(8):
        case 0:
            file.unlink()
        case 1:
            file.write_bytes(of_another)
        case _:
            file.write_bytes(bytes_changed(random, file.read_bytes()))
