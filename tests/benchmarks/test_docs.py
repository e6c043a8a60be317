"""The docs have what the benchmarks printed."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command_line
from benchmarks import docs
from benchmarks.tables import MEMORY

ENGLISH = "| gptprep window | 200.0 | x |\n| tiktoken, two processes (build-nanogpt) | 20.0 | y |"
CODE = ENGLISH.replace("200.0", "81.0")
SCRIPTS = ENGLISH.replace("200.0", "59.0")
PAGE = """# Title

<!-- python -m benchmarks --megabytes 3 -->

old

<!-- end -->

Text.

<!-- python -m benchmarks --kind code -->
older
<!-- end -->
"""


def test_output_of_a_command_replaces_what_stands_between_its_comments() -> None:
    assert docs.blocks(PAGE) == {"benchmarks --megabytes 3": "old", "benchmarks --kind code": "older"}
    new = docs.replaced(PAGE, {"benchmarks --kind code": "| a |\n|---|"})
    assert docs.blocks(new) == {"benchmarks --megabytes 3": "old", "benchmarks --kind code": "| a |\n|---|"}
    assert (
        docs.replaced(new, {"benchmarks --kind code": "older"}).replace("\n\nolder\n\n", "\nolder\n") == PAGE
    )


def test_sentence_of_the_readme_follows_from_the_tables() -> None:
    tables = {"benchmarks": ENGLISH, "benchmarks --kind code": CODE, "benchmarks --kind scripts": SCRIPTS}
    expected = "10 times as fast as tiktoken in two processes on English, 3 to 4 times on code"
    assert docs.readme_sentence(tables) == expected
    with pytest.raises(ValueError, match="a table is missing"):
        docs.readme_sentence({"benchmarks": ENGLISH})


def test_readme_has_the_sentence_of_the_tables() -> None:
    sentence = docs.readme_sentence(docs.blocks(docs.PERFORMANCE.read_text()))
    assert docs._SENTENCE.findall(docs.README.read_text()) == [sentence]


def test_commands_of_the_page_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = list(docs.blocks(docs.PERFORMANCE.read_text()))
    assert len(commands) >= 10
    for command in commands:
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        assert command_line.parse()


@pytest.mark.slow
def test_page_is_written_from_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, readme = tmp_path / "performance.md", tmp_path / "README.md"
    short = "--runs 1 --megabytes 0.3 --peers 'gptprep window' nanogpt"
    english, code = f"benchmarks {short}", f"benchmarks --kind code {short}"
    page.write_text("".join(f"<!-- python -m {command} -->\n<!-- end -->\n" for command in (english, code)))
    page.write_text(page.read_text().replace(" -->\n<!-- end", " -->\n\n<!-- end"))
    readme.write_text("It is 1 times as fast as tiktoken in two processes on English, 1 to 1 times on code.")
    monkeypatch.setattr(docs, "PERFORMANCE", page)
    monkeypatch.setattr(docs, "README", readme)
    docs.main([])
    tables = docs.blocks(page.read_text())
    assert all(
        table.startswith("0 MB of text:") and "| gptprep window |" in table for table in tables.values()
    )
    assert docs.readme_sentence(tables) in readme.read_text()


def test_tables_stand_alone_and_what_the_page_says_once_is_left_out() -> None:
    printed = f"3 MB of text:\n| a |\n|---|\n| 1 |\n\n{MEMORY}"
    assert docs.as_markdown(printed) == "3 MB of text:\n\n| a |\n|---|\n| 1 |"


def test_command_that_fails_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        docs.run("benchmarks --peers no-such-peer")
