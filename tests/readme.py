"""The README as data: its commands, its programs, and what they print.

`python -m tests.readme` runs them and writes what they print into the README.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).parent.parent
README = TOP / "README.md"
_VOLATILE = re.compile(r"\d+\.\d s(?: \(\d+\.\d [KMG]?B(?:ytes)?/s)?")
"""Times and rates, which no two runs share."""


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def stable(printed: str) -> str:
    """Without times, rates and spaces at the ends of lines."""
    return re.sub(r" +$", "", _VOLATILE.sub("TIME", printed), flags=re.MULTILINE).strip("\n")


def commands(console: str) -> list[str]:
    """The commands of a console block."""
    return re.findall(r"^\$ (.*)$", console, re.MULTILINE)


def run(command: str, folder: Path) -> str:
    """What a command prints, on both streams, with the tested gptprep first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "COLUMNS": "100"}
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=env, text=True, **both)  # type: ignore[call-overload]
    return re.sub(r" +$", "", done.stdout, flags=re.MULTILINE)


def executed(text: str, folder: Path) -> str:
    """The README with what its commands and its program print now; it is run in `folder`."""
    shutil.copytree(TOP / "sample_texts", folder / "sample_texts")
    for console in blocks(text, "console"):
        shown = "\n".join(
            f"$ {command}\n{run(command, folder)}".rstrip("\n") for command in commands(console)
        )
        text = text.replace(f"```console\n{console}```", f"```console\n{shown}\n```")
    (folder / "program.py").write_text("\n".join(blocks(text, "python")))
    printed = run("python program.py", folder)
    return re.sub(r"```text\n.*?```", lambda _: f"```text\n{printed}```", text, flags=re.DOTALL)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        README.write_text(executed(README.read_text(), Path(folder)))
