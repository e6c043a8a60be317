"""The command that is suggested at the end of a run works as it is shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.helpers.cli import Run, in_terminal
from tests.helpers.paths import SAMPLES

STYLES = re.compile(r"\x1b\[[0-9;]*m")


def suggested(folder: Path, *arguments: str) -> list[str]:
    """The words of the command that a run suggests at a terminal, without the program."""
    shown = STYLES.sub("", in_terminal(folder, *arguments)).replace("\r", "")
    assert "error:" not in shown, shown
    lines = re.findall(r"^next: (.*)$", shown, re.MULTILINE)
    assert len(lines) <= 1
    return shlex.split(lines[0])[1:] if lines else []


@pytest.fixture(autouse=True)
def texts(tmp_path: Path) -> Path:
    """A folder whose name must be quoted."""
    folder = tmp_path / "it's text"
    folder.mkdir()
    for name in ("poem.txt", "the_salt_clock.txt"):
        (folder / name).write_text((SAMPLES / name).read_text())
    return folder


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_each_command_leads_to_the_next(tmp_path: Path, kind: str) -> None:
    command, verbs = ["vocab", "it's text", "-o", "my words.json", "--kind", kind, "--size", "600"], []
    while command:
        verbs.append(command[0])
        command = suggested(tmp_path, *command)
    assert verbs == ["vocab", "encode", "window", "inspect"]


def test_name_that_is_taken_is_not_suggested(tmp_path: Path) -> None:
    assert suggested(tmp_path, "encode", "it's text", "-o", "x.npy")[-1] == "x-shards"
    (tmp_path / "x-shards").mkdir()
    command = suggested(tmp_path, "encode", "it's text", "-o", "x.npy", "--force")
    assert command[-1] == "x-shards-2"


@pytest.mark.parametrize("text", ["one", "one two", "one two three four five six"])
def test_windows_of_a_short_text_are_short(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    assert suggested(tmp_path, *suggested(tmp_path, "encode", "a.txt", "-o", "x.bin")) == (
        [] if text == "one" else ["inspect", "x-shards"]
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["vocab", "it's text", "-o", "v.json", "--no-special-tokens"],
        ["vocab", "it's text", "-o", "v.json", "--size", "20", "--no-special-tokens"],
        ["vocab", "it's text", "-o", "v.json", "--include", "*.txt"],
    ],
)
def test_vocabulary_that_might_not_encode_its_text_is_inspected(tmp_path: Path, arguments: list[str]) -> None:
    assert suggested(tmp_path, *arguments) == ["inspect", "v.json"]
    assert suggested(tmp_path, "inspect", "v.json") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["vocab", "it's text", "-o", "v.json", "-q"],
        ["vocab", "it's text", "-o", "v.json", "--json"],
        ["vocab", "it's text"],
        ["encode", "it's text", "-o", "ids.txt"],
        ["encode", "it's text", "--count"],
        ["count", "it's text"],
        ["window", "it's text", "-o", "s", "-L", "8", "--dry-run"],
    ],
)
def test_nothing_is_suggested_where_nothing_follows(tmp_path: Path, arguments: list[str]) -> None:
    assert suggested(tmp_path, *arguments) == []


def test_nothing_is_suggested_in_a_log(run: Run) -> None:
    assert "next:" not in run("encode", "it's text", "-o", "x.npy").err


def test_command_is_on_one_line_of_a_narrow_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert suggested(tmp_path, "window", "it's text", "-o", "a longer name", "-L", "8") == [
        "inspect",
        "a longer name",
    ]
