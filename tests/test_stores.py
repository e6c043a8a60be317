""".npy headers, ids files, shard folders: written as numpy writes, read with nothing taken on trust."""

from __future__ import annotations

import ast
import io
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep import npy
from gptprep.errors import DamagedData, GptprepError
from gptprep.tokenstore import IdsFile, IdsWriter, id_dtype

# .npy


@given(st.lists(st.integers(0, 20), max_size=4).map(tuple), st.sampled_from(["<u2", "<u4", "<i8", "<f4"]))
def test_headers_are_those_of_numpy_save(shape: tuple[int, ...], dtype: str) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(shape, dtype))
    header = npy.header(shape, np.dtype(dtype))
    assert buffer.getvalue().startswith(header)
    assert len(buffer.getvalue()) == len(header) + np.zeros(shape, dtype).nbytes


def test_arrays_come_back(tmp_path: Path) -> None:
    for array in (
        np.arange(6, dtype="<u2").reshape(2, 3),
        np.zeros((0, 5), "<u4"),
        np.array([1.5], np.float32),
    ):
        np.save(tmp_path / "a.npy", array)
        opened = npy.open_array(str(tmp_path / "a.npy"), array.shape, array.dtype)
        assert (opened.dtype, opened.tolist()) == (array.dtype, array.tolist())
        assert not opened.flags.writeable or 0 in array.shape


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.array([{}]), "holds .O data"),
        (np.zeros(3, ">u2"), "holds >u2 data"),
        (np.asfortranarray(np.zeros((2, 3), "<u2")), "Fortran"),
        (np.array(["text"]), "holds <U4 data"),
        (np.zeros(2, [("a", "<u2")]), "of numbers"),
        (np.zeros(2, bool), "data"),
    ],
)
def test_arrays_of_other_kinds_are_refused(tmp_path: Path, array: Any, what: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(DamagedData, match=what):
        npy.open_array(str(tmp_path / "a.npy"), (6,), np.dtype("<u2"))


def test_a_file_cut_at_any_length_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6, dtype="<u2"))
    data = (tmp_path / "a.npy").read_bytes()
    for changed in [*(data[:length] for length in range(len(data))), data + b"x"]:
        (tmp_path / "b.npy").write_bytes(changed)
        with pytest.raises(DamagedData):
            npy.open_array(str(tmp_path / "b.npy"), (6,), np.dtype("<u2"))


@pytest.mark.parametrize(
    "shape",
    [
        "(10000000000000,)",
        "(-1,)",
        "(1.5,)",
        "'x'",
        "(" * 500,
        "(2,), 'x': (3",
        "(0, 1152921504606846976)",
        str((1,) * 65),
    ],
)
def test_headers_that_lie_are_refused(tmp_path: Path, shape: str) -> None:
    text = f"{{'descr': '<u2', 'fortran_order': False, 'shape': {shape}, }}"
    header = text.encode().ljust(117) + b"\n"
    (tmp_path / "a.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"12"
    )
    with pytest.raises(DamagedData):
        npy.open_array(str(tmp_path / "a.npy"), (6,), np.dtype("<u2"))


@given(
    order=st.permutations(["descr", "fortran_order", "shape"]),
    shape=st.lists(st.integers(0, 9), max_size=4).map(tuple),
    space=st.sampled_from(["", " ", "  "]),
    quote=st.sampled_from(["'", '"']),
    end=st.sampled_from(["", ",", ", "]),
)
def test_headers_as_others_write_them(
    order: list[str], shape: tuple[int, ...], space: str, quote: str, end: str
) -> None:
    values = {"descr": f"{quote}<u4{quote}", "fortran_order": "False", "shape": repr(shape)}
    fields = f",{space}".join(f"{quote}{name}{quote}{space}:{space}{values[name]}" for name in order)
    literal = f"{{{space}{fields}{end}}}\n"
    assert ast.literal_eval(literal)["shape"] == shape
    data = b"\x93NUMPY\x01\x00" + len(literal).to_bytes(2, "little") + literal.encode()
    with tempfile.TemporaryFile() as file:
        file.write(data + bytes(4 * math.prod(shape)))
        file.seek(0)
        assert npy.read_header(file, "a.npy") == (shape, np.dtype("<u4"), len(data))


# Files of ids


@given(st.lists(st.lists(st.integers(0, 70_000), max_size=9), max_size=5), st.booleans())
def test_ids_files_are_plain_arrays(chunks: list[list[int]], header: bool) -> None:
    for n_vocab in (70_001, 1 << 16):
        kept = [[n % n_vocab for n in chunk] for chunk in chunks]
        file = io.BytesIO()
        writer = IdsWriter(file, n_vocab, npy_header=header)
        for chunk in kept:
            writer.append(np.array(chunk, np.uint32))
        writer.finish()
        ids = np.array([n for chunk in kept for n in chunk], id_dtype(n_vocab))
        expected = io.BytesIO()
        np.save(expected, ids)
        assert file.getvalue() == (expected.getvalue() if header else ids.tobytes())
        assert len(writer) == len(ids)


@pytest.mark.parametrize(
    ("n_vocab", "name"), [(2, "uint16"), (65536, "uint16"), (65537, "uint32"), (1 << 32, "uint32")]
)
def test_the_smallest_dtype_that_holds_all_ids(n_vocab: int, name: str) -> None:
    assert id_dtype(n_vocab).name == name
    assert n_vocab - 1 <= np.iinfo(name).max


def test_a_vocabulary_that_no_dtype_holds() -> None:
    with pytest.raises(GptprepError, match="too large"):
        id_dtype((1 << 32) + 1)


def test_ids_out_of_range_are_never_narrowed(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        writer = IdsWriter(file, 10, npy_header=False)
        writer.append(np.array([9, 0], np.uint32))
        with pytest.raises(GptprepError, match="the id 10 at position 3"):
            writer.append(np.array([1, 10, 11], np.uint32))


def test_ranges_of_an_ids_file(tmp_path: Path) -> None:
    ids = np.arange(100, dtype="<u2")
    np.save(tmp_path / "a.npy", ids)
    ids.tofile(tmp_path / "a.bin")
    for name in ("a.npy", "a.bin"):
        with IdsFile(str(tmp_path / name), np.dtype("<u2")) as file:
            assert len(file) == 100
            assert file.read(0, 1000).tolist() == list(range(100))
            assert file.read(7, 9).tolist() == [7, 8]
            assert file.read(9, 7).tolist() == []


def test_ids_files_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.bin")
    with pytest.raises(GptprepError, match="is not a regular file"):
        IdsFile(str(tmp_path / "a.bin"), np.dtype("<u2"))


@pytest.mark.parametrize("array", [np.zeros((2, 2), "<u2"), np.zeros(2, "<f4")])
def test_arrays_that_are_no_ids(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DamagedData, match="not a file of ids"):
        IdsFile(str(tmp_path / "a.npy"), np.dtype("<u2"))


def test_raw_ids_cut_short(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"123")
    with pytest.raises(DamagedData, match="cut short"):
        IdsFile(str(tmp_path / "a.bin"), np.dtype("<u2"))
