"""JSON files: the same bytes everywhere, and no trust in what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from gptprep.errors import CorruptDataError
from gptprep.storage.json_files import json_bytes, read_json


def test_json_has_keys_in_order_indentation_and_utf8() -> None:
    class Pair(NamedTuple):
        a: int
        b: tuple[int, ...]

    expected = '{\n  "é": {\n    "a": 1,\n    "b": [\n      2\n    ]\n  }\n}\n'
    assert json_bytes({"é": Pair(1, (2,))}) == expected.encode()


def test_invalid_and_too_large_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for data in (b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000):
        path.write_bytes(data)
        with pytest.raises(CorruptDataError, match="not valid JSON"):
            read_json(str(path))
    with pytest.raises(CorruptDataError, match="too large"):
        read_json(str(path), max_bytes=10)
