"""Manifests, which anybody may have written."""

from __future__ import annotations

import json
from pathlib import Path

from tests.helpers.cli import Run


def test_manifest_that_names_a_users_file_does_not_make_it_ours(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    users = tmp_path / "s"
    users.mkdir()
    (users / "thesis.txt").write_text("mine")
    named = {"splits": {"a": {"shards": [{"x": {"file": "thesis.txt"}}]}}}
    (users / "manifest.json").write_text(json.dumps({"format": "gptprep-shards", **named}))
    done = run("window", "a.txt", "-o", "s", "-L", "8", "-q", "--force")
    assert (done.code, "was not written by gptprep" in done.err) == (1, True)
    assert (users / "thesis.txt").read_text() == "mine"
