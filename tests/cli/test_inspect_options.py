"""`gptprep inspect`: options that are for other kinds of things are refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from gptprep.cli.options import EncodingArguments
from gptprep.cli.views import arguments
from tests.helpers.cli import Run


@pytest.mark.parametrize(
    ("line", "what", "why"),
    [
        (
            "a.txt --near x",
            "--near has no effect on a.txt, which is a corpus",
            "it is for a folder of embeddings or a file of weights",
        ),
        (
            "words --find x",
            "--find has no effect on words, which is a text",
            "it is for a folder of shards or a tokenizer",
        ),
        ("gpt2 -T gpt2", "--tokenizer has no effect on gpt2, which is a tokenizer", "it is for a text, "),
        (
            "w.pt --errors skip",
            "--errors has no effect on w.pt, which is a file of weights",
            "it is for a text, ",
        ),
        ("gpt2 --token-table x", "--token-table has no effect on gpt2", "it is for a file of weights"),
        ("-t hi -n 3", "-n has no effect on --text, which is a text", "it is for "),
    ],
)
def test_option_of_other_kinds_is_wrong_usage(
    run: Run, tmp_path: Path, line: str, what: str, why: str
) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "w.pt").touch()
    done = run("inspect", *line.split())
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith(f"error: {what}")
    assert f"why: {why}" in done.err
    assert "fix: leave out -" in done.err


def test_every_option_of_a_group_has_its_kinds() -> None:
    groups = (*vars(arguments).values(), EncodingArguments)
    ours = [group for group in groups if str(getattr(group, "__name__", "")).endswith("Arguments")]
    names = {field.name.strip("_").replace("_", "-") for group in ours for field in fields(group)}
    names.remove("configured")
    assert len(ours) >= 4
    assert names <= set(arguments.KINDS)
