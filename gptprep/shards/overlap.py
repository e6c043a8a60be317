"""Whether shuffled windows continue the windows before them in the text.

Each window has two fingerprints: of the ids that it shares with the window before it in the text, and of
those that it shares with the one after it. When all windows have been read, neighbours in the text must
match.

Shape letters: N windows of a split, B windows of a block, L context length.
"""

import numpy as np
from numpy.typing import NDArray

from gptprep.windows.shuffle import permute

_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd; its powers are the weights of a fingerprint."""


def fingerprints(
    inputs_BL: NDArray[np.uint64], targets_BL: NDArray[np.uint64], stride: int
) -> NDArray[np.uint64]:
    """Hashes of the ids shared with the window before and the one after, (B, 2); the stride is at most L."""
    shared = inputs_BL.shape[1] - stride + 1
    weights = np.cumprod(np.full(shared, _BASE))
    before = inputs_BL[:, :shared] @ weights
    after = inputs_BL[:, stride:] @ weights[:-1] + targets_BL[:, -1] * weights[-1]
    return np.stack([before, after], axis=1)


def first_mismatch(fingerprints_N2: NDArray[np.uint64], seed: int) -> int | None:
    """The stored number of the first window, in text order, that does not continue the one before it."""
    n_windows = len(fingerprints_N2)
    rows = np.empty(n_windows, np.int64)
    rows[permute(np.arange(n_windows), n_windows, seed)] = np.arange(n_windows)
    in_text_order = fingerprints_N2[rows]
    wrong = (in_text_order[:-1, 1] != in_text_order[1:, 0]).nonzero()[0]
    return int(rows[wrong[0] + 1]) if len(wrong) else None
