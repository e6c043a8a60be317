"""The README and the pages in docs/ as data: their commands, their programs, and what these print.

`python -m tests.helpers.markdown [PAGE ...]` runs them and writes what they print into the pages. For
docs/chapter2.md the book's text, which is not part of the project, must be at the path in `BOOK_TEXT`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.helpers.paths import SAMPLES, TOP

README = TOP / "README.md"
PIPELINES = TOP / "docs" / "pipelines.md"
CHAPTER_2 = TOP / "docs" / "chapter2.md"
PAGES = (README, *sorted((TOP / "docs").glob("*.md")))
_VOLATILE = re.compile(
    r"\d+\.\d s(?: \(\d+\.\d [KMG]?B(?:ytes)?/s)?|about \d+ (?:s|min)\b|(?<=_seconds\": )\d+\.\d"
    r"|(?<=, with )\d+ workers?"
)
"""Times, rates and cores, which are different in every run or on every machine."""


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def stable(printed: str) -> str:
    """A text without times, rates and spaces at the ends of lines."""
    return re.sub(r" +$", "", _VOLATILE.sub("TIME", printed), flags=re.MULTILINE).strip("\n")


def commands(console: str) -> list[str]:
    """The commands of a console block."""
    return re.findall(r"^\$ (.*)$", console, re.MULTILINE)


def run(command: str, folder: Path) -> tuple[int, str]:
    """The exit code of a command and what it prints on both streams; `gptprep` is the one under test."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    quiet = {"HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HOME": str(folder / ".cache")}
    env = {**os.environ, "PATH": path, "COLUMNS": "100", **quiet}
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=env, text=True, **both)  # type: ignore[call-overload]
    return done.returncode, re.sub(r" +$", "", done.stdout, flags=re.MULTILINE)


def prepare(folder: Path, book_text: Path | None = None) -> None:
    """Copy into a folder what the pages use; a sample stands in for the book's text."""
    shutil.copytree(SAMPLES, folder / "sample_texts")
    shutil.copy(book_text or SAMPLES / "the_salt_clock.txt", folder / "the-verdict.txt")


def executed(text: str, folder: Path) -> str:
    """A page with what its commands and programs print now; they are run in `folder`.

    The `python` blocks of a page are one program; what each prints is in the `text` block after it.
    """
    for console in blocks(text, "console"):
        printed = ((command, run(command, folder)[1]) for command in commands(console))
        shown = "\n".join(f"$ {command}\n{output}".rstrip("\n") for command, output in printed)
        text = text.replace(f"```console\n{console}```", f"```console\n{shown}\n```")
    if programs := blocks(text, "python"):
        (folder / "program.py").write_text("\nprint('\\0')\n".join(programs))
        outputs = iter(run("python program.py", folder)[1].split("\0\n"))
        text = re.sub(r"```text\n.*?```", lambda _: f"```text\n{next(outputs)}```", text, flags=re.DOTALL)
    return text


def main(pages: list[Path]) -> None:
    """Update some pages."""
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), Path(os.environ["BOOK_TEXT"]) if page == CHAPTER_2 else None)
            page.write_text(executed(page.read_text(), Path(folder)))


if __name__ == "__main__":
    main([Path(name).resolve() for name in sys.argv[1:]] or [page for page in PAGES if page != CHAPTER_2])
