"""The settings file: which one is read, and files that cannot be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gptprep.cli.defaults.file import find_file
from gptprep.errors import GptprepError
from tests.helpers.cli import Run, shell

SHORT, LONG = b"64\n", b"6,4\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is below the home folder."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(folder)
    return folder


def found() -> tuple[str, dict[str, object]] | None:
    file = find_file()
    return (file.path, file.table) if file else None


def test_nearest_file_is_read(here: Path) -> None:
    assert found() is None
    (here.parent.parent / "gptprep.toml").write_text("workers = 1")
    assert found() == ("../../gptprep.toml", {"workers": 1})
    (here.parent / "pyproject.toml").write_text("[tool.gptprep]\nworkers = 2")
    assert found() == ("../pyproject.toml", {"workers": 2})
    (here / "gptprep.toml").write_text("")
    assert found() == ("gptprep.toml", {})


def test_own_file_goes_before_a_pyproject_beside_it(here: Path) -> None:
    (here / "pyproject.toml").write_text("[tool.gptprep]\nworkers = 2")
    (here / "gptprep.toml").write_text("workers = 3")
    assert found() == ("gptprep.toml", {"workers": 3})
    (here / "pyproject.toml").write_text("gptprep is [ broken")
    assert found() == ("gptprep.toml", {"workers": 3})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[tool.ruff]",
        "[project]\ndependencies = ['gptprep']",
        "tool = 3 # gptprep",
        "broken [ and another's",
    ],
)
def test_pyproject_without_the_table_is_passed_over(here: Path, text: str) -> None:
    (here.parent / "gptprep.toml").write_text("workers = 1")
    (here / "pyproject.toml").write_text(text)
    assert found() == ("../gptprep.toml", {"workers": 1})


@pytest.mark.parametrize(
    "text", ["[tool]\ngptprep = {workers = 1}", "tool.gptprep.workers = 1", "[tool.'gptprep']\nworkers = 1"]
)
def test_table_may_be_written_in_any_way(here: Path, text: str) -> None:
    (here / "pyproject.toml").write_text(text)
    assert found() == ("pyproject.toml", {"workers": 1})


def test_search_ends_at_the_home_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here.parent.parent / "gptprep.toml").write_text("workers = 1")
    monkeypatch.setenv("HOME", str(here.parent))
    assert found() is None
    monkeypatch.setenv("HOME", str(here / "elsewhere"))
    assert found() == ("../../gptprep.toml", {"workers": 1})


def test_removed_current_folder_has_no_file(here: Path) -> None:
    (here.parent / "gptprep.toml").write_text("workers = 1")
    here.rmdir()
    assert found() is None


@pytest.mark.parametrize(
    "text", ["\ufeffworkers = 1", "workers = 1\r\n[window]\r\n", "\ufeff\r\nworkers = 1"]
)
def test_byte_order_mark_and_crlf_are_read(here: Path, text: str) -> None:
    (here / "gptprep.toml").write_bytes(text.encode())
    file = find_file()
    assert file
    assert file.table["workers"] == 1


BROKEN = [
    (b"a = ", "gptprep.toml is not valid TOML"),
    (b"a = 1\na = 2", "gptprep.toml is not valid TOML"),
    (b"a = '\xff'", "gptprep.toml is not valid TOML"),
    ("workers = 1".encode("utf-16"), "gptprep.toml is not valid TOML"),
    (b"a = " + b"[" * 10_000, "gptprep.toml is not valid TOML"),
    (b"a = " + b"9" * 10_000, "gptprep.toml is not valid TOML"),
    (b"#" * ((1 << 20) + 1), "gptprep.toml is too large"),
    (b"\0", "gptprep.toml is not valid TOML"),
]


@pytest.mark.parametrize(("data", "what"), BROKEN, ids=range(len(BROKEN)))
def test_broken_file_is_an_error_that_says_how_to_go_on(
    run: Run, tmp_path: Path, data: bytes, what: str
) -> None:
    (tmp_path / "gptprep.toml").write_bytes(data)
    done = run("encode", "-t", "a")
    assert (done.code in (1, 2), done.out) == (True, b"")
    assert done.err.startswith(f"error: {what}\n  why: ")
    assert done.err.endswith("or ignore it with gptprep --no-config COMMAND\n")
    assert run("--no-config", "encode", "-t", "a") == (0, b"64\n", "")
    assert run("encode", "-t", "a", "--json").out.startswith(b'{\n  "schema": "gptprep-error"')


def test_file_that_is_none_is_an_error(here: Path) -> None:
    own = here / "gptprep.toml"
    makings: tuple[tuple[Callable[[], object], str], ...] = (
        (own.mkdir, "Is a directory"),
        (lambda: os.mkfifo(own), "it is not a regular file"),
        (lambda: own.symlink_to("missing"), "it is a link to missing, which is missing"),
        (lambda: own.symlink_to("gptprep.toml"), "Too many levels of symbolic links"),
    )
    for make, why in makings:
        make()
        with pytest.raises(GptprepError, match=r"cannot read gptprep\.toml") as caught:
            find_file()
        assert why in caught.value.why
        assert "--no-config" in caught.value.fix
        own.rmdir() if own.is_dir() else own.unlink()


def test_file_without_permission_is_an_error(here: Path) -> None:
    (here / "gptprep.toml").touch(mode=0)
    drop = "setpriv --bounding-set=-all --inh-caps=-all " if not os.geteuid() else ""
    done = shell(f"{drop}gptprep encode -t a", here)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"error: cannot read gptprep.toml\n  why: Permission denied\n" in done.stderr


def test_folder_that_cannot_be_searched_is_passed_over(here: Path) -> None:
    (here.parent / "gptprep.toml").write_text("broken")
    here.parent.chmod(0o600)
    drop = "setpriv --bounding-set=-all --inh-caps=-all " if not os.geteuid() else ""
    done = shell(f"{drop}gptprep encode -t a", here)
    here.parent.chmod(0o700)
    assert b"Traceback" not in done.stderr


def test_link_to_a_file_is_read_for_the_folder_of_the_link(here: Path) -> None:
    (here.parent / "real.toml").write_text('tokenizer = "v.json"')
    (here / "gptprep.toml").symlink_to("../real.toml")
    file = find_file()
    assert file
    assert (file.path, file.resolved("v.json")) == ("gptprep.toml", "v.json")


@pytest.mark.parametrize("line", ["--help", "--version", "encode --help", "help window", "window -h", "-V"])
def test_help_and_version_need_no_file(run: Run, tmp_path: Path, line: str) -> None:
    expected = run(*line.split())
    (tmp_path / "gptprep.toml").write_text("broken")
    assert run(*line.split()) == expected
    assert expected.code == 0


def test_help_shows_the_built_in_defaults(run: Run, tmp_path: Path) -> None:
    expected = run("window", "--help")
    (tmp_path / "gptprep.toml").write_text("[window]\ncontext-length = 7")
    assert run("window", "--help", env={"GPTPREP_WINDOW_CONTEXT_LENGTH": "8"}) == expected


def test_completion_does_not_need_a_valid_file(run: Run, tmp_path: Path) -> None:
    settings = {"_GPTPREP_COMPLETE": "bash", "GPTPREP_WORKERS": "x", "GPTPREP_TOKENISER": "x"}
    offered = {"win": "window", "window --layout ": "pairs", "window --str": "--stride"}
    for line, first in offered.items():
        done = run(f"gptprep {line}", "=:", env=settings)
        assert (done.code, done.out.decode().splitlines()[1]) == (0, first)
        (tmp_path / "gptprep.toml").write_text("broken")
        assert run(f"gptprep {line}", "=:", env=settings) == done
