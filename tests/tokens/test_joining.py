"""Parts that are joined to one file of ids."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.errors import CorruptDataError
from gptprep.tokens import joining
from gptprep.tokens.joining import JoinedFile
from gptprep.tokens.receipts import Part

EOT = 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("joining")


def part_of(ids: list[int], folder: Path, number: int, dtype: str) -> Part:
    path = folder / f"part-{number}.bin"
    np.array(ids, dtype).tofile(path)
    return Part(str(path), len(ids), 0, (), (), (), 0, bool(ids) and ids[-1] == EOT, by_reference=False)


@given(
    parts=st.lists(st.lists(st.integers(0, EOT), max_size=9), max_size=5),
    n_vocab=st.sampled_from([10, 100_000]),
    block=st.integers(1, 4),
    npy_header=st.booleans(),
    direct=st.booleans(),
)
def test_joined_file_has_the_ids_of_all_parts_but_the_last_end_of_text(
    folder: Path, parts: list[list[int]], n_vocab: int, block: int, npy_header: bool, direct: bool
) -> None:
    dtype = "<u2" if n_vocab == 10 else "<u4"
    expected = [token_id for ids in parts for token_id in ids]
    if expected and next(ids for ids in reversed(parts) if ids)[-1] == EOT:
        expected.pop()
    path = folder / ("x.npy" if npy_header else "x.bin")
    with pytest.MonkeyPatch.context() as patch, path.open("w+b") as file:
        patch.setattr(joining, "_COPIED_IDS", block)
        joined = JoinedFile(file, n_vocab, npy_header=npy_header, direct=direct)
        with joined:
            for number, ids in enumerate(parts):
                joined.append(part_of(ids, folder, number, dtype))
            sha256 = joined.finish(len(expected))
    found = np.load(path) if npy_header else np.fromfile(path, dtype)
    assert (found.tolist(), found.dtype) == (expected, np.dtype(dtype))
    assert sha256 == ("" if npy_header else hashlib.sha256(path.read_bytes()).hexdigest())


def test_part_that_has_changed_is_an_error(tmp_path: Path) -> None:
    part = part_of([1, 2, 3], tmp_path, 0, "<u2")
    np.array([1, 2], "<u2").tofile(part.path)
    with (
        (tmp_path / "x.bin").open("w+b") as file,
        JoinedFile(file, 10, npy_header=False, direct=False) as joined,
        pytest.raises(CorruptDataError, match="holds 2 ids of uint16"),
    ):
        joined.append(part)
        joined.finish(3)
