"""Errors without a file name, and tracebacks."""

from pathlib import Path

from tests.helpers.cli import Run, shell


def test_current_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    done = shell("mkdir gone; cd gone; rmdir ../gone; gptprep encode -t hi -o x.npy", tmp_path)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"the current folder" in done.stderr


def test_columns_of_0_do_not_matter(run: Run) -> None:
    done = run("encode", "none", env={"COLUMNS": "0"})
    assert done.err.startswith("error: cannot read none")


def test_debug_shows_the_traceback(run: Run) -> None:
    done = run("encode", "none", "--debug")
    assert done.code == 1
    assert done.err.startswith("Traceback")
    assert "error: cannot read none" in done.err
