"""`--install-completion`, `--show-completion`: what is written, and that no file of the user is damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gptprep.cli.completion.scripts import SCRIPTS
from tests.helpers.cli import Result, Run

SCRIPT = {
    "bash": ".bash_completions/gptprep.sh",
    "zsh": ".zfunc/_gptprep",
    "fish": ".config/fish/completions/gptprep.fish",
}
START_FILE = {"bash": ".bashrc", "zsh": ".zshrc"}
shells = pytest.mark.parametrize("shell", SCRIPT)
starting = pytest.mark.parametrize("shell", START_FILE)


def install(run: Run, home: Path, shell: str, **env: str) -> Result:
    names = {"ZDOTDIR": "", "XDG_CONFIG_HOME": "", **env}
    return run("--install-completion", shell, env={"HOME": str(home), **names})


@shells
def test_says_what_was_written_and_how_to_use_it_now(run: Run, tmp_path: Path, shell: str) -> None:
    done = install(run, tmp_path, shell)
    assert (done.code, done.err) == (0, "")
    first, second = done.out.decode().splitlines()
    assert str(tmp_path / SCRIPT[shell]) in first
    assert second == f"to use it now: exec {shell}, or open a new terminal"
    assert (tmp_path / SCRIPT[shell]).read_text() == SCRIPTS[shell]


@shells
def test_second_time_changes_nothing(run: Run, tmp_path: Path, shell: str) -> None:
    install(run, tmp_path, shell)
    files = {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()
    }
    assert b"is installed already" in install(run, tmp_path, shell).out
    assert files == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@shells
def test_older_script_is_replaced(run: Run, tmp_path: Path, shell: str) -> None:
    script = tmp_path / SCRIPT[shell]
    script.parent.mkdir(parents=True)
    script.write_text("old")
    assert install(run, tmp_path, shell).code == 0
    assert script.read_text() == SCRIPTS[shell]


@starting
@pytest.mark.parametrize(
    "text", [b"", b"a=1\n", b"no newline at the end", b"\xff\xfe caf\xe9\r\n", b"a=1 \\\n"]
)
def test_start_file_is_appended_to(run: Run, tmp_path: Path, shell: str, text: bytes) -> None:
    start_file = tmp_path / START_FILE[shell]
    start_file.write_bytes(text)
    start_file.chmod(0o640)
    install(run, tmp_path, shell)
    after = start_file.read_bytes()
    assert after.startswith(text)
    assert after.count(b"source ") == 1
    assert after.removeprefix(text).startswith(b"\n")
    assert start_file.stat().st_mode & 0o777 == 0o640


@starting
def test_link_to_the_start_file_stays_a_link(run: Run, tmp_path: Path, shell: str) -> None:
    real = tmp_path / "dotfiles"
    real.write_text("mine\n")
    (tmp_path / START_FILE[shell]).symlink_to("dotfiles")
    install(run, tmp_path, shell)
    assert os.readlink(tmp_path / START_FILE[shell]) == "dotfiles"
    assert real.read_text().startswith("mine\n")
    assert SCRIPT[shell] in real.read_text()


def test_line_that_names_the_script_already_is_enough(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text(f"source '{tmp_path}/.bash_completions/gptprep.sh'\n")
    assert b"added" not in install(run, tmp_path, "bash").out
    (tmp_path / ".bashrc").write_text("# source ~/.bash_completions/gptprep.sh\n")
    assert b"added" in install(run, tmp_path, "bash").out


def test_places_of_zsh_and_fish_can_be_elsewhere(run: Run, tmp_path: Path) -> None:
    (tmp_path / "z").mkdir()
    install(run, tmp_path, "zsh", ZDOTDIR=str(tmp_path / "z"))
    install(run, tmp_path, "fish", XDG_CONFIG_HOME=str(tmp_path / "x"))
    assert "/.zfunc/_gptprep" in (tmp_path / "z" / ".zshrc").read_text()
    assert (tmp_path / "x" / "fish" / "completions" / "gptprep.fish").exists()


@shells
def test_home_that_cannot_be_written_has_a_fix(run: Run, tmp_path: Path, shell: str) -> None:
    (tmp_path / "home").touch()
    done = install(run, tmp_path / "home", shell)
    assert (done.code, done.out) == (1, b"")
    assert done.err.startswith(f"error: cannot write {tmp_path}/home/")
    assert "Not a directory" in done.err
    assert f"gptprep --show-completion {shell}" in done.err


@starting
def test_start_file_that_is_a_folder_has_a_fix(run: Run, tmp_path: Path, shell: str) -> None:
    (tmp_path / START_FILE[shell]).mkdir()
    done = install(run, tmp_path, shell)
    assert done.code == 1
    assert "Is a directory" in done.err
    assert f"source <(gptprep --show-completion {shell})" in done.err


def test_full_disk_leaves_the_start_file_as_it_was(tmp_path: Path) -> None:
    start_file = tmp_path / ".bashrc"
    start_file.write_bytes(b"#" * 1000 + b"\n")
    script = tmp_path / SCRIPT["bash"]
    script.parent.mkdir()
    script.write_text(SCRIPTS["bash"])
    line = f"trap '' XFSZ; ulimit -f 1; {sys.executable} -m gptprep --install-completion bash"
    done = subprocess.run(
        ["bash", "-c", line], env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert start_file.read_bytes() == b"#" * 1000 + b"\n"


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
@pytest.mark.parametrize("shell", ["tcsh", "window", "Bash"])
def test_unknown_shell_is_refused(run: Run, tmp_path: Path, option: str, shell: str) -> None:
    done = run("-q", option, shell, env={"HOME": str(tmp_path)})
    what, why = f"there is no completion for {shell}", "it is known for bash, zsh and fish only"
    assert done.err == f"error: {what}\n  why: {why}\n  fix: give {option} bash, zsh or fish\n"
    assert (done.code, list(tmp_path.iterdir())) == (2, [])


@shells
def test_script_can_be_printed(run: Run, shell: str) -> None:
    assert run("--show-completion", shell) == (0, SCRIPTS[shell].encode(), "")
    assert run(f"--show-completion={shell}") == (0, SCRIPTS[shell].encode(), "")


def test_option_of_a_verb_is_not_taken_for_it(run: Run) -> None:
    assert run("encode", "-t", "--install-completion").out == run("encode", "--text=--install-completion").out
