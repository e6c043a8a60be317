"""The time to the first id: which commands are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import first_ids
from benchmarks.first_ids import COMMANDS, measure_first_ids, same_ids
from benchmarks.measure import Finished


@pytest.mark.slow
def test_all_commands_print_the_same_ids(tmp_path: Path, gpt2: Path) -> None:
    paths = {"GPT-2": str(gpt2 / "tokenizer.json")}
    runs = measure_first_ids(list(COMMANDS), paths, tmp_path, 2)
    assert list(runs["GPT-2"]) == list(COMMANDS)
    assert [run.n_ids for measured in runs["GPT-2"].values() for run in measured] == [1] * 2 * len(COMMANDS)


def printing(monkeypatch: pytest.MonkeyPatch, **printed: str) -> None:
    """Let each command, by its first word, print something, or fail if that is an error."""

    def run_command(name: str, *_: object) -> Finished:
        text = printed[name.split()[0].strip(",")]
        return Finished(int("Error" in text), 1.0, 1.0, None, text)

    monkeypatch.setattr(first_ids, "run_command", run_command)


def test_command_that_fails_or_prints_other_ids_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    gptprep, library, _ = COMMANDS
    printing(monkeypatch, gptprep="1 2\n", tokenizers="1 2\n", gigatoken="1 3\n")
    assert same_ids(list(COMMANDS), "t.json", tmp_path) == [gptprep, library]
    failed = 'Traceback:\n  File "x"\nRuntimeError: Unsupported type: NFKC\n\nLocation:\n    hf.rs:5\n'
    printing(monkeypatch, gptprep="1 2\n", tokenizers="1 2\n", gigatoken=failed)
    assert same_ids(list(COMMANDS), "t.json", tmp_path) == [gptprep, library]
    whys = [line.partition("t.json: ")[2] for line in capsys.readouterr().out.splitlines()]
    assert whys == ["it gives other ids", "RuntimeError: Unsupported type: NFKC"]


def test_other_ids_of_gptprep_end_the_comparison(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    printing(monkeypatch, gptprep="1 3\n", tokenizers="1 2\n", gigatoken="1 2\n")
    with pytest.raises(SystemExit, match="other ids"):
        same_ids(list(COMMANDS), "t.json", tmp_path)
