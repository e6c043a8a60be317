"""`--show-config`: what holds without options, and where it is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.cli import Run, in_terminal
from tests.helpers.schemas import only_document


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with settings for several verbs."""
    (tmp_path / "v.json").write_text('{"one": 0}')
    (tmp_path / "gptprep.toml").write_text(
        'tokenizer = "v.json"\nworkers = 2\n[window]\nstride = 4\n[count]\ninclude = ["*.c", "*.h"]\n'
    )
    return tmp_path


def test_no_settings_are_said_to_be_none(run: Run, tmp_path: Path) -> None:
    done = run("--show-config", env={"HOME": str(tmp_path)})
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(b"no settings file: there is no gptprep.toml, and no pyproject.toml with")
    assert only_document(run("--json", "--show-config", env={"HOME": str(tmp_path)}).out)["file"] is None


@pytest.mark.usefixtures("project")
def test_each_setting_is_shown_with_its_place(run: Run) -> None:
    done = run("--show-config", env={"GPTPREP_WINDOW_WORKERS": "3", "GPTPREP_SEED": "5"})
    assert (done.code, done.err) == (0, "")
    lines = [" ".join(line.split()) for line in done.out.decode().splitlines()]
    assert lines[0] == "settings file: gptprep.toml"
    assert "tokenizer v.json all that have it gptprep.toml" in lines
    assert "workers 2 inspect, encode, count, vocab gptprep.toml" in lines
    assert "workers 3 window GPTPREP_WINDOW_WORKERS" in lines
    assert "stride 4 window [window] of gptprep.toml" in lines
    assert "include *.c, *.h count [count] of gptprep.toml" in lines
    assert "seed 5 all that have it GPTPREP_SEED" in lines


@pytest.mark.usefixtures("project")
def test_settings_of_verbs_are_a_json_document(run: Run) -> None:
    document = only_document(run("--show-config", "--json", env={"GPTPREP_QUIET": "no"}).out)
    assert document["file"] == "gptprep.toml"
    assert {"verb": "verify", "option": "quiet", "values": ["false"], "from": "GPTPREP_QUIET"} in document[
        "settings"
    ]
    place = "include in [count] of gptprep.toml"
    assert {"verb": "count", "option": "include", "values": ["*.c", "*.h"], "from": place} in document[
        "settings"
    ]


def test_terminal_gets_colour_and_no_control_characters(tmp_path: Path) -> None:
    (tmp_path / "gptprep.toml").write_text('separator = "\\u001b[2J"')
    shown = in_terminal(tmp_path, "--show-config")
    assert "\x1b[32m" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b" not in in_terminal(tmp_path, "--no-color", "--show-config")


@pytest.mark.usefixtures("project")
def test_values_of_all_verbs_are_checked(run: Run, project: Path) -> None:
    with (project / "gptprep.toml").open("a") as file:
        file.write('[embed]\ndim = "x"\n')
    assert run("encode", "-t", "one").code == 0
    done = run("--show-config")
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith("error: dim in [embed] of gptprep.toml is text\n")


@pytest.mark.parametrize("line", ["--show-config encode -t a", "--show-config --no-config"])
def test_it_is_given_alone(run: Run, line: str) -> None:
    done = run(*line.split())
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith("error: --show-config cannot be used with ")
    assert done.err.endswith("  fix: give gptprep --show-config alone\n")


def test_verbs_say_where_it_belongs(run: Run) -> None:
    done = run("window", "--show-config")
    assert done.err.splitlines()[-1] == "  fix: give it before the verb: gptprep --show-config"


def test_unknown_variables_are_noted(run: Run) -> None:
    assert "note: GPTPREP_CI has no effect" in run("--show-config", env={"GPTPREP_CI": "1"}).err
