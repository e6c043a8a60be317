"""JSON, free space, and errors that travel."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gptprep import files
from gptprep.errors import DamagedData, GptprepError, TextError, os_errors


def test_free_space(tmp_path: Path) -> None:
    files.require_free_space(str(tmp_path / "not" / "there"), 1)
    with pytest.raises(GptprepError, match="not enough disk space"):
        files.require_free_space(str(tmp_path / "x"), 1 << 62)


def test_json_is_the_same_everywhere() -> None:
    class Pair(NamedTuple):
        a: int
        b: tuple[int, ...]

    assert (
        files.json_bytes({"é": Pair(1, (2,))})
        == '{\n  "é": {\n    "a": 1,\n    "b": [\n      2\n    ]\n  }\n}\n'.encode()
    )


def test_json_of_others(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for data in (b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000):
        path.write_bytes(data)
        with pytest.raises(DamagedData, match="not valid JSON"):
            files.read_json(str(path))
    with pytest.raises(DamagedData, match="too large"):
        files.read_json(str(path), max_bytes=10)


@pytest.mark.parametrize(
    "error", [GptprepError("a", "b", "c"), DamagedData("a"), TextError("a", "b", "c", 7)]
)
def test_errors_cross_process_borders(error: Any) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), vars(copy), str(copy)) == (type(error), vars(error), str(error))


def test_os_errors_say_what_to_do() -> None:
    with pytest.raises(GptprepError) as caught, os_errors("read", "x"):
        raise FileNotFoundError(2, "No such file or directory")
    assert (str(caught.value), caught.value.fix) == (
        "cannot read x: No such file or directory",
        "check the path",
    )
    with pytest.raises(BrokenPipeError), os_errors("write", "x"):
        raise BrokenPipeError
