"""Words that were given up for the field's standard terms stay out of code, help, docs and tests.

docs/architecture.md has the words that are used instead.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.helpers.paths import TOP

DROPPED = {
    "stretch": "byte range, chunk or part",
    "stretches": "byte ranges, chunks or parts",
    "share of": "part of, percent of",
    "shares of": "parts of",
    "piece": "chunk",
    "pieces": "chunks",
    "segment": "chunk",
    "segments": "chunks",
    "cut": "split point, truncated, divided",
    "cuts": "split points",
    "cutting": "dividing",
    "border": "boundary or split point",
    "borders": "boundaries or split points",
    "begin": "start",
    "begins": "starts",
    "beginning": "start",
    "began": "started",
    "begun": "started",
    "amid": "during, in the middle of",
    "truth": "reference",
    "mend": "fix",
    "mended": "fixed",
}
_WORD = re.compile(rf"(?<![a-z])({'|'.join(re.sub(' ', '[ _]', word) for word in DROPPED)})(?![a-z])", re.I)
ALLOWED = {
    "gptprep/training/dataloader.py": {"begun"},  # a key of released states
    "tests/training/test_dataloader.py": {"begun"},
    "tests/project/test_language.py": set(DROPPED),
}
CHECKED = {".py", ".md", ".toml", ".yml", ".yaml", ".txt", ".svg"}


def checked_files() -> list[Path]:
    """All files that are ours to word: not the sample texts, and not data."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, capture_output=True, text=True
    )
    files = (TOP / name for name in listed.stdout.splitlines())
    folders = (TOP / "sample_texts", TOP / "tests" / "golden")
    return [
        file
        for file in files
        if file.suffix in CHECKED and file.is_file() and not any(folder in file.parents for folder in folders)
    ]


def test_there_are_files_to_check() -> None:
    names = {str(file.relative_to(TOP)) for file in checked_files()}
    assert {"README.md", "docs/architecture.md", "gptprep/cli/window.py", "tests/conftest.py"} <= names


@pytest.mark.parametrize("file", checked_files(), ids=lambda file: str(file.relative_to(TOP)))
def test_dropped_words_are_not_used(file: Path) -> None:
    allowed = ALLOWED.get(str(file.relative_to(TOP)), set())
    for number, line in enumerate(file.read_text().splitlines(), 1):
        for match in _WORD.finditer(line):
            word = match[0].lower().replace("_", " ")
            assert word in allowed, f"line {number}: {match[0]!r}: say {DROPPED[word]}: {line.strip()}"


@pytest.mark.parametrize(
    "line", ["a piece of text", "split_cut = 3", "Begin here", "the share of each", "no_borders"]
)
def test_dropped_word_is_found(line: str) -> None:
    assert _WORD.search(line)


@pytest.mark.parametrize(
    "line", ["execute", "shared memory", "they share it", "beginner", "recommend", "cutoff"]
)
def test_other_word_is_not_found(line: str) -> None:
    assert not _WORD.search(line)
