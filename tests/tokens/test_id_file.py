"""Flat files of ids: written as plain arrays, read in ranges, never with an id out of range."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.tokens.id_file import IdFile, IdWriter, id_dtype


@given(st.lists(st.lists(st.integers(0, 70_000), max_size=9), max_size=5), st.booleans())
def test_id_files_are_plain_arrays(appended: list[list[int]], header: bool) -> None:
    for n_vocab in (70_001, 1 << 16):
        lists = [[n % n_vocab for n in numbers] for numbers in appended]
        file = io.BytesIO()
        writer = IdWriter(file, n_vocab, npy_header=header)
        for numbers in lists:
            writer.append(np.array(numbers, np.uint32))
        writer.finish()
        ids = np.array([n for numbers in lists for n in numbers], id_dtype(n_vocab))
        expected = io.BytesIO()
        np.save(expected, ids)
        assert file.getvalue() == (expected.getvalue() if header else ids.tobytes())
        assert len(writer) == len(ids)


@pytest.mark.parametrize(
    ("n_vocab", "name"), [(2, "uint16"), (65536, "uint16"), (65537, "uint32"), (1 << 32, "uint32")]
)
def test_dtype_is_the_smallest_that_holds_all_ids(n_vocab: int, name: str) -> None:
    assert id_dtype(n_vocab).name == name
    assert n_vocab - 1 <= np.iinfo(name).max


def test_vocabulary_of_more_than_32_bits_is_refused() -> None:
    with pytest.raises(GptprepError, match="too large"):
        id_dtype((1 << 32) + 1)


def test_id_out_of_range_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        writer = IdWriter(file, 10, npy_header=False)
        writer.append(np.array([9, 0], np.uint32))
        with pytest.raises(GptprepError, match="the id 10 at position 3"):
            writer.append(np.array([1, 10, 11], np.uint32))


def test_read_gives_ranges_clipped_to_the_file(tmp_path: Path) -> None:
    ids = np.arange(100, dtype="<u2")
    np.save(tmp_path / "a.npy", ids)
    ids.tofile(tmp_path / "a.bin")
    for name in ("a.npy", "a.bin"):
        with IdFile(str(tmp_path / name), np.dtype("<u2")) as file:
            assert len(file) == 100
            assert file.read(0, 1000).tolist() == list(range(100))
            assert file.read(7, 9).tolist() == [7, 8]
            assert file.read(9, 7).tolist() == []


def test_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.bin")
    with pytest.raises(GptprepError, match="is not a regular file"):
        IdFile(str(tmp_path / "a.bin"), np.dtype("<u2"))


@pytest.mark.parametrize("array", [np.zeros((2, 2), "<u2"), np.zeros(2, "<f4")], ids=["matrix", "floats"])
def test_other_array_is_not_a_file_of_ids(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(GptprepError, match="not a file of ids"):
        IdFile(str(tmp_path / "a.npy"), np.dtype("<u2"))


def test_truncated_raw_ids_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"123")
    with pytest.raises(CorruptDataError, match="is truncated"):
        IdFile(str(tmp_path / "a.bin"), np.dtype("<u2"))
