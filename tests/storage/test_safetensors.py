"""Headers of safetensors files: what the library writes, and what nobody may believe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.storage.safetensors import is_safetensors, read_tensor_formats


def written(folder: Path, header: Any, data: bytes = b"") -> str:
    """The path of a file with a header."""
    text = json.dumps(header).encode()
    path = folder / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return str(path)


def test_formats_are_those_of_the_saved_tensors(tmp_path: Path) -> None:
    path = str(tmp_path / "x.safetensors")
    arrays: dict[str, NDArray[Any]] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.arange(4, dtype=np.int64),
    }
    save_file(arrays, path, {"some": "metadata"})
    assert is_safetensors(path)
    data = Path(path).read_bytes()
    for name, tensor in read_tensor_formats(path).items():
        array = arrays[name]
        assert (tensor.shape, tensor.dtype) == (array.shape, {"a": "float32", "b": "I64"}[name])
        assert data[tensor.offset : tensor.offset + array.nbytes] == array.tobytes()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtypes_have_the_names_of_torch(tmp_path: Path, dtype: str) -> None:
    path = str(tmp_path / "x.safetensors")
    save_torch({"a": torch.zeros(2, 2, dtype=getattr(torch, dtype))}, path)
    assert read_tensor_formats(path)["a"].dtype == dtype


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"a": 1},
        {"a": {"dtype": "F32", "shape": [2]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8, 9]}},
        {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}},
        {"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [True, 2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": 2, "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [1] * 40, "data_offsets": [0, 4]}},
        {"a": {"dtype": "X", "shape": [2], "data_offsets": [0, 8]}},
        {"a": {"dtype": [], "shape": [2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": ["0", "8"]}},
    ],
)
def test_header_that_does_not_fit_is_damage(tmp_path: Path, header: Any) -> None:
    with pytest.raises(CorruptDataError):
        read_tensor_formats(written(tmp_path, header, bytes(8)))


def test_truncated_header_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes((99).to_bytes(8, "little") + b"{}")
    with pytest.raises(CorruptDataError, match="truncated"):
        read_tensor_formats(str(path))


def test_folders_and_missing_files_are_explained(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(GptprepError):
            is_safetensors(str(path))
