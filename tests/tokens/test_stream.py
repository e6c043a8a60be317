"""Token streams over several files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.tokens.stream import TokenStream


@given(
    data=st.data(),
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    keep=st.booleans(),
    many=st.sampled_from([0, 2, 1000]),
)
def test_ids_are_gathered_from_any_position(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, sizes: list[int], keep: bool, many: int
) -> None:
    folder = tmp_path_factory.mktemp("stream")
    ids = np.arange(1, sum(sizes) + 1, dtype="<u2")
    parts, start = [], 0
    for number, size in enumerate(sizes):
        ids[start : start + size].tofile(folder / f"{number}.bin")
        parts.append((str(folder / f"{number}.bin"), size))
        start += size
    n_ids = data.draw(st.integers(0, len(ids)))
    stream = TokenStream(parts, ids.dtype, n_ids, keep_mapped=keep)
    length = data.draw(st.integers(1, 12))
    starts = data.draw(st.lists(st.integers(0, max(0, n_ids - 1)), max_size=20))
    padded = [*ids[:n_ids].tolist(), *[0] * length]
    expected = [padded[start : start + length] for start in starts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gptprep.tokens.stream._MANY", many)
        assert stream.gather(np.array(starts, np.int64), length).tolist() == expected
