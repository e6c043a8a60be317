"""What the README and the pages in docs/ say is true: their commands are run, their links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from docs.pictures import PAGE_HASH, PICTURES, page_hash, report_page, terminal_pictures
from tests.helpers import markdown
from tests.helpers.markdown import CHAPTER_2, PAGES, PIPELINES, README
from tests.helpers.paths import SAMPLES, TOP

SETUP, CHECK = markdown.blocks(README.read_text(), "sh")
OF_THE_BOOK = re.compile(r"verdict|v1\.json|words\.json|stride[14]|embeddings")
"""What depends on the book's text."""


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page != CHAPTER_2], ids=lambda page: page.name)
def test_commands_and_programs_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    markdown.prepare(tmp_path)
    assert markdown.stable(markdown.executed(text, tmp_path)) == markdown.stable(text)


@pytest.mark.slow
def test_commands_of_chapter_2_run_on_another_text(tmp_path: Path) -> None:
    """What does not depend on the book's text is compared. An unknown word is an error on the page too."""
    text = CHAPTER_2.read_text()
    markdown.prepare(tmp_path)
    for console in markdown.blocks(text, "console"):
        for command in markdown.commands(console):
            code, printed = markdown.run(command, tmp_path)
            shown = console.partition(f"$ {command}\n")[2].partition("\n$ ")[0]
            assert code == (1 if "error:" in shown else 0), printed
            if not OF_THE_BOOK.search(command):
                assert markdown.stable(printed) == markdown.stable(shown)
    (tmp_path / "program.py").write_text("\n".join(markdown.blocks(text, "python")))
    code, printed = markdown.run("python program.py", tmp_path)
    assert code == 0, printed
    assert printed.endswith(markdown.blocks(text, "text")[-1])


def test_chapter_2_has_the_numbers_of_the_book() -> None:
    text = CHAPTER_2.read_text()
    for number in ("20,479 characters", "4,690 words", "1,132 entries", "5,145 ids", "(8, 4, 256)"):
        assert number in text
    assert "[[[40, 367, 2885, 1464]], [[367, 2885, 1464, 1807]]]" in text
    assert "[[[367, 2885, 1464, 1807]], [[2885, 1464, 1807, 3619]]]" in text


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 200


@pytest.mark.parametrize("page", [*PAGES, *TOP.glob("*.md")], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text()):
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.is_file(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
            assert anchor in [
                re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings
            ]


def test_pictures_are_what_the_tool_shows() -> None:
    made = terminal_pictures()
    stale = [name for name, svg in made.items() if (PICTURES / name).read_text() != svg]
    if PAGE_HASH.read_text() != page_hash(report_page()):
        stale.append("report.png")
    assert stale == [], "run python -m docs.pictures"


def test_every_picture_is_made_and_shown() -> None:
    made = {*terminal_pictures(), "report.png", PAGE_HASH.name}
    assert {path.name for path in PICTURES.iterdir()} == made
    texts = "".join(page.read_text() for page in (README, *PAGES))
    assert [name for name in made - {PAGE_HASH.name} if f"pictures/{name})" not in texts] == []


def test_ci_runs_the_check_command_of_the_readme() -> None:
    assert CHECK in (TOP / ".ci" / "run").read_text()


@pytest.mark.slow
def test_install_command_makes_shards_in_a_fresh_clone(tmp_path: Path) -> None:
    clone = tmp_path / "gptprep"
    subprocess.run(["git", "clone", "-q", str(TOP), str(clone)], check=True)
    done = subprocess.run(["bash", "-c", SETUP], cwd=clone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (clone / "shards" / "manifest.json").is_file()
    assert "✓ shards: 7 documents" in done.stderr


@pytest.mark.slow
def test_makefile_makes_its_targets_once(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(markdown.blocks(PIPELINES.read_text(), "make")[0])
    shutil.copytree(SAMPLES, tmp_path / "sample_texts")
    for goal in re.findall(r"^(\S+):", (tmp_path / "Makefile").read_text(), re.MULTILINE):
        assert "gptprep" in markdown.run(f"make {goal}", tmp_path)[1]
        first = (tmp_path / goal).read_bytes()
        assert "up to date" in markdown.run(f"make {goal}", tmp_path)[1]
        os.utime(tmp_path / "sample_texts" / "poem.txt")
        assert "gptprep" in markdown.run(f"make {goal}", tmp_path)[1]
        assert (tmp_path / goal).read_bytes() == first


def peak_kilobytes(path: Path) -> int:
    """The largest memory of a process when `window` reads a file."""
    code = f"""
import resource, subprocess, sys
command = [sys.executable, "-m", "gptprep", "window", {str(path)!r}, "-q", "-o", {str(path)!r} + ".shards"]
subprocess.run(command, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss as kilobytes")
def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    text = b"".join(path.read_bytes() for path in sorted(SAMPLES.iterdir()))
    peaks = []
    for megabytes in (5, 60):
        path = tmp_path / f"{megabytes}.txt"
        path.write_bytes(text * (megabytes * 10**6 // len(text)))
        peaks.append(peak_kilobytes(path))
    assert peaks[1] < 200_000
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss as kilobytes")
def test_memory_does_not_grow_with_distinct_words(tmp_path: Path) -> None:
    letters = np.random.default_rng(0).integers(97, 123, (10_000_000, 9), np.uint8)
    letters[:, 8] = ord(" ")
    (tmp_path / "random.txt").write_bytes(letters.tobytes())
    assert peak_kilobytes(tmp_path / "random.txt") < 500_000
