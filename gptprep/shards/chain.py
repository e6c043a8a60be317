"""Whether shuffled windows go on where the ones before them in the text say.

Each window has two fingerprints: of the ids that it shares with the window before it in the text, and with
the one after it. When all windows have been read, those of neighbours have to be the same.

Legend: N windows of a split, B of a block, L context length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gptprep import shuffling

_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd: its powers are a fingerprint's weights."""


def fingerprints(
    inputs_BL: NDArray[np.uint64], targets_BL: NDArray[np.uint64], stride: int
) -> NDArray[np.uint64]:
    """Of the ids that windows share with the one before and the one after, (B, 2); strides are at most L."""
    shared = inputs_BL.shape[1] - stride + 1
    weights = np.cumprod(np.full(shared, _BASE))
    before = inputs_BL[:, :shared] @ weights
    after = inputs_BL[:, stride:] @ weights[:-1] + targets_BL[:, -1] * weights[-1]
    return np.stack([before, after], axis=1)


def first_break(fingerprints_N2: NDArray[np.uint64], seed: int) -> int | None:
    """The row of the first window, in the order of the text, that does not go on from the one before it."""
    n_windows = len(fingerprints_N2)
    rows = np.empty(n_windows, np.int64)
    rows[shuffling.permute(np.arange(n_windows), n_windows, seed)] = np.arange(n_windows)
    in_order = fingerprints_N2[rows]
    wrong = (in_order[:-1, 1] != in_order[1:, 0]).nonzero()[0]
    return int(rows[wrong[0] + 1]) if len(wrong) else None
