"""`window --part`: processes that know nothing of each other give what one process gives."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import time
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gptprep.errors import CorruptDataError, FinishingError, GptprepError, InUseError, UsageError
from gptprep.pipelines import window
from gptprep.pipelines.window import (
    ArrayProcess,
    ArrayReport,
    WindowOptions,
    WindowReport,
    WindowSpec,
    planning,
    shared_parts,
)
from gptprep.storage.files import MARKER
from gptprep.storage.locks import locked_file, locked_folder
from gptprep.tokens import parts
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.cli import Run
from tests.helpers.folders import contents

WORDS = " ".join(f"word{n}" for n in range(4_000)) + "\n"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 5_000)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text(WORDS)
    (folder / "b.jsonl").write_text(
        "".join(json.dumps({"text": WORDS[n : n + 99]}) + "\n" for n in range(500))
    )
    chance = Random(0)  # as a stream it has to be large, also when it is compressed
    text = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz \n", k=5_000_000))
    (folder / "c.txt.gz").write_bytes(gzip.compress(text.encode(), 1))
    return folder


def options(corpus: Path, output: str, layout: str = "pairs", **others: object) -> WindowOptions:
    spec = WindowSpec(context_length=16, val_fraction="0.2")
    return WindowOptions(
        (str(corpus),),
        str(corpus.parent / output),
        windows=spec,
        layout=layout,
        workers=1,
        in_job_array=True,
        **others,  # type: ignore[arg-type]
    )


def run_process(wanted: WindowOptions, number: int, of: int) -> ArrayReport | WindowReport:
    return window.run_process(window.plan(wanted), process=ArrayProcess(number, of))


@pytest.fixture
def alone(corpus: Path) -> dict[str, dict[str, bytes]]:
    """What one process gives, for each layout."""
    found = {}
    for layout in ("pairs", "tokens"):
        window.run(window.plan(options(corpus, f"alone-{layout}", layout)))
        found[layout] = contents(corpus.parent / f"alone-{layout}")
    return found


@pytest.mark.parametrize("layout", ["pairs", "tokens"])
@pytest.mark.parametrize("of", [1, 3, 8])
def test_processes_give_what_one_gives_in_any_order(
    corpus: Path, alone: dict[str, dict[str, bytes]], layout: str, of: int
) -> None:
    wanted, output = options(corpus, "out", layout), corpus.parent / "out"
    numbers = Random(of).sample(range(of), of)
    for number in numbers[:-1]:
        for _ in range(2):  # the second time its parts are there
            report = run_process(wanted, number, of)
            assert isinstance(report, ArrayReport)
            assert not report.is_complete
            assert report.left
        assert isinstance(report, ArrayReport)
        assert not report.written
        assert not output.exists()
    report = run_process(wanted, numbers[-1], of)
    assert isinstance(report, WindowReport)
    assert contents(output) == alone[layout]
    assert sorted(os.listdir(corpus.parent)) == ["alone-pairs", "alone-tokens", "corpus", "out"]


def test_run_without_part_finishes_what_is_left(corpus: Path, alone: dict[str, dict[str, bytes]]) -> None:
    wanted = options(corpus, "out")
    run_process(wanted, 2, 3)
    report = window.run(window.plan(wanted))
    assert report.resumed
    assert contents(corpus.parent / "out") == alone["pairs"]
    assert not Path(shared_parts.folder_of(wanted.output)).exists()


def test_process_that_starts_late_has_nothing_to_do(corpus: Path) -> None:
    wanted = options(corpus, "out")
    for number in (0, 1):
        report = run_process(wanted, number, 2)
    assert isinstance(report, WindowReport)
    assert window.plan(wanted).up_to_date
    before = contents(corpus.parent / "out")
    report = window.run_process(window.plan(options(corpus, "out")), process=ArrayProcess(1, 2))
    assert isinstance(report, ArrayReport)
    assert report.is_complete
    assert contents(corpus.parent / "out") == before


@pytest.mark.parametrize("change", ["newer", "size", "option", "name", "shard size"])
def test_output_of_other_inputs_or_options_is_not_taken_for_complete(corpus: Path, change: str) -> None:
    wanted = options(corpus, "out")
    run_process(wanted, 1, 1)
    before = contents(corpus.parent / "out")
    if change == "option":
        wanted = options(corpus, "out", "tokens")
    elif change == "shard size":
        wanted = options(corpus, "out", shard_size=1 << 16)
    elif change == "name":
        (corpus / "a.txt").rename(corpus / "A.txt")
    else:
        time.sleep(0.01)
        (corpus / "a.txt").write_text(WORDS if change == "newer" else "another text\n")
        if change == "size":  # as if the output had been written later
            os.utime(corpus.parent / "out" / "manifest.json", (time.time() + 9, time.time() + 9))
    with pytest.raises(GptprepError, match="already exists") as error:
        window.plan(wanted)
    assert error.value.fix == "remove it, or name another output"
    assert contents(corpus.parent / "out") == before


def test_inputs_that_are_divided_otherwise_are_others(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(WORDS)

    def wanted(*val: str) -> WindowOptions:
        paths = [str(tmp_path / f"{name}.txt") for name in "abc"]
        inputs, val_inputs = paths[: 3 - len(val)], paths[3 - len(val) :]
        spec = WindowSpec(context_length=16)
        return WindowOptions(
            tuple(inputs), str(tmp_path / "out"), spec, val_inputs=tuple(val_inputs), in_job_array=True
        )

    run_process(wanted("c"), 1, 1)
    assert window.plan(wanted("c")).up_to_date
    with pytest.raises(GptprepError, match="already exists"):
        window.plan(wanted("b", "c"))


def test_output_that_appears_during_planning_is_complete(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, check = options(corpus, "out"), planning._check_output

    def finish(*arguments: Any) -> None:
        monkeypatch.setattr(planning, "_check_output", check)
        run_process(wanted, 1, 1)
        check(*arguments)

    monkeypatch.setattr(planning, "_check_output", finish)
    assert window.plan(wanted).up_to_date


def test_only_one_process_uses_the_parts(corpus: Path) -> None:
    wanted = options(corpus, "out")
    run_process(wanted, 0, 2)
    with locked_file(f"{wanted.output}.parts/plan.json") as is_ours:
        assert is_ours
        report = run_process(wanted, 1, 2)
        assert isinstance(report, ArrayReport)
        assert (report.left, report.is_complete) == (0, False)
        with pytest.raises(FinishingError, match="is being written by another process"):
            window.run(window.plan(wanted))
    assert isinstance(run_process(wanted, 1, 2), WindowReport)


def test_another_run_to_the_output_is_an_error_and_keeps_the_parts(corpus: Path) -> None:
    wanted = options(corpus, "out")
    run_process(wanted, 0, 2)
    with locked_folder(f"{wanted.output}.partial", "out"), pytest.raises(InUseError, match="another run"):
        run_process(wanted, 1, 2)
    assert len(list((corpus.parent / "out.parts" / "parts").glob("*.npy"))) > 2


def test_parts_of_another_plan_are_not_removed(corpus: Path) -> None:
    wanted, others = options(corpus, "out"), options(corpus, "out", "tokens")
    run_process(wanted, 0, 2)
    before = contents(corpus.parent / "out.parts")
    shared_parts.remove_parts(window.plan(others))
    assert contents(corpus.parent / "out.parts") == before
    shared_parts.remove_parts(window.plan(wanted))
    assert not (corpus.parent / "out.parts").exists()


def test_folder_that_a_killed_process_has_only_made_is_no_obstacle(corpus: Path) -> None:
    folder = corpus.parent / "out.parts"
    folder.mkdir()
    (folder / MARKER).touch()
    assert window.run(window.plan(options(corpus, "out"))).parts > 1


def test_process_that_is_too_late_for_its_parts_has_nothing_to_do(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, alone: dict[str, dict[str, bytes]]
) -> None:
    wanted, write = options(corpus, "out"), parts._write_part
    plan = window.plan(wanted)

    def finished_meanwhile(*arguments: object) -> object:
        monkeypatch.setattr(parts, "_write_part", write)
        run_process(wanted, 1, 1)
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(parts, "_write_part", finished_meanwhile)
    report = window.run_process(plan, process=ArrayProcess(1, 2))
    assert isinstance(report, ArrayReport)
    assert report.is_complete
    assert contents(corpus.parent / "out") == alone["pairs"]


def test_parts_that_a_killed_process_left_beside_the_output_are_removed(corpus: Path, run: Run) -> None:
    words = ["window", "corpus", "-o", "out", "-L", "16", "--part", "1/1"]
    assert run(*words).code == 0
    (corpus.parent / "out.parts").mkdir()
    (corpus.parent / "out.parts" / MARKER).touch()
    done = run(*words)
    assert "out is up to date" in done.err
    assert sorted(os.listdir(corpus.parent)) == ["corpus", "out"]


def test_two_processes_that_write_the_same_parts(corpus: Path, alone: dict[str, dict[str, bytes]]) -> None:
    wanted, children = options(corpus, "out"), []
    for number in (0, 0, 1, 1):
        if not (pid := os.fork()):
            try:
                run_process(wanted, number, 2)
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * 4
    assert contents(corpus.parent / "out") == alone["pairs"]


# Errors


@pytest.mark.parametrize("change", ["input", "option", "engine", "version"])
def test_parts_of_another_plan_are_refused(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    wanted = options(corpus, "out")
    run_process(wanted, 0, 2)
    before, others = contents(corpus.parent), wanted
    if change == "input":
        (corpus / "a.txt").write_text("another text\n")
        before = contents(corpus.parent)
    elif change == "version":
        monkeypatch.setattr(shared_parts, "__version__", "9.9")
    elif change == "engine":
        others = options(corpus, "out", encoding=EncodingSpec(engine="tiktoken"))
    else:
        others = options(corpus, "out", shard_size=1 << 20)
    with pytest.raises(GptprepError, match=r"out\.parts has parts of another plan") as error:
        run_process(others, 1, 2)
    said = {"version": "gptprep 0.", "engine": "the engine gigatoken"}.get(change, "its inputs, options")
    assert said in error.value.why
    assert contents(corpus.parent) == before
    with pytest.raises(GptprepError, match="another plan"):
        window.run(window.plan(others))
    shutil.rmtree(f"{wanted.output}.parts")
    assert isinstance(run_process(others, 1, 1), WindowReport)


def test_damaged_plan_is_an_error(corpus: Path) -> None:
    wanted = options(corpus, "out")
    run_process(wanted, 0, 2)
    path = Path(f"{wanted.output}.parts") / "plan.json"
    path.write_bytes(path.read_bytes().replace(b"gigatoken", b"gigatokem"))
    with pytest.raises(CorruptDataError, match=r"plan\.json is damaged"):
        run_process(wanted, 1, 2)


def test_folder_of_somebody_else_is_left_alone(corpus: Path) -> None:
    folder = corpus.parent / "out.parts"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(GptprepError, match="was not written by gptprep"):
        run_process(options(corpus, "out"), 0, 2)
    assert os.listdir(folder) == ["mine.txt"]
    assert window.run(window.plan(options(corpus, "out"))).parts > 1  # without --part it is not needed
    assert not (folder / MARKER).exists()


@pytest.mark.parametrize("text", ["", "1", "0/0", "4/3", "-1/3", "1/x", "1/3/5", "١/3 ", "1.0/2"])
def test_part_that_is_no_number_of_a_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--part is"):
        ArrayProcess.parse(text)


def test_numbers_may_start_at_0_or_1() -> None:
    tasks: list[Any] = list(range(20))
    for first in (0, 1):
        own = [ArrayProcess.parse(f"{first + n}/3").own(tasks) for n in range(3)]
        assert sorted(chain.from_iterable(own)) == tasks  # type: ignore[type-var]
        assert {len(some) for some in own} == {6, 7}
