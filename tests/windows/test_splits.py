"""Train and val: which ids each split has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.folders import window, window_options
from tests.helpers.slow_windows import EOT, WINDOW_OPTIONS, split_rows, stored_rows

CHOICES = st.fixed_dictionaries({**WINDOW_OPTIONS, "val_fraction": st.sampled_from(["0.2", "0.5"])})


@given(documents=st.lists(st.integers(1, 14), min_size=2, max_size=9), choices=CHOICES)
@settings(max_examples=60)
def test_no_id_of_a_val_target_is_in_a_train_window(
    tmp_path_factory: pytest.TempPathFactory, documents: list[int], choices: dict[str, Any]
) -> None:
    """Each id occurs once in the corpus, so an id tells its position."""
    folder = tmp_path_factory.mktemp("splits")
    ids = iter(range(EOT))
    for number, size in enumerate(documents):
        np.array([next(ids) for _ in range(size)], "<u2").tofile(folder / f"{number:03d}.bin")
    spec = window_options([], "", **choices).windows
    if not all(split_rows([[0] * size for size in documents], spec).values()):
        return
    window([folder / "*.bin"], folder / "out", **choices)
    train = {token for row in stored_rows(folder / "out", "train") for side in row[:2] for token in side}
    val = {token for row in stored_rows(folder / "out", "val") for token in row[1]}
    assert train & val <= {EOT}
