"""`.npy` files: written as numpy writes them, read without trusting them."""

from __future__ import annotations

import ast
import io
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.errors import CorruptDataError
from gptprep.storage import npy

MAGIC = b"\x93NUMPY\x01\x00"


@given(st.lists(st.integers(0, 20), max_size=4).map(tuple), st.sampled_from(["<u2", "<u4", "<i8", "<f4"]))
def test_header_is_that_of_numpy_save(shape: tuple[int, ...], dtype: str) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(shape, dtype))
    header = npy.header(shape, np.dtype(dtype))
    assert buffer.getvalue().startswith(header)
    assert len(buffer.getvalue()) == len(header) + np.zeros(shape, dtype).nbytes


@pytest.mark.parametrize(
    "array",
    [np.arange(6, dtype="<u2").reshape(2, 3), np.zeros((0, 5), "<u4"), np.array([1.5], np.float32)],
    ids=["ids", "empty", "float"],
)
def test_saved_array_is_mapped_read_only(tmp_path: Path, array: Any) -> None:
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
    ids=["objects", "big-endian", "Fortran order", "text", "records", "booleans"],
)
def test_arrays_of_other_kinds_are_refused(tmp_path: Path, array: Any, what: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(CorruptDataError, match=what):
        npy.open_array(str(tmp_path / "a.npy"), (6,), np.dtype("<u2"))


def test_truncated_or_longer_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6, dtype="<u2"))
    data = (tmp_path / "a.npy").read_bytes()
    for changed in [*(data[:length] for length in range(len(data))), data + b"x"]:
        (tmp_path / "b.npy").write_bytes(changed)
        with pytest.raises(CorruptDataError):
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
def test_header_with_a_wrong_shape_is_refused(tmp_path: Path, shape: str) -> None:
    text = f"{{'descr': '<u2', 'fortran_order': False, 'shape': {shape}, }}"
    header = text.encode().ljust(117) + b"\n"
    (tmp_path / "a.npy").write_bytes(MAGIC + len(header).to_bytes(2, "little") + header + b"12")
    with pytest.raises(CorruptDataError):
        npy.open_array(str(tmp_path / "a.npy"), (6,), np.dtype("<u2"))


@given(
    order=st.permutations(["descr", "fortran_order", "shape"]),
    shape=st.lists(st.integers(0, 9), max_size=4).map(tuple),
    space=st.sampled_from(["", " ", "  "]),
    quote=st.sampled_from(["'", '"']),
    end=st.sampled_from(["", ",", ", "]),
)
def test_headers_of_other_writers_are_read(
    order: list[str], shape: tuple[int, ...], space: str, quote: str, end: str
) -> None:
    values = {"descr": f"{quote}<u4{quote}", "fortran_order": "False", "shape": repr(shape)}
    fields = f",{space}".join(f"{quote}{name}{quote}{space}:{space}{values[name]}" for name in order)
    literal = f"{{{space}{fields}{end}}}\n"
    assert ast.literal_eval(literal)["shape"] == shape
    data = MAGIC + len(literal).to_bytes(2, "little") + literal.encode()
    with tempfile.TemporaryFile() as file:
        file.write(data + bytes(4 * math.prod(shape)))
        file.seek(0)
        assert npy.read_header(file, "a.npy") == (shape, np.dtype("<u4"), len(data))
