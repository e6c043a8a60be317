"""Sources of a plan that cannot be read twice."""

from pathlib import Path

import pytest

from tests.helpers.cli import Run


@pytest.mark.parametrize("verb", ["window", "vocab", "encode"])
def test_pipe_beside_a_file_is_not_read_again_to_find_the_line(run: Run, tmp_path: Path, verb: str) -> None:
    """The second time it would be empty, and its error forgotten."""
    (tmp_path / "a.txt").write_text("some words " * 100)
    output = {"window": ["-o", "s", "-L", "8"], "vocab": ["-o", "v.json"], "encode": ["-o", "x.bin"]}[verb]
    done = run(verb, "-", "a.txt", *output, stdin=b"bad \xff\n")
    assert done.code == 1
    assert "standard input is not valid UTF-8: byte 0xff at offset 4" in done.err
    assert not (tmp_path / output[1]).exists()
