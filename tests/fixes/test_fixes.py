"""Every error has a fix, and the fix works when it is followed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.fixes import (
    cli,
    corpus,
    inspect,
    pipelines,
    shards,
    storage,
    stores,
    tokenizer_files,
    tokenizers,
    tokens,
    training,
)
from tests.fixes.rows import TEXT, Place, Row, follow, holes, prepare, provoked_fix
from tests.helpers.cli import Run
from tests.helpers.fix_templates import HOLE, all_templates

TABLES = (
    cli.TABLE,
    corpus.TABLE,
    inspect.TABLE,
    pipelines.TABLE,
    shards.TABLE,
    storage.TABLE,
    stores.TABLE,
    tokenizer_files.TABLE,
    tokenizers.TABLE,
    tokens.TABLE,
    training.TABLE,
)
ROWS = [(module, row) for table in TABLES for module, rows in table.items() for row in rows]
EXCEPTIONS = {
    ("errors.py", ""): "any other error of the system",
    ("errors.py", "choose a place that can be written"): "needs a file system that is read-only",
    ("errors.py", "name a file, not a folder"): "all paths are checked before they are opened",
    ("errors.py", "the disk failed: check it, then run the same command again"): "needs a broken disk",
    (
        "errors.py",
        "free some space or choose another disk, then run the same command again",
    ): "needs a full disk: tests/faults/test_small_disks.py",
    (
        "errors.py",
        "free some of your quota or choose another disk, then run the same command again",
    ): "needs a disk with quotas",
    ("errors.py", "raise the limit ({})"): "needs a limit on threads: tests/faults/test_limits.py",
    ("pipelines/window/shared_parts.py", "wait until it has ended"): "tests/pipelines/test_job_array.py",
    (
        "storage/stores.py",
        "download the file: its server does not send parts of files",
    ): "needs such a server: tests/storage/test_objects.py",
    ("shards/arrays.py", "write or download the file again"): "verify shows the fix of its report instead",
}
"""Errors that these tests do not provoke, by module and fix, and why."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a `Place`."""
    from gptprep.pipelines import encode, vocab
    from tests.helpers import folders

    folder = tmp_path_factory.mktemp("place")
    text = str(folder / "a.txt")
    (folder / "a.txt").write_text(TEXT)
    folders.window([text], folder / "s", context_length=4)
    encode.run(encode.plan(encode.EncodeOptions((text,), output=str(folder / "a.bin"))))
    vocab.run(vocab.plan(vocab.VocabOptions((text,), str(folder / "v.json"))))
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path, run: Run) -> Place:
    return Place(shutil.copytree(made, tmp_path, dirs_exist_ok=True), run)


@pytest.mark.parametrize(("module", "row"), ROWS, ids=[f"{module}-{row.fix}" for module, row in ROWS])
def test_fix_works(place: Place, module: str, row: Row) -> None:  # noqa: ARG001  the module is for people
    prepare(row, place)
    fix = provoked_fix(row, place)
    follow(row, place, holes(row, fix))


def test_every_fix_in_the_source_is_followed() -> None:
    """Each row counts for the one template in its module that has the most words of its fix."""
    templates = {(one.module, one.fix) for one in all_templates()}
    unknown = {fix for module, fix in templates - EXCEPTIONS.keys() if not fix.replace(HOLE, "").strip()}
    assert unknown == set(), "there is no fix, or only the run knows it"
    followed = set[tuple[str, str]]()
    for module, row in ROWS:
        fits = [fix for owner, fix in templates if owner == module and pattern(fix).fullmatch(row.sample)]
        assert fits, f"no error in {module} has the fix {row.sample!r}"
        followed.add((module, max(fits, key=lambda fix: len(fix.replace(HOLE, "")))))
    assert templates - followed - EXCEPTIONS.keys() == set()
    assert EXCEPTIONS.keys() <= templates - followed


def pattern(template: str) -> re.Pattern[str]:
    """The texts that a template stands for."""
    return re.compile("(.+)".join(map(re.escape, template.split(HOLE))))
