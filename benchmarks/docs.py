"""Writes the tables of the docs and the figures of the README: `python -m benchmarks.docs [WORD...]`.

In docs/performance.md each table stands between two comments, the first of which has the command that prints
it. They are run again, or those that have one of the words in them, and what they print is put between the
comments. The sentence of the README that has figures follows from three of the tables.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

from benchmarks.corpus import TOP
from benchmarks.tables import MEMORY

PERFORMANCE, README = TOP / "docs" / "performance.md", TOP / "README.md"
_BLOCK = re.compile(r"(<!-- python -m (benchmarks[^\n]*) -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)
_OURS, _OTHERS = "gptprep window", "tiktoken, two processes (build-nanogpt)"
_SENTENCE = re.compile(r"\d+ times as fast as tiktoken in two processes on English, \d+ to \d+ times on code")


def blocks(text: str) -> dict[str, str]:
    """What stands between the comments, by the arguments of the command."""
    return {command: printed.strip("\n") for _, command, printed, _ in _BLOCK.findall(text)}


def replaced(text: str, printed: dict[str, str]) -> str:
    """The text with what some commands have printed between their comments."""

    def one(block: re.Match[str]) -> str:
        start, command, old, end = block.groups()
        return f"{start}\n{printed[command]}\n{end}" if command in printed else start + old + end

    return _BLOCK.sub(one, text)


def readme_sentence(tables: dict[str, str]) -> str:
    """How much faster than tiktoken in two processes we are, from the tables that compare the two.

    Raises:
        ValueError: there is no table for English, or none for other text.
    """
    times: dict[bool, list[float]] = {True: [], False: []}
    for command, table in tables.items():
        rows = [line.split("|") for line in table.splitlines() if line.count("|") > 2]
        rates = {cells[1].strip(): cells[2] for cells in rows}
        if _OURS in rates and _OTHERS in rates:
            times["--kind" not in command].append(float(rates[_OURS]) / float(rates[_OTHERS]))
    english, other = times[True], times[False]
    if not english or not other:
        raise ValueError("a table is missing")
    what = f"{min(english):.0f} times as fast as tiktoken in two processes on English"
    return f"{what}, {min(other):.0f} to {max(other):.0f} times on code"


def run(command: str) -> str:
    """What a command prints, without its first lines, which say what the machine is and what is missing."""
    arguments = [sys.executable, "-m", *shlex.split(command)]
    print(f"python -m {command}", flush=True)
    printed = subprocess.run(arguments, cwd=TOP, stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = printed.splitlines()
    first = next(number for number, line in enumerate(lines) if re.match(r"\d+ runs, \d+ cores", line))
    return as_markdown("\n".join(lines[first + 1 :]))


def as_markdown(printed: str) -> str:
    """What a command prints, with an empty line before each table, and without what the page says once."""
    spaced = re.sub(r"^([^|\n].*)\n(?=\|)", r"\1\n\n", printed, flags=re.MULTILINE)
    return spaced.replace(MEMORY, "").strip("\n")


def main(words: list[str]) -> None:
    """Run the commands again and write the docs."""
    text = PERFORMANCE.read_text()
    commands = [command for command in blocks(text) if not words or any(word in command for word in words)]
    for command in commands:
        printed = {command: run(command)}
        PERFORMANCE.write_text(replaced(PERFORMANCE.read_text(), printed))  # each at once: they take long
    sentence = readme_sentence(blocks(PERFORMANCE.read_text()))
    README.write_text(_SENTENCE.sub(sentence, README.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:])
