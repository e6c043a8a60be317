"""The time to the first id of a text with a `tokenizer.json`: whole commands, as a user would type them."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.measure import Finished, Run, run_process
from benchmarks.peers import has_module

TEXT = "hello"
_TOKENIZERS = (
    "import sys; from tokenizers import Tokenizer; "
    "print(*Tokenizer.from_file(sys.argv[1]).encode(sys.argv[2], add_special_tokens=False).ids)"
)
_GIGATOKEN = (
    "import sys; from gigatoken import Tokenizer; "
    "print(*Tokenizer.from_json(open(sys.argv[1], 'rb').read()).encode(sys.argv[2]))"
)
COMMANDS = {
    "gptprep encode -t": ("gptprep", ["-m", "gptprep", "encode", "--quiet", "-T", "{file}", "-t", TEXT]),
    "tokenizers, Tokenizer.from_file": ("tokenizers", ["-c", _TOKENIZERS, "{file}", TEXT]),
    "gigatoken, Tokenizer.from_json": ("gigatoken", ["-c", _GIGATOKEN, "{file}", TEXT]),
}
"""The module that each needs, and its command after the name of the interpreter."""


def run_command(name: str, path: str, folder: Path) -> Finished:
    """Run one command with a `tokenizer.json`."""
    arguments = [path if argument == "{file}" else argument for argument in COMMANDS[name][1]]
    return run_process([sys.executable, *arguments], folder)


def same_ids(names: list[str], path: str, folder: Path) -> list[str]:
    """The commands that print the ids of Hugging Face's library; prints a line for each other one.

    Raises:
        SystemExit: gptprep prints others.
    """
    expected = run_command("tokenizers, Tokenizer.from_file", path, folder).printed.split()
    same = []
    for name in names:
        finished = run_command(name, path, folder)
        if finished.code or finished.printed.split() != expected:
            why = _last_message(finished.printed) if finished.code else "it gives other ids"
            if name.startswith("gptprep"):
                sys.exit(f"{name}, {path}: {why}")
            print(f"{name}: left out with {path}: {why}")
        else:
            same.append(name)
    return same


def _last_message(printed: str) -> str:
    """The last line with the type and the text of an error, which lines of details may follow."""
    lines = [line for line in printed.splitlines() if line[:1].strip() and ": " in line]
    return lines[-1] if lines else "it failed"


def measure_first_ids(
    names: list[str], paths: dict[str, str], folder: Path, n_runs: int
) -> dict[str, dict[str, list[Run]]]:
    """Run the commands that are installed with each file in turn, then each again.

    Args:
        names: the commands.
        paths: the files by the names of their tokenizers.

    Returns:
        For each tokenizer the runs of each command.
    """
    names = [name for name in names if has_module(COMMANDS[name][0])]
    runs: dict[str, dict[str, list[Run]]] = {
        file: {name: [] for name in same_ids(names, path, folder)} for file, path in paths.items()
    }
    for _ in range(n_runs):
        for file, of_file in runs.items():
            for name, measured in of_file.items():
                finished = run_command(name, paths[file], folder)
                measured.append(
                    Run(finished.seconds, finished.peak, len(finished.printed.split()), finished.cpu)
                )
    return runs
