"""Completion in real shells: what is installed, which word a Tab gives, and what is listed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.helpers.paths import TOP
from tests.helpers.shells import BASH_COMPLETION, Shell

ODD = """we ird 'it"s $5 `ü! #&;*.txt"""
FILES = (ODD, "co:lon.txt", "a dir/in side.txt")
WORDS = {
    "window --lay\tt\t": ["window", "--layout", "tokens"],
    "window --val=we\t": ["window", f"--val={ODD}"],
    'encode "we\t': ["encode", ODD],
    "encode co:l\t": ["encode", "co:lon.txt"],
    "encode a\\ d\tin\t": ["encode", "a dir/in side.txt"],
    "encode ~/in\t": ["encode", "HOME/in home.txt"],
    "encode $HOME/in\t": ["encode", "HOME/in home.txt"],
    "inspect shards --split v\t": ["inspect", "shards", "--split", "val"],
    "encode --text we\t": ["encode", "--text", "we"],
}
"""Keys, and the words that gptprep then gets; HOME stands for the home folder."""
FEW = ("window --val=we\t", "encode co:l\t", "encode $HOME/in\t")
"""Some of them, for what makes a difference where the package bash-completion is installed."""
SOURCES = {
    "bash": "source <(gptprep --show-completion bash)",
    "zsh": "source <(gptprep --show-completion zsh)",
    "fish": "gptprep --show-completion fish | source",
}

shells = pytest.mark.parametrize(
    "shell",
    [
        pytest.param(
            name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed")
        )
        for name in ("bash", "zsh", "fish")
    ],
    indirect=True,
)


@contextmanager
def started(name: str, home: Path, start_file: str = "") -> Iterator[Shell]:
    """A shell in a folder with files that have unusual names, and with a folder of shards."""
    work = home / "work"
    shutil.copytree(TOP / "tests" / "golden" / "shards-v4", work / "shards")
    for file in (*(work / name for name in FILES), home / "in home.txt"):
        file.parent.mkdir(exist_ok=True)
        file.touch()
    with closing(Shell(name, home, start_file)) as shell:
        yield shell


@pytest.fixture
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    with started(request.param, tmp_path) as shell:
        yield shell


def words(shell: Shell, lines: dict[str, list[str]]) -> dict[str, list[str]]:
    """What gptprep gets for the keys of some lines."""
    found = {keys: shell.words(keys) for keys in lines}
    home = str(shell.home)
    return {keys: [word.replace(home, "HOME") for word in got] for keys, got in found.items()}


@shells
def test_tab_gives_the_right_word_after_completion_is_installed(shell: Shell) -> None:
    shell.run("gptprep --install-completion", f"completion for {shell.name}: wrote ")
    shell.run(f"exec {shell.name}", "")
    assert words(shell, WORDS) == WORDS


@pytest.mark.skipif(not BASH_COMPLETION.exists(), reason="the package bash-completion is not installed")
def test_tab_gives_the_right_word_beside_bash_completion(tmp_path: Path) -> None:
    few = {keys: WORDS[keys] for keys in FEW}
    with started("bash", tmp_path, f"source {BASH_COMPLETION}\n") as shell:
        shell.run("gptprep --install-completion bash", "completion for bash: wrote ")
        shell.run("exec bash", "")
        assert words(shell, few) == few


@shells
def test_tab_lists_what_is_possible(shell: Shell) -> None:
    (shell.work / "zz.json").touch()
    shell.run(SOURCES[shell.name], "")
    text = shell.shown("encode -T \t", "zz.json")
    listed = text.split()
    assert "//" not in text
    assert listed.index("gpt2") < listed.index("cl100k_base") < listed.index("zz.json")
    assert "co:lon.txt" not in listed
    listed = shell.shown("verify --\t", "--no-color").split()
    assert "--fast" in listed
    if shell.name != "bash":  # which has no room for the help
        assert "compare" in listed
